import { describe, expect, it } from "vitest";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { deletePatient } from "../../../shared/registration/delete-patient.ts";
import { createKeyedHash } from "../../../shared/registration/keyed-hash.ts";
import { recoverRegistrations } from "../../../shared/registration/recover-registrations.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import {
  createHarness,
  henrick,
  henrickWithSsn,
  LOST_REPLY,
  LOST_REQUEST,
  MRN,
  SETTLE_MS,
} from "../../support/registration-harness.ts";

const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;
const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];
const OTHER_MRN = { system: MRN.system, value: "MRN-2" };

describe("unique identifiers", () => {
  const unique = (settings = {}) =>
    createHarness({ uniqueIdentifierSystems: [MRN.system], retryWindowMs: 0, ...settings });

  it("refuse a second patient, naming the holder, but not the same content", async () => {
    const harness = unique();
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    const other = createPatient(harness, { patient: henrick({ gender: "female" }) }, harness.task());
    expect(await failureOf(other)).toEqual({ kind: "duplicate", holder: mapping.id });
    expect(await createPatient(harness, { patient: henrick() }, harness.task())).toMatchObject({
      outcome: "existing",
      mapping: { id: mapping.id },
    });
  });

  it("do not refuse the repetition of the request that took them, also after a drift", async () => {
    const harness = unique({ retryWindowMs: 24 * 60 * 60 * 1_000 });
    harness.particle.failNext("putPatient", LOST_REPLY);
    await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    for (const held of harness.particle.held.values()) {
      Object.assign(held, { demographics: { ...held.demographics, address_city: "ROXBURY" } });
    }
    harness.pass(20_000 + SETTLE_MS + 1);
    const repeated = await createPatient(harness, { patient: henrick() }, harness.task());
    expect(repeated).toMatchObject({ outcome: "existing", mapping: { state: "drifted" } });
  });

  it("are nobody's for certain while their holder is being changed", async () => {
    const harness = unique();
    const first = await createPatient(harness, { patient: henrick() }, harness.task());
    harness.particle.failNext("putPatient", LOST_REPLY);
    const drop = { id: first.mapping.id, patient: henrick({ identifier: [OTHER_MRN] }) };
    await failureOf(updatePatient(harness, drop, harness.task()));
    const other = { patient: henrick({ gender: "female" as const }) };
    expect(await failureOf(createPatient(harness, other, harness.task()))).toMatchObject({ kind: "in-flight" });
    const own = { id: "own", patient: henrick({ gender: "female" }) };
    expect(await failureOf(updatePatient(harness, own, harness.task()))).toMatchObject({ kind: "in-flight" });
    harness.pass(20_000 + SETTLE_MS + 1);
    expect((await createPatient(harness, other, harness.task())).outcome).toBe("created");
  });

  it("are refused where they are more than one write can claim", async () => {
    const harness = unique();
    const keys = new Map(["k1", "k2", "k3"].map((id) => [id, `a key of the tests, ${id}`]));
    const rotated = { ...harness, keyedHash: async () => createKeyedHash({ current: "k1", keys }) };
    const many = (count: number) =>
      henrick({ identifier: Array.from({ length: count }, (_, n) => ({ system: MRN.system, value: `MRN-${n}` })) });
    const create = (count: number) => createPatient(rotated, { patient: many(count) }, harness.task());
    expect(await failureOf(create(12))).toMatchObject({
      kind: "unprocessable",
      faults: [{ code: "too-costly", expression: "Patient.identifier" }],
    });
    expect((await create(11)).outcome).toBe("created");
  });

  it("are claimed also by who took them under an older key of the hashes", async () => {
    const harness = unique();
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    const keys = new Map([
      ["k2", "a newer key of the tests"],
      ["k1", "a key of the tests"],
    ]);
    const rotated = { ...harness, keyedHash: async () => createKeyedHash({ current: "k2", keys }) };
    const other = createPatient(rotated, { patient: henrick({ gender: "female" }) }, harness.task());
    expect(await failureOf(other)).toEqual({ kind: "duplicate", holder: mapping.id });
  });

  it("move with an update, or refuse it", async () => {
    const harness = unique();
    const first = await createPatient(harness, { patient: henrick() }, harness.task());
    const second = await createPatient(harness, { patient: henrick({ identifier: [OTHER_MRN] }) }, harness.task());
    const take = { id: second.mapping.id, patient: henrick() };
    expect(await failureOf(updatePatient(harness, take, harness.task()))).toEqual({
      kind: "duplicate",
      holder: first.mapping.id,
    });
    const drop = { id: first.mapping.id, patient: henrick({ identifier: [] }) };
    await updatePatient(harness, drop, harness.task());
    expect(await updatePatient(harness, take, harness.task())).toMatchObject({ outcome: "updated" });
  });

  it("are free again once their patient is deleted", async () => {
    const harness = unique();
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    await deletePatient(harness, { id: mapping.id }, harness.task());
    const next = await createPatient(harness, { patient: henrick({ gender: "female" }) }, harness.task());
    expect(next.outcome).toBe("created");
  });

  it("cannot be kept from others by a registration that was abandoned", async () => {
    const harness = unique();
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    harness.pass(20_000 + SETTLE_MS + 1);
    const put = await updatePatient(harness, { id: "own", patient: henrick({ id: "own" }) }, harness.task());
    expect(put).toMatchObject({ outcome: "created", mapping: { id: "own" } });
    expect(harness.particle.held.size).toBe(1);
  });
});

