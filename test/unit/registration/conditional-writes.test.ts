import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { AdapterError } from "../../../shared/failure/failure.ts";
import {
  deletePatientConditionally,
  updatePatientConditionally,
} from "../../../shared/registration/conditional-writes.ts";
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
  SETTLE_MS,
} from "../../support/registration-harness.ts";

const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];
const OTHER_MRN = { system: MRN.system, value: "MRN-2" };

const feed = (harness: Harness, patient: Patient, condition = MRN as { system: string; value: string }) =>
  updatePatientConditionally(harness, { patient, condition }, harness.task());
const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;
const settle = (harness: Harness) => harness.pass(20_000 + SETTLE_MS + 1);

describe("updatePatientConditionally", () => {
  it("registers where nothing matches, and revises the match after that", async () => {
    const harness = createHarness();
    const added = await feed(harness, henrick());
    expect(added.outcome).toBe("created");
    const revised = await feed(harness, henrick({ address: MOVED }));
    expect(revised).toMatchObject({ outcome: "updated", mapping: { id: added.mapping.id, version: 2 } });
    expect(await feed(harness, henrick({ address: MOVED }))).toMatchObject({ outcome: "unchanged" });
  });

  it("registers once when many come at once", async () => {
    const harness = createHarness();
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => feed(harness, henrick())));
    expect(results.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(0);
    expect(harness.particle.held.size).toBe(1);
    expect(await feed(harness, henrick())).toMatchObject({ outcome: "unchanged" });
  });

  it("uses the id of the body where nothing matches, and refuses it where another matches", async () => {
    const harness = createHarness();
    expect(await feed(harness, henrick({ id: "own" }))).toMatchObject({ outcome: "created", mapping: { id: "own" } });
    expect(await feed(harness, henrick({ id: "own", address: MOVED }))).toMatchObject({ outcome: "updated" });
    expect(await failureOf(feed(harness, henrick({ id: "another" })))).toMatchObject({
      kind: "invalid",
      faults: [{ expression: "Patient.id" }],
    });
  });

  it("does not make a second patient of a request with another id at the same time", async () => {
    const harness = createHarness();
    let meanwhile: unknown;
    harness.particle.beforeNext("putPatient", async () => {
      meanwhile = await failureOf(feed(harness, henrick({ id: "two" })));
    });
    await feed(harness, henrick({ id: "one" }));
    expect(meanwhile).toMatchObject({ kind: "in-flight" });
    expect(harness.particle.held.size).toBe(1);
  });

  it("refuses where several match", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    await createPatient(harness, { patient: henrick() }, harness.task());
    await createPatient(harness, { patient: henrick() }, harness.task());
    expect(await failureOf(feed(harness, henrick()))).toEqual({ kind: "multiple-matches" });
  });

  it.each([LOST_REPLY, LOST_REQUEST])("goes on with a registration of unknown outcome: $carriedOut", async (fault) => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", fault);
    await failureOf(feed(harness, henrick()));
    expect(await failureOf(feed(harness, henrick()))).toMatchObject({ kind: "in-flight" });
    settle(harness);
    await feed(harness, henrick({ address: MOVED }));
    expect([...harness.particle.held.values()]).toMatchObject([{ demographics: { address_city: "Boston" } }]);
    expect(harness.store.contents.mappings.size).toBe(1);
  });
});

describe("deletePatientConditionally", () => {
  it("deletes the match, and counts none as deleted", async () => {
    const harness = createHarness();
    const { mapping } = await feed(harness, henrick());
    await deletePatientConditionally(harness, { condition: MRN }, harness.task());
    expect(await failureOf(readPatient(harness, { id: mapping.id }, harness.task().deadline))).toEqual({
      kind: "deleted",
    });
    await deletePatientConditionally(harness, { condition: MRN }, harness.task());
    expect(harness.particle.held.size).toBe(0);
  });

  it("refuses where several match", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    await createPatient(harness, { patient: henrick() }, harness.task());
    await createPatient(harness, { patient: henrick() }, harness.task());
    const failure = await failureOf(deletePatientConditionally(harness, { condition: MRN }, harness.task()));
    expect(failure).toEqual({ kind: "multiple-matches" });
    expect(harness.particle.held.size).toBe(2);
  });
});

