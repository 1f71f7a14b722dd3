import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick } from "../support/registration-harness.ts";

let twin: Twin;
let client: FhirClient;

beforeAll(async () => {
  // Operations end their time after 1 second, and are decided from then on.
  twin = await startAdapter({ timeoutMs: 4_000, environment: { SETTLE_SECONDS: "0" } });
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

const recover = async (): Promise<Record<string, unknown>> => {
  expect(await twin.invoke("RecoverRegistrations", {})).toMatchObject({ ok: true });
  const lines = twin.logs().flatMap(({ text }) => text.split("\n"));
  const metrics = lines.filter((line) => line.includes("OverdueOperations")).at(-1) ?? "{}";
  return JSON.parse(metrics);
};

describe("recover-registrations", () => {
  it("decides what nobody came back for, and counts it", async () => {
    const patient = henrick();
    twin.particle.configure({ faults: [{ fault: "status-after-commit", status: 500, methods: ["POST"] }] });
    expect((await client.create(patient)).status).toBe(503);
    twin.particle.reset();
    await sleep(1_500);
    expect(await recover()).toMatchObject({ OverdueOperations: 1, RecoveredOperations: 1, UndecidableOperations: 0 });
    const retried = await client.create(patient);
    expect(retried.status).toBe(200);
    expect((await client.read(idIn(retried.headers))).status).toBe(200);
    expect(twin.particle.patients()).toHaveLength(1);
    expect(await recover()).toMatchObject({ OverdueOperations: 0 });
  });

  it("says why it could not decide one, without a word of the patient", async () => {
    twin.particle.configure({ faults: [{ fault: "reset-after-commit", methods: ["POST"] }] });
    expect((await client.create(henrick({ name: [{ family: "Undecided", given: ["Una"] }] }))).status).toBe(503);
    await sleep(1_500);
    twin.particle.configure({ faults: [{ fault: "status", status: 403 }] });
    expect(await recover()).toMatchObject({ OverdueOperations: 1, UndecidableOperations: 1 });
    const line = twin.logs().findLast(({ text }) => text.includes("recovery-failed"));
    expect(JSON.parse(line?.text ?? "{}")).toMatchObject({
      level: "WARN",
      failure: "particle-refuses-token",
      reason: "getPatient failed (forbidden). It answered 403.",
    });
    expect(line?.text).not.toContain("Una");
    twin.particle.reset();
    expect(await recover()).toMatchObject({ RecoveredOperations: 1 });
  });

  it("measures how old the token is, each time it runs", async () => {
    const { TokenAge } = await recover();
    expect(TokenAge).toBeGreaterThan(0);
    expect(TokenAge).toBeLessThan(120);
  });
});