describe("a patient_id that the data names", () => {
  const named = () => createHarness({ patientIdSystem: MRN.system });

  it("is the value of the patient's one identifier in the system", async () => {
    const harness = named();
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    expect(mapping.patient_id).toBe(MRN.value);
    expect([...harness.particle.held.keys()]).toEqual([MRN.value]);
  });

  it("must be there, once, at most 200 characters long, and never change", async () => {
    const harness = named();
    const long = { system: MRN.system, value: "1".repeat(201) };
    for (const identifier of [[], [MRN, OTHER_MRN], [long]]) {
      const failure = await failureOf(createPatient(harness, { patient: henrick({ identifier }) }, harness.task()));
      expect(failure).toMatchObject({ kind: "unprocessable", faults: [{ expression: "Patient.identifier" }] });
    }
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    const change = { id: mapping.id, patient: henrick({ identifier: [OTHER_MRN] }) };
    expect(await failureOf(updatePatient(harness, change, harness.task()))).toMatchObject({ kind: "unprocessable" });
  });

  it("is adopted when Particle holds the same person, and left alone when it is another", async () => {
    const harness = named();
    const { mapping } = await createPatient(harness, { patient: henrickWithSsn() }, harness.task());
    const elsewhere = named();
    elsewhere.particle.held.set(mapping.patient_id, harness.particle.held.get(mapping.patient_id)!);
    const other = createPatient(elsewhere, { patient: henrick({ gender: "female" }) }, elsewhere.task());
    expect(await failureOf(other)).toEqual({ kind: "particle-overlay" });
    expect(elsewhere.store.contents.mappings.size).toBe(0);
    const same = await createPatient(elsewhere, { patient: henrick() }, elsewhere.task());
    expect(same.outcome).toBe("created");
    expect(elsewhere.particle.calls.filter(({ method }) => method === "putPatient")).toHaveLength(0);
    const moved = { id: same.mapping.id, patient: henrick({ address: MOVED }) };
    await updatePatient(elsewhere, moved, elsewhere.task());
    expect(elsewhere.particle.held.get(MRN.value)?.demographics.ssn).toBe("123-45-6789");
  });

  it("is not taken from another patient, a deleted one neither", async () => {
    const harness = named();
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    const other = { patient: henrick({ address: MOVED }) };
    expect(await failureOf(createPatient(harness, other, harness.task()))).toEqual({
      kind: "duplicate",
      holder: mapping.id,
    });
    await deletePatient(harness, { id: mapping.id }, harness.task());
    expect(await failureOf(createPatient(harness, other, harness.task()))).toEqual({
      kind: "duplicate",
      holder: mapping.id,
    });
    const revived = { id: mapping.id, patient: henrick({ address: MOVED }) };
    expect(await updatePatient(harness, revived, harness.task())).toMatchObject({ outcome: "created" });
  });

  it("is not adopted on the way from another person by an operation of unknown outcome", async () => {
    const harness = named();
    harness.particle.failNext("getPatient", { ...LOST_REPLY, carriedOut: false });
    await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    harness.particle.held.set(MRN.value, {
      particle_patient_id: "p",
      demographics: {
        given_name: "Somebody",
        family_name: "Else",
        date_of_birth: "1990-01-01",
        gender: "FEMALE",
        postal_code: "02215",
        address_city: "Boston",
        address_state: "MA",
      },
    });
    harness.pass(20_000 + SETTLE_MS + 1);
    const again = createPatient(harness, { patient: henrick() }, harness.task());
    expect(await failureOf(again)).toEqual({ kind: "particle-overlay" });
    expect(harness.particle.held.get(MRN.value)?.demographics.given_name).toBe("Somebody");
  });
});