describe("resolving a duplicate", () => {
  const survivor = henrick({ identifier: [OTHER_MRN] });
  const resolution = (other: NonNullable<Patient["link"]>[number]["other"]): Patient => ({
    resourceType: "Patient",
    identifier: [MRN],
    active: false,
    link: [{ type: "replaced-by", other }],
  });

  async function withDuplicate(settings?: Parameters<typeof createHarness>[0]) {
    const harness = createHarness(settings);
    const duplicate = await feed(harness, henrick());
    const kept = await feed(harness, survivor, OTHER_MRN);
    return { harness, duplicate: duplicate.mapping, kept: kept.mapping };
  }

  it("marks the patient as replaced, by identifier or by reference, and leaves Particle alone", async () => {
    const { harness, duplicate, kept } = await withDuplicate();
    const resolved = await feed(harness, resolution({ identifier: OTHER_MRN }));
    expect(resolved).toMatchObject({
      outcome: "updated",
      mapping: { state: "replaced", replacedBy: kept.id, version: 2 },
    });
    const again = await feed(harness, resolution({ reference: `Patient/${kept.id}` }));
    expect(again).toMatchObject({ outcome: "unchanged", mapping: { id: duplicate.id, version: 2 } });
    expect(harness.particle.held.size).toBe(2);
    expect(await readPatient(harness, { id: duplicate.id }, harness.task().deadline)).toMatchObject({
      mapping: { replacedBy: kept.id },
    });
  });

  it("deletes the duplicate at Particle where the deployment says so, and can still be read", async () => {
    const { harness, duplicate, kept } = await withDuplicate({ replacedPatients: "delete" });
    await feed(harness, resolution({ identifier: OTHER_MRN }));
    expect([...harness.particle.held.keys()]).toEqual([kept.patient_id]);
    const held = await readPatient(harness, { id: duplicate.id }, harness.task().deadline);
    expect(held).toMatchObject({ mapping: { state: "replaced" }, demographics: {} });
  });

  it("leaves the duplicate at Particle also when somebody else has to end what its owner could not", async () => {
    const { harness, duplicate } = await withDuplicate();
    const finish = () =>
      Promise.reject(new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 2 }, "It did not answer."));
    const dumb = { ...harness, store: { ...harness.store, finish } };
    expect(await failureOf(feed(dumb, resolution({ identifier: OTHER_MRN })))).toMatchObject({
      kind: "outcome-unknown",
    });
    settle(harness);
    expect(await recoverRegistrations(harness, harness.task())).toMatchObject({ decided: 1 });
    expect(harness.store.contents.mappings.get(duplicate.id)).toMatchObject({ state: "replaced", version: 2 });
    expect(harness.particle.held.size).toBe(2);
  });

  it.each([LOST_REPLY, LOST_REQUEST])("sends a deletion of unknown outcome again: $carriedOut", async (fault) => {
    const { harness, kept } = await withDuplicate({ replacedPatients: "delete" });
    harness.particle.failNext("deletePatient", fault);
    await failureOf(feed(harness, resolution({ identifier: OTHER_MRN })));
    settle(harness);
    expect(await feed(harness, resolution({ identifier: OTHER_MRN }))).toMatchObject({ outcome: "unchanged" });
    expect([...harness.particle.held.keys()]).toEqual([kept.patient_id]);
  });

  it("stays a deleted duplicate when an update of it did not arrive", async () => {
    const { harness, duplicate, kept } = await withDuplicate({ replacedPatients: "delete" });
    await feed(harness, resolution({ identifier: OTHER_MRN }));
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(feed(harness, henrick({ address: MOVED })));
    settle(harness);
    await recoverRegistrations(harness, harness.task());
    expect(harness.store.contents.mappings.get(duplicate.id)).toMatchObject({
      state: "replaced",
      replacedBy: kept.id,
      version: 2,
    });
    expect([...harness.particle.held.keys()]).toEqual([kept.patient_id]);
  });

  it("does not let two patients replace each other while one of them is in flight", async () => {
    const { harness, duplicate, kept } = await withDuplicate({ replacedPatients: "delete" });
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(feed(harness, resolution({ reference: `Patient/${kept.id}` })));
    const back = { ...resolution({ reference: `Patient/${duplicate.id}` }), identifier: [OTHER_MRN] };
    expect(await failureOf(feed(harness, back, OTHER_MRN))).toMatchObject({ kind: "in-flight" });
    expect(harness.particle.held.size).toBe(2);
  });

  it("becomes an ordinary patient again when it is sent as one", async () => {
    const { harness } = await withDuplicate();
    await feed(harness, resolution({ identifier: OTHER_MRN }));
    const active = await feed(harness, henrick());
    expect(active).toMatchObject({ outcome: "updated", mapping: { state: "registered" } });
    expect(active.mapping.replacedBy).toBeUndefined();
  });

  it("refuses a survivor that is unknown, the patient itself, or replaced", async () => {
    const { harness, duplicate, kept } = await withDuplicate();
    const refusal = { kind: "unprocessable", faults: [{ expression: "Patient.link[0].other" }] };
    for (const reference of ["Patient/none", `Patient/${duplicate.id}`]) {
      expect(await failureOf(feed(harness, resolution({ reference })))).toMatchObject(refusal);
    }
    await feed(harness, resolution({ reference: `Patient/${kept.id}` }));
    const back = { ...resolution({ reference: `Patient/${duplicate.id}` }), identifier: [OTHER_MRN] };
    expect(await failureOf(feed(harness, back, OTHER_MRN))).toMatchObject(refusal);
  });

  it("does not register a patient that says it is a duplicate", async () => {
    const harness = createHarness();
    const failure = await failureOf(feed(harness, resolution({ identifier: OTHER_MRN })));
    expect(failure.kind).toBe("unprocessable");
    const whole = henrick({ active: false, link: [{ type: "replaced-by", other: { identifier: OTHER_MRN } }] });
    expect(await failureOf(updatePatient(harness, { id: "x", patient: whole }, harness.task()))).toMatchObject({
      kind: "unprocessable",
    });
    expect(harness.store.contents.mappings.size).toBe(0);
  });
});

