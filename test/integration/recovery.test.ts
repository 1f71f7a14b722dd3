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
});