describe("a patient_id that the data names, after an outcome that nobody knows", () => {
  const OTHER_PERSON = {
    given_name: "Somebody",
    family_name: "Else",
    date_of_birth: "1990-01-01",
    gender: "FEMALE",
    postal_code: "02215",
    address_city: "Boston",
    address_state: "MA",
  } as const;
  const createLost = async (fault: typeof LOST_REPLY | typeof LOST_REQUEST) => {
    const harness = createHarness({ patientIdSystem: MRN.system });
    harness.particle.failNext("putPatient", fault);
    await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    return harness;
  };
  const decideIn = async (harness: Awaited<ReturnType<typeof createLost>>) => {
    harness.pass(20_000 + SETTLE_MS + 1);
    await recoverRegistrations(harness, harness.task());
    return [...harness.store.contents.mappings.values()];
  };

  it("is the patient's also where Particle holds what was sent in another form", async () => {
    const harness = await createLost(LOST_REPLY);
    const held = harness.particle.held.get(MRN.value)!;
    harness.particle.held.set(MRN.value, {
      ...held,
      demographics: { ...held.demographics, address_city: "ROXBURY MA" },
    });
    expect(await decideIn(harness)).toMatchObject([{ state: "drifted", patient_id: MRN.value }]);
    const again = updatePatient(
      harness,
      { id: [...harness.store.contents.mappings.keys()][0]!, patient: henrick() },
      harness.task(),
    );
    expect(await again).toMatchObject({ outcome: "updated" });
  });

  it("is not sent by who finds nobody there when its operation is in other hands by then", async () => {
    const harness = createHarness({ patientIdSystem: MRN.system });
    const { getPatient } = harness.particle;
    const particle = {
      ...harness.particle,
      getPatient: async (...call: Parameters<typeof getPatient>) => {
        const nobody = await getPatient(...call);
        harness.pass(20_000 + SETTLE_MS);
        expect(await recoverRegistrations(harness, harness.task())).toMatchObject({ decided: 1 });
        return nobody;
      },
    };
    const work = createPatient({ ...harness, particle }, { patient: henrick() }, harness.task());
    expect(await failureOf(work)).toMatchObject({ kind: "in-flight" });
    expect(harness.particle.calls.map(({ method }) => method)).not.toContain("putPatient");
  });

  it("is left to another person who is there", async () => {
    const harness = await createLost(LOST_REQUEST);
    harness.particle.held.set(MRN.value, { particle_patient_id: "p", demographics: OTHER_PERSON });
    expect(await decideIn(harness)).toEqual([]);
    expect(harness.particle.held.get(MRN.value)?.demographics).toEqual(OTHER_PERSON);
  });

  it("is left to the same person with other demographics, where nothing was sent", async () => {
    const harness = createHarness({ patientIdSystem: MRN.system });
    harness.particle.failNext("getPatient", LOST_REQUEST);
    await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    const elsewhere = createHarness({ patientIdSystem: MRN.system });
    await createPatient(elsewhere, { patient: henrick({ address: MOVED }) }, elsewhere.task());
    harness.particle.held.set(MRN.value, elsewhere.particle.held.get(MRN.value)!);
    expect(await decideIn(harness)).toEqual([]);
  });
});