describe("a link that must not be misread", () => {
  const registered = async () => {
    const harness = createHarness({ replacedPatients: "delete" });
    await feed(harness, henrick());
    const kept = await feed(harness, henrick({ id: "survivor", identifier: [OTHER_MRN] }), OTHER_MRN);
    return { harness, kept: kept.mapping };
  };
  const resolution = (reference: string, more: Partial<Patient> = {}): Patient => ({
    resourceType: "Patient",
    identifier: [MRN],
    active: false,
    link: [{ type: "replaced-by", other: { reference } }],
    ...more,
  });

  it.each([
    "https://elsewhere.example/fhir/Patient/survivor",
    "RelatedPerson/survivor",
    "urn:uuid:survivor",
    "#survivor",
  ])("%s is no patient of this server", async (reference) => {
    const { harness } = await registered();
    expect(await failureOf(feed(harness, resolution(reference)))).toMatchObject({
      kind: "unprocessable",
      faults: [{ expression: "Patient.link[0].other" }],
    });
    expect(harness.particle.held.size).toBe(2);
  });

  it("may name a version", async () => {
    const { harness, kept } = await registered();
    const resolved = await feed(harness, resolution("Patient/survivor/_history/1"));
    expect(resolved.mapping.replacedBy).toBe(kept.id);
  });

  it("is not acted on beside what changes its meaning in unknown ways", async () => {
    const { harness } = await registered();
    const modified = { modifierExtension: [{ url: "https://x.example/not", valueBoolean: true }], implicitRules: "x" };
    expect(await failureOf(feed(harness, resolution("Patient/survivor", modified)))).toMatchObject({
      kind: "unprocessable",
      faults: [{ expression: "Patient.implicitRules" }, { expression: "Patient.modifierExtension[0]" }],
    });
    expect(harness.particle.held.size).toBe(2);
  });
});

describe("an identifier that a resolved duplicate shares with the patient that replaced it", () => {
  const resolved = async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    const { mapping: survivor } = await createPatient(harness, { patient: henrick() }, harness.task());
    const { mapping: duplicate } = await createPatient(harness, { patient: henrick() }, harness.task());
    const link = [{ type: "replaced-by" as const, other: { reference: `Patient/${survivor.id}` } }];
    const patient = { resourceType: "Patient" as const, active: false, link };
    const resolve = () => updatePatient(harness, { id: duplicate.id, patient }, harness.task());
    return { harness, survivor, duplicate, resolve };
  };

  it("means the patient that replaced it", async () => {
    const { harness, survivor, resolve } = await resolved();
    await resolve();
    expect(await feed(harness, henrick({ address: MOVED }))).toMatchObject({ mapping: { id: survivor.id } });
    const found = await createPatient(harness, { patient: henrick(), ifNoneExist: MRN }, harness.task());
    expect(found).toMatchObject({ outcome: "existing", mapping: { id: survivor.id } });
    await deletePatientConditionally(harness, { condition: MRN }, harness.task());
    expect(harness.store.contents.mappings.get(survivor.id)?.state).toBe("deleted");
  });

  it("does not lead to a patient that is deleted while the duplicate is being resolved", async () => {
    const { harness, survivor, duplicate, resolve } = await resolved();
    const { begin } = harness.store;
    harness.store.begin = async (request) => {
      harness.store.begin = begin;
      await deletePatient(harness, { id: survivor.id }, harness.task());
      return begin(request);
    };
    expect(await failureOf(resolve())).toMatchObject({ kind: "unprocessable" });
    expect(harness.store.contents.mappings.get(duplicate.id)?.state).toBe("registered");
  });
});

