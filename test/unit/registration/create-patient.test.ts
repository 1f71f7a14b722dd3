import { describe, expect, it } from "vitest";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { deletePatient } from "../../../shared/registration/delete-patient.ts";
import { readPatient } from "../../../shared/registration/read-patient.ts";
import { recoverRegistrations } from "../../../shared/registration/recover-registrations.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import {
  createHarness,
  type Harness,
  henrick,
  LOST_REPLY,
  LOST_REQUEST,
  MRN,
  REFUSED,
  RETRY_WINDOW_MS,
  SETTLE_MS,
} from "../../support/registration-harness.ts";

const key = (name: string, body = "body") => ({ caller: "ehr", key: name, body });

const create = (harness: Harness, request: Partial<Parameters<typeof createPatient>[1]> = {}) =>
  createPatient(harness, { patient: henrick(), ...request }, harness.task());

const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;

/** Long enough for an operation that began now to be decided. */
const settle = (harness: Harness) => harness.pass(20_000 + SETTLE_MS + 1);

describe("createPatient", () => {
  it("registers the patient and records which patient_id it has", async () => {
    const harness = createHarness();
    const { outcome, mapping } = await create(harness);
    expect(outcome).toBe("created");
    expect(mapping).toMatchObject({ state: "registered", version: 1, identifiers: [MRN] });
    expect(mapping.operation).toBeUndefined();
    expect([...harness.particle.held.keys()]).toEqual([mapping.patient_id]);
    expect(harness.store.contents.reverse.get(mapping.patient_id)).toEqual({ id: mapping.id });
  });

  it("stores no demographics and no identifier in a key", async () => {
    const harness = createHarness();
    await create(harness, { ifNoneExist: MRN, idempotencyKey: key("MRN-1") });
    const { mappings, claims, index } = harness.store.contents;
    const keys = JSON.stringify([...claims.values(), ...index.keys()]);
    expect(keys).not.toMatch(/MRN-1|hospital/);
    expect(JSON.stringify([...mappings.values()])).not.toMatch(/testingson|henrick|1957|mulberry|roxbury|12345|456/i);
  });

  it("names every fault at once and touches nothing", async () => {
    const harness = createHarness();
    const failure = await failureOf(create(harness, { patient: { resourceType: "Patient" } }));
    expect(failure).toMatchObject({ kind: "unprocessable" });
    expect(failure.kind === "unprocessable" && failure.faults.length).toBeGreaterThan(3);
    expect(harness.particle.calls).toEqual([]);
    expect(harness.store.contents.mappings.size).toBe(0);
  });

  it("takes identical content for a retry within the window, and not after it", async () => {
    const harness = createHarness();
    const first = await create(harness);
    const second = await create(harness);
    expect(second).toMatchObject({ outcome: "existing", mapping: { id: first.mapping.id } });
    harness.pass(RETRY_WINDOW_MS + 1_000);
    const third = await create(harness);
    expect(third.outcome).toBe("created");
    expect(harness.particle.held.size).toBe(2);
  });

  it("counts the window from the registration, whatever the patient becomes meanwhile", async () => {
    const harness = createHarness();
    const { mapping } = await create(harness);
    harness.pass(RETRY_WINDOW_MS / 2);
    const { id } = mapping;
    await updatePatient(harness, { id, patient: henrick({ id, telecom: [] }) }, harness.task());
    harness.pass(RETRY_WINDOW_MS / 2 + 1_000);
    expect((await create(harness)).outcome).toBe("created");
  });

  it("takes no content for a retry where the deployment says so, or a new Idempotency-Key", async () => {
    const off = createHarness({ retryWindowMs: 0 });
    await create(off);
    expect((await create(off)).outcome).toBe("created");
    const keyed = createHarness();
    await create(keyed, { idempotencyKey: key("one") });
    expect((await create(keyed, { idempotencyKey: key("two") })).outcome).toBe("created");
  });

  it("gives the same answer to the same Idempotency-Key, and refuses it with another body", async () => {
    const harness = createHarness();
    const first = await create(harness, { idempotencyKey: key("one") });
    const again = await create(harness, { idempotencyKey: key("one") });
    expect(again).toMatchObject({ outcome: "repeated", mapping: { id: first.mapping.id, version: 1 } });
    const failure = await failureOf(create(harness, { idempotencyKey: key("one", "other") }));
    expect(failure).toMatchObject({ kind: "unprocessable", faults: [{ code: "business-rule" }] });
    const other = { ...key("one"), caller: "another" };
    expect((await create(harness, { idempotencyKey: other })).outcome).toBe("created");
  });

  it("finds the match of If-None-Exist whoever registered it", async () => {
    const harness = createHarness();
    await updatePatient(harness, { id: "own-id", patient: henrick({ id: "own-id" }) }, harness.task());
    const found = await create(harness, { patient: henrick({ gender: "female" }), ifNoneExist: MRN });
    expect(found).toMatchObject({ outcome: "existing", mapping: { id: "own-id" } });
  });

  it("looks for the match of If-None-Exist also with a new Idempotency-Key", async () => {
    const harness = createHarness();
    const first = await create(harness, { idempotencyKey: key("one") });
    const second = await create(harness, { idempotencyKey: key("two"), ifNoneExist: MRN });
    expect(second).toMatchObject({ outcome: "existing", mapping: { id: first.mapping.id } });
  });

  it("refuses If-None-Exist where several match", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    await create(harness);
    await create(harness);
    expect(await failureOf(create(harness, { ifNoneExist: MRN }))).toEqual({ kind: "multiple-matches" });
  });

  it("locks others out of the claim while it is in flight, and lets them find the patient after", async () => {
    const harness = createHarness();
    let meanwhile: unknown;
    harness.particle.beforeNext("putPatient", async () => {
      meanwhile = await failureOf(create(harness, { ifNoneExist: MRN }));
    });
    const first = await create(harness, { ifNoneExist: MRN });
    expect(meanwhile).toEqual({ kind: "in-flight", retryAfterSeconds: 1 });
    expect(await create(harness, { ifNoneExist: MRN })).toMatchObject({
      outcome: "existing",
      mapping: { id: first.mapping.id },
    });
  });

  it("finds a patient with the identifier that came to be registered only after it had looked", async () => {
    const harness = createHarness();
    const { findMany } = harness.store;
    let registered: unknown;
    const store = {
      ...harness.store,
      findMany: async (ids: readonly string[]) => {
        const found = await findMany(ids);
        registered ??= (await create(harness)).mapping.id;
        return found;
      },
    };
    const late = await createPatient({ ...harness, store }, { patient: henrick(), ifNoneExist: MRN }, harness.task());
    expect(late).toMatchObject({ outcome: "existing", mapping: { id: registered } });
    expect(harness.particle.held.size).toBe(1);
  });

  it("leaves nothing behind when Particle refuses", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", REFUSED);
    expect(await failureOf(create(harness, { ifNoneExist: MRN }))).toMatchObject({ kind: "particle-rejected" });
    const { mappings, claims, reverse, index } = harness.store.contents;
    expect([mappings.size, claims.size, reverse.size]).toEqual([0, 0, 0]);
    expect([...index.values()].every((ids) => ids.size === 0)).toBe(true);
    expect((await create(harness, { ifNoneExist: MRN })).outcome).toBe("created");
  });

  it("keeps an operation of unknown outcome open, and says when it makes sense to come back", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REPLY);
    const failure = await failureOf(create(harness));
    expect(failure).toEqual({ kind: "particle-unavailable", retryAfterSeconds: (20_000 + SETTLE_MS) / 1_000 });
    harness.pass(20_000);
    expect(await failureOf(create(harness))).toEqual({ kind: "in-flight", retryAfterSeconds: SETTLE_MS / 1_000 });
  });

  it.each([
    ["that did arrive", LOST_REPLY],
    ["that did not arrive", LOST_REQUEST],
  ])("never makes a second patient of the retry of a request %s", async (_, fault) => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", fault);
    await failureOf(create(harness));
    const [opened] = [...harness.store.contents.mappings.values()];
    settle(harness);
    const retried = await create(harness);
    expect(retried.mapping).toMatchObject({ id: opened?.id, patient_id: opened?.patient_id, state: "registered" });
    expect([...harness.particle.held.keys()]).toEqual([opened?.patient_id]);
    expect(await readPatient(harness, { id: retried.mapping.id }, harness.task().deadline)).toMatchObject({
      mapping: { version: 1 },
    });
  });

  it("goes on with the abandoned patient_id under any of its claims", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(create(harness, { idempotencyKey: key("one"), ifNoneExist: MRN }));
    const [abandoned] = [...harness.store.contents.mappings.values()];
    settle(harness);
    const retried = await create(harness, { patient: henrick({ birthDate: "1957-03-24" }), ifNoneExist: MRN });
    expect(retried.mapping.patient_id).toBe(abandoned?.patient_id);
    expect(harness.particle.held.size).toBe(1);
  });

  it("does not hide behind an abandoned patient once the retry window is over", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(create(harness));
    settle(harness);
    harness.particle.failNext("putPatient", REFUSED);
    await failureOf(create(harness));
    harness.pass(RETRY_WINDOW_MS + 1_000);
    expect((await create(harness)).outcome).toBe("created");
    expect(harness.particle.held.size).toBe(1);
  });

  it("ends the claims with the patient", async () => {
    const harness = createHarness();
    const request = { idempotencyKey: key("one"), ifNoneExist: MRN };
    const first = await create(harness, request);
    await deletePatient(harness, { id: first.mapping.id }, harness.task());
    expect(harness.store.contents.claims.size).toBe(0);
    const second = await create(harness, request);
    expect(second.outcome).toBe("created");
    expect(second.mapping.patient_id).not.toBe(first.mapping.patient_id);
  });
});