describe("recoverRegistrations", () => {
  it.each([LOST_REPLY, LOST_REQUEST])("decides what nobody came back for: $carriedOut", async (fault) => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", fault);
    await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    expect(await recoverRegistrations(harness, harness.task())).toMatchObject({ found: 0 });
    harness.pass(20_000 + SETTLE_MS + 5_000);
    expect(await recoverRegistrations(harness, harness.task())).toEqual({
      found: 1,
      decided: 1,
      failed: 0,
      oldestSeconds: 5,
    });
    const [mapping] = [...harness.store.contents.mappings.values()];
    expect(mapping?.state).toBe(fault.carriedOut ? "registered" : "abandoned");
    expect(await recoverRegistrations(harness, harness.task())).toMatchObject({ found: 0 });
  });

  it("says how long a deletion has been waiting that Particle fails again and again", async () => {
    const harness = createHarness();
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(deletePatient(harness, { id: mapping.id }, harness.task()));
    harness.pass(20_000 + SETTLE_MS);
    const waiting: number[] = [];
    for (let minute = 0; minute < 15; minute += 1) {
      harness.particle.failNext("deletePatient", LOST_REQUEST);
      waiting.push((await recoverRegistrations(harness, harness.task())).oldestSeconds);
      harness.pass(60_000);
    }
    expect(Math.max(...waiting)).toBeGreaterThan(720);
  });

  it("begins with none for which it has no time left, and counts it as neither decided nor failed", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REPLY);
    await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    harness.pass(20_000 + SETTLE_MS);
    const late = { ...harness.task(), deadline: harness.now() };
    expect(await recoverRegistrations(harness, late)).toMatchObject({ found: 1, decided: 0, failed: 0 });
  });

  it("goes on past one that cannot be decided yet", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    for (let count = 0; count < 3; count += 1) {
      harness.particle.failNext("putPatient", LOST_REPLY);
      await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    }
    harness.pass(20_000 + SETTLE_MS);
    harness.particle.failNext("getPatient", LOST_REQUEST);
    expect(await recoverRegistrations(harness, harness.task())).toMatchObject({ found: 3, decided: 2, failed: 1 });
    expect(await recoverRegistrations(harness, harness.task())).toMatchObject({ found: 1, decided: 1 });
  });

  it("decides all others beside what cannot be read, and counts and reports that", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    for (let count = 0; count < 2; count += 1) {
      harness.particle.failNext("putPatient", LOST_REPLY);
      await failureOf(createPatient(harness, { patient: henrick() }, harness.task()));
    }
    const [spoilt = "", other = ""] = harness.store.contents.mappings.keys();
    const times = { deadline: harness.now(), actionableAt: harness.now() };
    for (const id of ["spoilt", "other"]) {
      await harness.store.beginTransaction({ id, token: id, owner: "request", ids: [], ...times });
    }
    harness.store.spoil(spoilt);
    harness.store.spoil("spoilt");
    harness.pass(20_000 + SETTLE_MS + 1_000);
    const reported: unknown[] = [];
    const recovery = await recoverRegistrations(harness, harness.task(), (error) => void reported.push(error));
    expect(recovery).toEqual({ found: 4, decided: 2, failed: 2, oldestSeconds: 81 });
    expect(reported.map(String)).toEqual(Array(2).fill(expect.stringContaining("not readable")));
    expect(harness.store.contents.mappings.get(other)?.state).toBe("registered");
    expect([...harness.store.contents.transactions.keys()]).toEqual(["spoilt"]);
  });

  it("may run twice at once", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(deletePatient(harness, { id: mapping.id }, harness.task()));
    harness.pass(20_000 + SETTLE_MS);
    await Promise.all([recoverRegistrations(harness, harness.task()), recoverRegistrations(harness, harness.task())]);
    expect(harness.store.contents.mappings.get(mapping.id)?.state).toBe("deleted");
    expect(harness.particle.held.size).toBe(0);
  });
});
