import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { canonicalDemographics } from "../../shared/mapping/canonical-demographics.ts";
import { fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { HASTE, particleWeather } from "../support/load-faults.ts";
import { runMixedLoad } from "../support/mixed-load.ts";
import { henrick, MRN } from "../support/registration-harness.ts";
import { discrepancies } from "../support/registration-invariants.ts";
import { retryingClient } from "../support/retrying-client.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { type TwinWorld, worldOfTwin } from "../support/world-of-twin.ts";

let twin: Twin;
let world: TwinWorld;

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

const patience = { longestWaitMs: 2_000, giveUpAfterMs: 60_000, random: seededRandom(1) };

describe("many clients at once", () => {
  onTwin({});

  it("register one patient when all say If-None-Exist", async () => {
    const send = retryingClient(twin.url, patience);
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, () =>
        send("POST", "/Patient", {
          body: henrick(),
          headers: { "If-None-Exist": `identifier=${MRN.system}|${MRN.value}` },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(999);
    expect(new Set(answers.map(({ headers }) => idIn(headers))).size).toBe(1);
    expect(twin.particle.patients()).toHaveLength(1);
    expect(twin.particle.requests().filter(({ method }) => method === "POST")).toHaveLength(1);
    expect(discrepancies(await world.read(), { held: 1 })).toEqual([]);
  }, 90_000);

  it("update one patient one after the other, and the last version is what Particle holds", async () => {
    // Registered by the test before, or by this one.
    const id = idIn((await fhirClient(twin.url).create(henrick())).headers);
    const send = retryingClient(twin.url, patience);
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, number) => {
        const line = `${number + 1} Elm Street`;
        const address = [{ line: [line], city: "Boston", state: "MA", postalCode: "02215" }];
        const { status, headers } = await send("PUT", `/Patient/${id}`, { body: henrick({ id, address }) });
        return { status, line, version: headers.get("etag") };
      }),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect(new Set(answers.map(({ version }) => version)).size).toBe(200);
    const last = answers.find(({ version }) => version === 'W/"201"');
    const [held] = twin.particle.patients();
    expect(held?.address_lines).toEqual([last?.line]);
    const now = await world.read();
    const [mapping] = now.mappings;
    expect(mapping).toMatchObject({ version: 201, state: "registered" });
    expect(mapping?.sent && now.keyedHash.exactlySameContent(mapping.sent, canonicalDemographics(held ?? {}))).toBe(
      true,
    );
    expect(discrepancies(now, { held: 1 })).toEqual([]);
  }, 90_000);
});

describe("many clients at once, while Particle fails", () => {
  onTwin(HASTE);

  it("do everything there is to do, and whatever they were told is so", async () => {
    const load = runMixedLoad(twin.url, {
      name: "load",
      clients: 16,
      operations: 24,
      until: Date.now() + 6_000,
      seed: 20_261_122,
      longestWaitMs: 2_000,
      giveUpAfterMs: 60_000,
    });
    expect(await particleWeather(twin.particle, 7, load)).toBeGreaterThanOrEqual(1);
    const report = await load;
    await world.rest(20_000);
    const faults = twin.particle.requests().filter(({ fault }) => fault !== undefined);
    expect(report.untruths(twin.particle.patients())).toEqual([]);
    expect(discrepancies(await world.read())).toEqual([]);
    // It was not for lack of faults.
    expect(faults.length).toBeGreaterThan(20);
  }, 120_000);
});