describe("createPatient, at its edges", () => {
  it("takes a fulfilled If-None-Exist for a new patient, although the content was registered before", async () => {
    const harness = createHarness();
    const first = await create(harness, { ifNoneExist: MRN });
    const without = { id: first.mapping.id, patient: henrick({ identifier: [] }) };
    await updatePatient(harness, without, harness.task());
    const second = await create(harness, { ifNoneExist: MRN });
    expect(second.outcome).toBe("created");
    expect(second.mapping.id).not.toBe(first.mapping.id);
  });

  it("says when to come back where Particle did it and the table could not be told", async () => {
    const harness = createHarness();
    const broken = { ...harness.store, finish: () => Promise.reject(new Error("out of reach")) };
    const work = createPatient({ ...harness, store: broken }, { patient: henrick() }, harness.task());
    expect(await failureOf(work)).toEqual({
      kind: "outcome-unknown",
      retryAfterSeconds: (20_000 + SETTLE_MS) / 1_000,
    });
    settle(harness);
    expect((await create(harness)).mapping.version).toBe(1);
    expect(harness.particle.held.size).toBe(1);
  });

  it("takes a named patient_id whose abandoned registration is over, also before it is collected", async () => {
    const harness = createHarness({ patientIdSystem: MRN.system });
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(create(harness));
    settle(harness);
    harness.particle.failNext("putPatient", REFUSED);
    await failureOf(create(harness));
    const [id = ""] = harness.store.contents.mappings.keys();
    harness.pass(RETRY_WINDOW_MS + 2_000);
    harness.store.forget(id);
    const next = await create(harness);
    expect(next).toMatchObject({ outcome: "created", mapping: { patient_id: MRN.value } });
    expect(harness.store.contents.reverse.get(MRN.value)).toEqual({ id: next.mapping.id });
  });
});