describe("an identifier that an update is about to bring, or to take away", () => {
  const withOther = async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    const patient = henrick({ identifier: [OTHER_MRN] });
    const { mapping } = await createPatient(harness, { patient }, harness.task());
    const bring = () => updatePatient(harness, { id: mapping.id, patient: henrick({ telecom: [] }) }, harness.task());
    return { harness, id: mapping.id, bring };
  };

  it("does not let a condition on it hit a patient that never came to have it", async () => {
    const { harness, id, bring } = await withOther();
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(bring());
    expect(await failureOf(feed(harness, henrick({ birthDate: "1957-03-24" })))).toMatchObject({ kind: "in-flight" });
    settle(harness);
    expect(await deletePatientConditionally(harness, { condition: MRN }, harness.task())).toEqual({ wasThere: false });
    const fed = await feed(harness, henrick({ birthDate: "1957-03-24" }));
    expect(fed).toMatchObject({ outcome: "created" });
    expect(harness.store.contents.mappings.get(id)).toMatchObject({ state: "registered", identifiers: [OTHER_MRN] });
  });

  it("does not let If-None-Exist be met by an update that may still be refused", async () => {
    const { harness, bring } = await withOther();
    let answer: unknown;
    harness.particle.beforeNext("putPatient", async () => {
      const request = { patient: henrick({ birthDate: "1957-03-24" }), ifNoneExist: MRN };
      answer = await failureOf(createPatient(harness, request, harness.task()));
    });
    harness.particle.failNext("putPatient", REFUSED);
    await failureOf(bring());
    expect(answer).toMatchObject({ kind: "in-flight" });
  });

  it.each(["deletion", "update"])("does not let a %s hit the patient once it is taken away", async (write) => {
    const harness = createHarness({ retryWindowMs: 0 });
    const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
    const { find } = harness.store;
    harness.store.find = async (id) => {
      harness.store.find = find;
      await updatePatient(harness, { id, patient: henrick({ identifier: [OTHER_MRN] }) }, harness.task());
      return find(id);
    };
    if (write === "deletion") {
      const deleted = await deletePatientConditionally(harness, { condition: MRN }, harness.task());
      expect(deleted).toEqual({ wasThere: false });
    } else {
      expect(await feed(harness, henrick({ birthDate: "1957-03-24" }))).toMatchObject({ outcome: "created" });
    }
    expect(harness.store.contents.mappings.get(mapping.id)).toMatchObject({ state: "registered", version: 2 });
  });

  it("is settled for each of several who may come to have it", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(createPatient(harness, { patient: henrick({ telecom: [] }) }, harness.task()));
    settle(harness);
    let answer: unknown;
    harness.particle.beforeNext("putPatient", async () => {
      answer = await failureOf(createPatient(harness, { patient: henrick(), ifNoneExist: MRN }, harness.task()));
    });
    await createPatient(harness, { patient: henrick({ birthDate: "1957-03-24" }) }, harness.task());
    expect(answer).toMatchObject({ kind: "in-flight" });
  });

  it("is refused for good where its content is of somebody who has it no more and holds a unique one", async () => {
    const UNIQUE = { system: "https://hospital.example/national", value: "N-1" };
    const harness = createHarness({ uniqueIdentifierSystems: [UNIQUE.system] });
    const patient = henrick({ identifier: [MRN, UNIQUE] });
    const { mapping } = await createPatient(harness, { patient }, harness.task());
    const drop = { id: mapping.id, patient: henrick({ identifier: [UNIQUE] }) };
    await updatePatient(harness, drop, harness.task());
    expect(await failureOf(feed(harness, patient))).toEqual({ kind: "duplicate", holder: mapping.id });
  });

  it("lets a duplicate be resolved once the overdue change of its survivor was decided", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    const { mapping: duplicate } = await createPatient(harness, { patient: henrick() }, harness.task());
    const other = henrick({ identifier: [OTHER_MRN] });
    const { mapping: survivor } = await createPatient(harness, { patient: other }, harness.task());
    harness.particle.failNext("putPatient", LOST_REPLY);
    const change = { id: survivor.id, patient: henrick({ identifier: [OTHER_MRN], telecom: [] }) };
    await failureOf(updatePatient(harness, change, harness.task()));
    settle(harness);
    const link = [{ type: "replaced-by" as const, other: { reference: `Patient/${survivor.id}` } }];
    const patient = { resourceType: "Patient" as const, active: false, link };
    const resolved = await updatePatient(harness, { id: duplicate.id, patient }, harness.task());
    expect(resolved.mapping.state).toBe("replaced");
  });
});
