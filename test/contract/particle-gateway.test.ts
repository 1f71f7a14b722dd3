import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startParticleSimulator } from "../../local/particle/simulator.ts";
import type { SwitchChanges } from "../../local/particle/switches.ts";
import type { Demographics } from "../../shared/mapping/demographics.ts";
import { requestToken } from "../../shared/particle/authenticate.ts";
import { createParticleGateway } from "../../shared/particle/http-particle-gateway.ts";
import type { ParticleGateway } from "../../shared/particle/particle-gateway.ts";
import { createTokenSource } from "../../shared/particle/token-source.ts";
import { adapterErrorOf } from "../support/adapter-error.ts";
import { createFakeParticleGateway } from "../support/fake-particle-gateway.ts";

const henrick: Demographics = {
  given_name: "Henrick",
  family_name: "Testingson",
  date_of_birth: "1957-03-23",
  gender: "MALE",
  postal_code: "12345",
  address_city: "Roxbury",
  address_state: "MA",
  address_lines: ["123 Mulberry Court"],
  ssn: "123-45-6789",
  email: "henrick@example.com",
  telephone: "234-567-8910",
};
const { address_lines: _lines, ssn: _ssn, email: _email, telephone: _telephone, ...required } = henrick;

type Write = "putPatient" | "deletePatient";

/** A gateway, and a Particle behind it that can be told what to do with the writes that come. */
type Subject = {
  readonly gateway: ParticleGateway;
  /** Particle carries every write of this kind out, and its answers are lost. */
  loseAnswers(method: Write): void;
  /** Particle refuses every write of this kind. */
  refuse(method: Write, how: "rejected" | "throttled"): void;
  /** Everything works again. */
  heal(): void;
  close(): Promise<void>;
};

function startFake(): Subject {
  const fake = createFakeParticleGateway();
  const unavailable = { kind: "particle-unavailable", retryAfterSeconds: 10 } as const;
  const refusals = {
    rejected: { kind: "particle-rejected", refused: "demographics" },
    throttled: { kind: "particle-throttled", retryAfterSeconds: 30 },
  } as const;
  return {
    gateway: fake,
    loseAnswers: (method) => fake.failNext(method, { failure: unavailable, outcomeUnknown: true, carriedOut: true }),
    refuse: (method, how) => fake.failNext(method, { failure: refusals[how] }),
    heal: () => {},
    close: async () => {},
  };
}

/** Where the vendor's pages contradict each other, the other reading of each. */
const otherReadings: SwitchChanges = {
  absentOptionals: "null",
  authorizationForms: ["raw"],
  deleteBody: "text",
  echoConsent: false,
  emptyList: "null",
  errorBody: "text",
  lastToken: "empty",
  listItems: "objects",
  overlayStatus: 409,
};

async function startAdapter(apiVersion: "v1" | "v2", prefix: string, switches: SwitchChanges): Promise<Subject> {
  const simulator = await startParticleSimulator({ port: 0, switches });
  const { clientId, clientSecret } = simulator.switches();
  const credentials = { client_id: clientId, client_secret: clientSecret };
  const tokens = createTokenSource(() => requestToken({ baseUrl: simulator.url, timeoutMs: 5_000 }, credentials));
  const settings = { baseUrl: simulator.url, apiVersion, authorizationPrefix: prefix, attemptTimeoutMs: 5_000 };
  const effects = { now: Date.now, random: () => 0, sleep: async () => {} };
  const verbs = { putPatient: ["POST"], deletePatient: ["DELETE"] };
  const refusals = {
    rejected: { fault: "status", status: 422 },
    throttled: { fault: "status", status: 429, retryAfterSeconds: 30 },
  } as const;
  return {
    gateway: createParticleGateway(settings, tokens, effects),
    loseAnswers: (method) =>
      void simulator.configure({ faults: [{ fault: "reset-after-commit", methods: verbs[method] }] }),
    refuse: (method, how) => void simulator.configure({ faults: [{ ...refusals[how], methods: verbs[method] }] }),
    heal: () => void simulator.configure({ faults: [] }),
    close: () => simulator.close(),
  };
}

async function all(pages: AsyncIterable<{ readonly patient_ids: readonly string[] }>): Promise<string[][]> {
  const read: string[][] = [];
  for await (const page of pages) {
    read.push([...page.patient_ids]);
  }
  return read;
}