describe.each([
  { named: "a fresh patient_id", settings: {} },
  { named: "a patient_id that the data names", settings: { patientIdSystem: MRN.system } },
])("the repetition of a create under $named", ({ settings }) => {
  const moved = async (harness: Harness) => {
    const [id = ""] = harness.store.contents.mappings.keys();
    await updatePatient(harness, { id, patient: henrick({ id, telecom: [] }) }, harness.task());
  };

  it("is told by its key what it was told before, whatever has become of the patient", async () => {
    const harness = createHarness(settings);
    await create(harness, { idempotencyKey: key("one") });
    expect((await create(harness, { idempotencyKey: key("one") })).outcome).toBe("repeated");
    await moved(harness);
    expect((await create(harness, { idempotencyKey: key("one") })).outcome).toBe("repeated");
    const other = { patient: henrick({ telecom: [] }), idempotencyKey: key("one", "another body") };
    expect(await failureOf(create(harness, other))).toMatchObject({ kind: "unprocessable" });
  });

  it("is told by its content who was registered with it", async () => {
    const harness = createHarness(settings);
    await create(harness);
    await moved(harness);
    expect((await create(harness)).outcome).toBe("existing");
  });

  it.each([{}, { idempotencyKey: key("one") }])(
    "meets the first one however short the window is: %j",
    async (request) => {
      const harness = createHarness({ ...settings, retryWindowMs: 1_000 });
      harness.particle.failNext("putPatient", LOST_REPLY);
      await failureOf(create(harness, request));
      settle(harness);
      expect((await create(harness, request)).outcome).not.toBe("created");
      expect(harness.particle.held.size).toBe(1);
    },
  );
});

describe("identical content", () => {
  it("is no retry once the patient who was registered with it has become another person", async () => {
    const harness = createHarness();
    const { mapping } = await create(harness);
    const { id } = mapping;
    const other = henrick({ id, birthDate: "1999-09-09" });
    await updatePatient(harness, { id, patient: other }, harness.task());
    const another = { ...other, name: [{ family: "Testingson", given: ["Heinrich"] }] };
    await updatePatient(harness, { id, patient: another }, harness.task());
    expect(await failureOf(create(harness))).toEqual({ kind: "duplicate", holder: id });
    expect((await create(harness, { idempotencyKey: key("new") })).outcome).toBe("created");
  });
});

