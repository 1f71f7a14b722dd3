import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { dynamoDbFaults, HASTE } from "../support/load-faults.ts";
import { runMixedLoad } from "../support/mixed-load.ts";
import { henrick, MRN } from "../support/registration-harness.ts";
import { discrepancies } from "../support/registration-invariants.ts";
import { retryingClient } from "../support/retrying-client.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { type TwinWorld, worldOfTwin } from "../support/world-of-twin.ts";

let twin: Twin;
let world: TwinWorld;

/** One twin for the tests of a group, each of which leaves it without a fault. */
function onTwin(options: Parameters<typeof startAdapter>[0]): void {
  beforeAll(async () => {
    twin = await startAdapter(options);
    world = await worldOfTwin(twin);
  }, 120_000);
  afterAll(async () => {
    world?.close();
    await twin?.close();
  });
}

const PATIENCE = { longestWaitMs: 2_000, giveUpAfterMs: 60_000 };
const WRITES = ["PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"];

describe("a table that fails", () => {
  // The SDK waits for seconds before it repeats what was throttled.
  onTwin({});

  it.each([
    ["loses the reply to every write once", { resetAfterWrite: { count: 1, operations: WRITES } }],
    ["loses every write once", { resetBeforeWrite: { count: 1, operations: WRITES } }],
    ["cancels every write on a conflict at first", { transactionConflict: { count: 3, operations: WRITES } }],
    ["throttles every write at first", { throttling: { count: 1, operations: WRITES } }],
  ])(
    "%s, and nobody notices",
    async (_, switches) => {
      const client = fhirClient(twin.url);
      const earlier = twin.dynamodb.requests().length;
      const step = async (run: () => Promise<{ readonly status: number }>) => {
        twin.dynamodb.configure(switches);
        return (await run()).status;
      };
      let id = "";
      expect(
        await step(async () => {
          const created = await client.create(henrick());
          id = idIn(created.headers);
          return created;
        }),
      ).toBe(201);
      const telecom = [{ system: "email", value: "henrick.t@testingson.example" }] as const;
      expect(await step(() => client.update(henrick({ id, telecom: [...telecom] })))).toBe(200);
      expect(await step(() => client.remove(id))).toBe(204);
      expect(await step(() => client.update(henrick({ id })))).toBe(201);
      twin.dynamodb.configure({});
      const struck = twin.dynamodb
        .requests()
        .slice(earlier)
        .filter(({ fault }) => fault !== undefined);
      expect(struck.length).toBeGreaterThanOrEqual(4);
      expect(discrepancies(await world.read(), { held: 1 })).toEqual([]);
      expect((await client.remove(id)).status).toBe(204);
    },
    60_000,
  );
});

describe("a table that fails at random", () => {
  onTwin(HASTE);

  it("still registers one patient when a hundred clients say If-None-Exist", async () => {
    twin.dynamodb.configure(dynamoDbFaults(11));
    const send = retryingClient(twin.url, { ...PATIENCE, random: seededRandom(11) });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        send("POST", "/Patient", {
          body: henrick(),
          headers: { "If-None-Exist": `identifier=${MRN.system}|${MRN.value}` },
        }),
      ),
    );
    twin.dynamodb.configure({});
    // The answer of the one that registered it may have been lost with its function's last write.
    expect(answers.filter(({ status }) => status === 201).length).toBeLessThanOrEqual(1);
    expect(answers.filter(({ status }) => status !== 201 && status !== 200)).toEqual([]);
    expect(new Set(answers.map(({ headers }) => idIn(headers))).size).toBe(1);
    await world.rest(20_000);
    expect(discrepancies(await world.read(), { held: 1 })).toEqual([]);
  }, 90_000);

  it("lets forty clients update one patient, and the last version is what Particle holds", async () => {
    const id = idIn((await fhirClient(twin.url).create(henrick())).headers);
    twin.dynamodb.configure(dynamoDbFaults(13));
    const send = retryingClient(twin.url, { ...PATIENCE, random: seededRandom(13) });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, number) => {
        const address = [{ line: [`${number + 1} Elm Street`], city: "Boston", state: "MA", postalCode: "02215" }];
        return send("PUT", `/Patient/${id}`, { body: henrick({ id, address }) });
      }),
    );
    twin.dynamodb.configure({});
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    await world.rest(20_000);
    // That what the mapping says was sent is what Particle holds is one of them.
    expect(discrepancies(await world.read(), { held: 1 })).toEqual([]);
  }, 90_000);

  it("leaves nobody with an answer that is not so, whatever is done meanwhile", async () => {
    const before = twin.dynamodb.requests().length;
    twin.dynamodb.configure(dynamoDbFaults(12));
    const report = await runMixedLoad(twin.url, {
      ...PATIENCE,
      name: "faults",
      clients: 8,
      operations: 16,
      until: Date.now() + 6_000,
      seed: 12,
    });
    const requests = twin.dynamodb.requests().slice(before);
    const struck = new Set(requests.flatMap(({ fault }) => fault ?? []));
    twin.dynamodb.configure({});
    await world.rest(20_000);
    expect(report.untruths(twin.particle.patients())).toEqual([]);
    expect(discrepancies(await world.read())).toEqual([]);
    expect([...struck].sort()).toEqual(["resetAfterWrite", "resetBeforeWrite", "throttling", "transactionConflict"]);
  }, 90_000);
});