describe.each([
  { name: "the fake", start: async () => startFake() },
  { name: "the HTTP adapter against the simulator", start: () => startAdapter("v1", "Bearer", {}) },
  { name: "the HTTP adapter, other readings of the vendor", start: () => startAdapter("v2", "", otherReadings) },
])("ParticleGateway: $name", ({ start }) => {
  let subject: Subject;
  let gateway: ParticleGateway;
  const soon = () => ({ deadline: Date.now() + 8_000 });

  beforeEach(async () => {
    subject = await start();
    gateway = subject.gateway;
  });
  afterEach(() => subject.close());

  it("answers what Particle holds after a put, and again when asked", async () => {
    const put = await gateway.putPatient("p-1", henrick, soon());
    expect(put).toStrictEqual({
      patient_id: "p-1",
      particle_patient_id: expect.stringMatching(/./),
      demographics: { ...henrick, telephone: "(234) 567-8910" },
    });
    expect(await gateway.getPatient("p-1", soon())).toStrictEqual(put);
  });

  it("leaves out what Particle holds no value for", async () => {
    expect((await gateway.putPatient("p-1", required, soon())).demographics).toStrictEqual(required);
    expect((await gateway.getPatient("p-1", soon()))?.demographics).toStrictEqual(required);
  });

  it("replaces the whole record under the same particle_patient_id", async () => {
    const first = await gateway.putPatient("p-1", henrick, soon());
    const moved = { ...required, address_city: "Boston", postal_code: "02118" };
    const second = await gateway.putPatient("p-1", moved, soon());
    expect(second.demographics).toStrictEqual(moved);
    expect(second.particle_patient_id).toBe(first.particle_patient_id);
    expect(await gateway.getPatient("p-1", soon())).toStrictEqual(second);
  });

  it("keeps patients apart whose ids need encoding", async () => {
    const ids = ["a/b", "a b", "a%2Fb", "a?b=c", "a#b", "ä+1", "...", "a&b;c|d"];
    for (const id of ids) {
      await gateway.putPatient(id, required, soon());
    }
    for (const id of ids) {
      expect((await gateway.getPatient(id, soon()))?.patient_id).toBe(id);
    }
    for (const id of ids) {
      await gateway.deletePatient(id, soon());
      expect(await gateway.getPatient(id, soon())).toBeUndefined();
    }
  });

  it("answers undefined for a patient that Particle does not hold", async () => {
    expect(await gateway.getPatient("nobody", soon())).toBeUndefined();
  });

  it("deletes, and takes deleting again for done", async () => {
    await gateway.putPatient("p-1", henrick, soon());
    await gateway.deletePatient("p-1", soon());
    expect(await gateway.getPatient("p-1", soon())).toBeUndefined();
    await gateway.deletePatient("p-1", soon());
  });

  it("holds another person under the id only after a delete", async () => {
    await gateway.putPatient("p-1", henrick, soon());
    const other = { ...henrick, given_name: "Other", family_name: "Person", date_of_birth: "1990-01-01" };
    const error = await adapterErrorOf(gateway.putPatient("p-1", other, soon()));
    expect(error.failure).toStrictEqual({ kind: "particle-overlay" });
    expect(error.outcomeUnknown).toBe(false);
    expect((await gateway.getPatient("p-1", soon()))?.demographics.given_name).toBe("Henrick");

    await gateway.deletePatient("p-1", soon());
    expect((await gateway.putPatient("p-1", other, soon())).demographics.given_name).toBe("Other");
  });

  it("lists nothing when there is nothing", async () => {
    expect((await all(gateway.listPatientIds(undefined, soon()))).flat()).toEqual([]);
  });

  it("lists every id once, over pages, from any page on", async () => {
    const ids = Array.from({ length: 410 }, (_, index) => `p-${String(index).padStart(3, "0")}`);
    await Promise.all(ids.map((id) => gateway.putPatient(id, required, soon())));

    const pages = [];
    for await (const page of gateway.listPatientIds(undefined, soon())) {
      pages.push(page);
    }
    expect(pages.map((page) => page.patient_ids.length)).toEqual([200, 200, 10]);
    expect(pages.flatMap((page) => page.patient_ids).sort()).toEqual(ids);
    expect(pages.at(-1)).not.toHaveProperty("continuation_token");

    const fromSecond = await all(gateway.listPatientIds(pages[0]?.continuation_token, soon()));
    expect(fromSecond).toEqual(pages.slice(1).map((page) => page.patient_ids));
  });

  it("fetches a page only when it is asked for", async () => {
    const ids = Array.from({ length: 201 }, (_, index) => `p-${index}`);
    await Promise.all(ids.map((id) => gateway.putPatient(id, required, soon())));
    for await (const page of gateway.listPatientIds(undefined, soon())) {
      for (const id of page.patient_ids) {
        await gateway.deletePatient(id, soon());
      }
      break;
    }
    expect((await all(gateway.listPatientIds(undefined, soon()))).flat()).toHaveLength(1);
  });

  it("does nothing after the deadline, and says so for certain", async () => {
    const over = { deadline: Date.now() };
    for (const work of [
      gateway.putPatient("p-1", henrick, over),
      gateway.deletePatient("p-1", over),
      gateway.getPatient("p-1", over),
      all(gateway.listPatientIds(undefined, over)),
    ]) {
      const error = await adapterErrorOf(work);
      expect(error.failure.kind).toBe("particle-unavailable");
      expect(error.outcomeUnknown).toBe(false);
    }
    expect(await gateway.getPatient("p-1", soon())).toBeUndefined();
  });

  it("does not know the outcome of a put of which no answer came", async () => {
    subject.loseAnswers("putPatient");
    const error = await adapterErrorOf(gateway.putPatient("p-1", henrick, soon()));
    expect(error.failure.kind).toBe("particle-unavailable");
    expect(error.outcomeUnknown).toBe(true);
    expect((await gateway.getPatient("p-1", soon()))?.patient_id).toBe("p-1");
  });

  it("does not know the outcome of a delete of which no answer came", async () => {
    await gateway.putPatient("p-1", henrick, soon());
    subject.loseAnswers("deletePatient");
    const error = await adapterErrorOf(gateway.deletePatient("p-1", soon()));
    expect(error.outcomeUnknown).toBe(true);
    subject.heal();
    expect(await gateway.getPatient("p-1", soon())).toBeUndefined();
  });

  it.each(["rejected", "throttled"] as const)("knows that a put that was %s changed nothing", async (how) => {
    subject.refuse("putPatient", how);
    const error = await adapterErrorOf(gateway.putPatient("p-1", henrick, { deadline: Date.now() + 5_000 }));
    expect(error.failure.kind).toBe(`particle-${how}`);
    if (error.failure.kind === "particle-throttled") {
      expect(error.failure.retryAfterSeconds).toBe(30);
    }
    expect(error.outcomeUnknown).toBe(false);
    expect(await gateway.getPatient("p-1", soon())).toBeUndefined();
  });
});