describe("an Idempotency-Key beside a condition", () => {
  it("goes on answering that it created, however the condition is looked up", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    const request = { idempotencyKey: key("one"), ifNoneExist: MRN };
    // The first one registers after its repetition has looked for the key.
    let isFirst = true;
    const findClaims: Harness["store"]["findClaims"] = async (keys) => {
      const found = await harness.store.findClaims(keys);
      if (isFirst) {
        isFirst = false;
        await create(harness, request);
      }
      return found;
    };
    const repeated = { ...harness, store: { ...harness.store, findClaims } };
    expect((await create(repeated, request)).outcome).toBe("repeated");
    expect((await create(harness, request)).outcome).toBe("repeated");
  });

  it("may be used for another request once the window is over, also before it is collected", async () => {
    const harness = createHarness();
    await create(harness, { idempotencyKey: key("one"), ifNoneExist: MRN });
    harness.pass(RETRY_WINDOW_MS + 2_000);
    const another = { system: MRN.system, value: "MRN-2" };
    const patient = henrick({ identifier: [another], birthDate: "1957-03-24" });
    const request = { patient, idempotencyKey: key("one", "another body"), ifNoneExist: another };
    expect((await create(harness, request)).outcome).toBe("created");
  });
});

describe("an Idempotency-Key that met a patient who was there already", () => {
  const meet = async () => {
    const harness = createHarness();
    const { mapping } = await create(harness);
    const met = await create(harness, { ifNoneExist: MRN, idempotencyKey: key("met") });
    expect(met).toMatchObject({ outcome: "existing", mapping: { id: mapping.id } });
    return { harness, id: mapping.id };
  };

  it("gets the same patient again, whatever becomes of the identifiers", async () => {
    const { harness, id } = await meet();
    await updatePatient(harness, { id, patient: henrick({ identifier: [] }) }, harness.task());
    const again = await create(harness, { ifNoneExist: MRN, idempotencyKey: key("met") });
    expect(again).toMatchObject({ outcome: "existing", mapping: { id } });
    expect(harness.particle.held.size).toBe(1);
  });

  it("is refused with another body", async () => {
    const { harness } = await meet();
    const other = create(harness, { ifNoneExist: MRN, idempotencyKey: key("met", "other") });
    expect(await failureOf(other)).toMatchObject({ kind: "unprocessable" });
  });

  it("is free again once the patient is deleted", async () => {
    const { harness, id } = await meet();
    await deletePatient(harness, { id }, harness.task());
    const again = await create(harness, { ifNoneExist: MRN, idempotencyKey: key("met", "other") });
    expect(again.outcome).toBe("created");
    expect(again.mapping.id).not.toBe(id);
    const repeated = await create(harness, { ifNoneExist: MRN, idempotencyKey: key("met", "other") });
    expect(repeated).toMatchObject({ outcome: "repeated", mapping: { id: again.mapping.id } });
  });

  it("does not make a second patient beside one who has the identifier by now", async () => {
    const { harness, id } = await meet();
    await deletePatient(harness, { id }, harness.task());
    const second = await create(harness);
    const again = await create(harness, { ifNoneExist: MRN, idempotencyKey: key("met") });
    expect(again).toMatchObject({ outcome: "existing", mapping: { id: second.mapping.id } });
  });
});

describe("a condition on an identifier, and an Idempotency-Key that nobody answers for any more", () => {
  const keyed = { ifNoneExist: MRN, idempotencyKey: key("K") };

  it("finds whom somebody registered after the first attempt was abandoned", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(create(harness, keyed));
    settle(harness);
    await recoverRegistrations(harness, harness.task());
    await updatePatient(harness, { id: "own", patient: henrick({ id: "own" }) }, harness.task());
    expect(await create(harness, keyed)).toMatchObject({ outcome: "existing", mapping: { id: "own" } });
    expect(await create(harness, keyed)).toMatchObject({ outcome: "existing", mapping: { id: "own" } });
    expect(harness.particle.held.size).toBe(1);
  });

  it("is asked about also when the key becomes free on the way", async () => {
    const harness = createHarness();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const { promise: seen, resolve: see } = Promise.withResolvers<void>();
    const findClaims: Harness["store"]["findClaims"] = async (keys) => {
      const found = await harness.store.findClaims(keys);
      see();
      await gate;
      return found;
    };
    let second: Promise<unknown> = Promise.resolve();
    harness.particle.beforeNext("putPatient", async () => {
      await updatePatient(harness, { id: "own", patient: henrick({ id: "own" }) }, harness.task());
      second = create({ ...harness, store: { ...harness.store, findClaims } }, keyed);
      second.catch(() => undefined);
      await seen;
    });
    harness.particle.failNext("putPatient", REFUSED);
    expect(await failureOf(create(harness, keyed))).toMatchObject({ kind: "particle-rejected" });
    open();
    expect(await second).toMatchObject({ outcome: "existing", mapping: { id: "own" } });
    expect(harness.particle.held.size).toBe(1);
  });
});
