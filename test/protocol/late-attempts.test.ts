import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { type Answer, type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick } from "../support/registration-harness.ts";

let twin: Twin;
let client: FhirClient;

beforeAll(async () => {
  twin = await startAdapter({ environment: { PARTICLE_ATTEMPT_TIMEOUT_MS: "500", SETTLE_SECONDS: "2" } });
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

const livingIn = (id: string, city: string) =>
  henrick({ id, address: [{ line: ["1 Elm Street"], city, state: "MA", postalCode: "02215" }] });

/** As a client does that honours Retry-After. */
async function untilDone<Resource>(send: () => Promise<Answer<Resource>>): Promise<Answer<Resource>> {
  for (let round = 0; round < 10; round += 1) {
    const answer = await send();
    if (answer.status !== 409) {
      return answer;
    }
    await sleep(Number(answer.headers.get("retry-after")) * 1_000);
  }
  throw new Error("It never ended.");
}

/** Its caller gives up after half a second and succeeds with a repeat; this one arrives after that. */
const lateFirstAttempt = (method: string) =>
  twin.particle.configure({ faults: [{ fault: "late-commit", commitAfterMs: 1_200, methods: [method], times: 1 }] });

describe("a first attempt that arrives after its repeat", () => {
  it("does not overwrite the update that follows", async () => {
    const id = idIn((await client.create(henrick())).headers);
    lateFirstAttempt("POST");
    expect((await client.update(livingIn(id, "Boston"))).status).toBe(200);
    expect((await client.update(livingIn(id, "Cambridge"))).status).toBe(409);
    expect((await client.read(id)).resource.address).toMatchObject([{ city: "Boston" }]);
    expect((await untilDone(() => client.update(livingIn(id, "Cambridge")))).status).toBe(200);
    await sleep(1_500);
    expect(twin.particle.patients()).toMatchObject([{ address_city: "Cambridge" }]);
    await untilDone(() => client.remove(id));
  });

  it("does not delete the patient that was revived", async () => {
    const id = idIn((await untilDone(() => client.create(henrick({ gender: "female" })))).headers);
    lateFirstAttempt("DELETE");
    expect((await client.remove(id)).status).toBe(204);
    expect((await untilDone(() => client.update(henrick({ id, gender: "female" })))).status).toBe(201);
    await sleep(1_500);
    expect(twin.particle.patients()).toHaveLength(1);
    expect((await client.read(id)).status).toBe(200);
  });
});
