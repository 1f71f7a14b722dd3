import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { decide } from "../../../shared/registration/decide.ts";
import { deletePatient } from "../../../shared/registration/delete-patient.ts";
import { readPatient } from "../../../shared/registration/read-patient.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import {
  createHarness,
  type Harness,
  henrick,
  henrickWithSsn,
  LOST_REPLY,
  LOST_REQUEST,
  MRN,
  REFUSED,
  SETTLE_MS,
  SYSTEMS,
} from "../../support/registration-harness.ts";

const ID = "patient-1";
const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];

const put = (harness: Harness, patient: Patient, more: Partial<Parameters<typeof updatePatient>[1]> = {}) =>
  updatePatient(harness, { id: ID, patient, ...more }, harness.task());

const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;
const heldOf = (harness: Harness) => [...harness.particle.held.values()].map(({ demographics }) => demographics);
const mappingOf = (harness: Harness) => harness.store.contents.mappings.get(ID);
const putCalls = (harness: Harness) => harness.particle.calls.filter(({ method }) => method === "putPatient").length;
const settle = (harness: Harness) => harness.pass(20_000 + SETTLE_MS + 1);

/** As another request would once the operation may be decided. */
async function decideOpen(harness: Harness) {
  const mapping = mappingOf(harness);
  if (mapping?.operation) {
    await decide(harness, { ...mapping, operation: mapping.operation }, harness.task());
  }
}

describe("updatePatient", () => {
  it("creates under the client's id, then updates and counts versions", async () => {
    const harness = createHarness();
    expect(await put(harness, henrick())).toMatchObject({ outcome: "created", mapping: { id: ID, version: 1 } });
    const updated = await put(harness, henrick({ address: MOVED }));
    expect(updated).toMatchObject({ outcome: "updated", mapping: { version: 2, state: "registered" } });
    expect(heldOf(harness)).toMatchObject([{ address_city: "Boston" }]);
  });

  it("does nothing where nothing changed, unless it is forced", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    expect(await put(harness, henrick())).toMatchObject({ outcome: "unchanged", mapping: { version: 1 } });
    expect(putCalls(harness)).toBe(1);
    expect(await put(harness, henrick(), { force: true })).toMatchObject({
      outcome: "updated",
      mapping: { version: 2 },
    });
  });

  it("notices a change of the identifiers alone, and moves the index", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    const other = { system: MRN.system, value: "MRN-2" };
    expect(await put(harness, henrick({ identifier: [other] }))).toMatchObject({ outcome: "updated" });
    const hash = await harness.keyedHash();
    const idsUnder = (value: string) => harness.store.findIdsByIndexKeys(hash.indexKeysToFind(MRN.system, value));
    expect(await idsUnder("MRN-1")).toEqual([]);
    expect(await idsUnder("MRN-2")).toEqual([ID]);
  });

  it("keeps the SSN that Particle holds when the body has none, and sends a new one", async () => {
    const harness = createHarness();
    await put(harness, henrickWithSsn());
    expect(await put(harness, henrick())).toMatchObject({ outcome: "unchanged" });
    await put(harness, henrick({ address: MOVED }));
    expect(heldOf(harness)).toMatchObject([{ ssn: "123-45-6789", address_city: "Boston" }]);
    expect(await put(harness, henrickWithSsn({ address: MOVED }))).toMatchObject({ outcome: "unchanged" });
  });

  it("refuses a stale If-Match and changes nothing", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    await put(harness, henrick({ address: MOVED }), { ifMatch: "1" });
    expect(await failureOf(put(harness, henrick(), { ifMatch: "1" }))).toEqual({ kind: "version-conflict" });
    expect(heldOf(harness)).toMatchObject([{ address_city: "Boston" }]);
    expect(
      await failureOf(updatePatient(harness, { id: "none", patient: henrick(), ifMatch: "*" }, harness.task())),
    ).toEqual({ kind: "version-conflict" });
    await deletePatient(harness, { id: ID }, harness.task());
    expect(await failureOf(put(harness, henrick(), { ifMatch: "*" }))).toEqual({ kind: "version-conflict" });
  });

  it("changes nobody who is there when it must be new, and creates or revives whom there is not", async () => {
    const harness = createHarness();
    expect(await put(harness, henrick(), { mustBeNew: true })).toMatchObject({ outcome: "created" });
    for (const patient of [henrick(), henrick({ address: MOVED })]) {
      expect(await failureOf(put(harness, patient, { mustBeNew: true }))).toEqual({ kind: "already-there" });
    }
    expect(heldOf(harness)).toMatchObject([{ address_city: "Roxbury" }]);
    await deletePatient(harness, { id: ID }, harness.task());
    expect(await put(harness, henrick(), { mustBeNew: true })).toMatchObject({
      outcome: "created",
      mapping: { version: 3 },
    });
  });

  it("suspects another person when two identity fields change, unless a reason is given", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    const other = henrick({ name: [{ family: "Testdaughter", given: ["Henrietta"] }] });
    expect(await failureOf(put(harness, other))).toEqual({
      kind: "overlay-suspected",
      fields: ["family_name", "given_name"],
    });
    const louder = henrick({ name: [{ family: "TESTINGSON", given: ["HENRICK"] }] });
    expect(await put(harness, louder)).toMatchObject({ outcome: "updated" });
    expect(await put(harness, henrick({ gender: "female" }))).toMatchObject({ outcome: "updated" });
  });

  it("takes an SSN that is new for no change of person", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    expect(await put(harness, henrickWithSsn({ gender: "female" }))).toMatchObject({ outcome: "updated" });
  });

  it("goes back to the old version when Particle refuses", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    harness.particle.failNext("putPatient", REFUSED);
    const change = henrick({ address: MOVED, identifier: [{ system: MRN.system, value: "MRN-2" }] });
    expect(await failureOf(put(harness, change))).toMatchObject({ kind: "particle-rejected" });
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 1, identifiers: [MRN] });
    expect(await put(harness, henrick())).toMatchObject({ outcome: "unchanged" });
  });

  it("reads as the old version while an update is open", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    let seen: unknown;
    harness.particle.beforeNext("putPatient", async () => {
      seen = (await readPatient(harness, { id: ID }, harness.task().deadline)).mapping.version;
    });
    await put(harness, henrick({ address: MOVED }));
    expect(seen).toBe(1);
  });

  it.each([
    ["arrived", LOST_REPLY, "unchanged"],
    ["did not arrive", LOST_REQUEST, "updated"],
  ] as const)("decides an update that %s by what Particle holds", async (_, fault, outcome) => {
    const harness = createHarness();
    await put(harness, henrick());
    harness.particle.failNext("putPatient", fault);
    await failureOf(put(harness, henrick({ address: MOVED })));
    expect(await failureOf(put(harness, henrick({ address: MOVED })))).toMatchObject({ kind: "in-flight" });
    settle(harness);
    expect(await put(harness, henrick({ address: MOVED }))).toMatchObject({ outcome, mapping: { version: 2 } });
    expect(heldOf(harness)).toMatchObject([{ address_city: "Boston" }]);
  });

  it("keeps the SSN that Particle holds also after a drift", async () => {
    const harness = createHarness();
    await put(harness, henrickWithSsn());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(harness, henrickWithSsn({ address: MOVED })));
    const [[patient_id, patient] = []] = [...harness.particle.held];
    const demographics = { ...patient!.demographics, address_city: "Elsewhere" };
    harness.particle.held.set(patient_id!, { ...patient!, demographics });
    settle(harness);
    expect(await put(harness, henrick({ address: MOVED }))).toMatchObject({ outcome: "updated" });
    expect(heldOf(harness)).toMatchObject([{ ssn: "123-45-6789", address_city: "Boston" }]);
    await put(harness, henrick({ telecom: [] }));
    expect(heldOf(harness)).toMatchObject([{ ssn: "123-45-6789" }]);
  });

  it("says that it has drifted when Particle holds something else, and sends the next update again", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(harness, henrick({ address: MOVED })));
    const [[patient_id, patient] = []] = [...harness.particle.held];
    harness.particle.held.set(patient_id!, {
      ...patient!,
      demographics: { ...patient!.demographics, address_city: "Elsewhere" },
    });
    settle(harness);
    expect(await put(harness, henrick({ address: MOVED }))).toMatchObject({
      outcome: "updated",
      mapping: { version: 3 },
    });
    expect(heldOf(harness)).toMatchObject([{ address_city: "Boston" }]);
  });

  it("never answers success when somebody else decided its operation before it was completed", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    harness.particle.beforeNext("putPatient", () => decideOpen(harness));
    const failure = await failureOf(put(harness, henrick({ address: MOVED })));
    expect(failure).toMatchObject({ kind: "outcome-unknown" });
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 1 });
  });

  it("does not take the success of a later operation for its own", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    harness.particle.beforeNext("putPatient", async () => {
      await decideOpen(harness);
      await put(harness, henrick({ telecom: [] }));
    });
    const failure = await failureOf(put(harness, henrick({ address: MOVED })));
    expect(failure).toMatchObject({ kind: "outcome-unknown" });
    expect(mappingOf(harness)).toMatchObject({ version: 2, lastOperation: { result: "completed" } });
  });

  it("may be decided from when its time to settle is over, and not before", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    harness.particle.failNext("putPatient", LOST_REPLY);
    await failureOf(put(harness, henrick({ address: MOVED })));
    harness.pass(20_000 + SETTLE_MS - 1);
    const repeated = () => put(harness, henrick({ address: MOVED }));
    expect(await failureOf(repeated())).toEqual({ kind: "in-flight", retryAfterSeconds: 1 });
    harness.pass(1);
    expect(await repeated()).toMatchObject({ outcome: "unchanged", mapping: { version: 2 } });
  });

  it("is told to have ended in one way only, whoever decides it at the same time", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(harness, henrick({ address: MOVED })));
    settle(harness);
    const { getPatient } = harness.particle;
    const particle = {
      ...harness.particle,
      getPatient: async (...call: Parameters<typeof getPatient>) => {
        const before = await getPatient(...call);
        await harness.particle.putPatient(call[0], { ...heldOf(harness)[0]!, address_city: "Elsewhere" }, call[1]);
        await decideOpen(harness);
        return before;
      },
    };
    await decideOpen({ ...harness, particle });
    expect(harness.decisions).toMatchObject([{ verdict: "drifted" }]);
  });

  it("did not arrive where Particle still holds what it made of what was sent before", async () => {
    const harness = createHarness();
    const { putPatient } = harness.particle;
    const particle = {
      ...harness.particle,
      putPatient: (
        id: string,
        demographics: Parameters<typeof putPatient>[1],
        call: Parameters<typeof putPatient>[2],
      ) => putPatient(id, { ...demographics, address_city: "Greater Boston" }, call),
    };
    await put({ ...harness, particle }, henrick());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(harness, henrick({ address: MOVED })));
    settle(harness);
    await decideOpen(harness);
    expect(harness.decisions).toMatchObject([{ verdict: "rolled-back" }]);
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 1 });
  });

  it("has drifted where Particle holds nobody any more, also where duplicates are deleted there", async () => {
    const harness = createHarness({ replacedPatients: "delete" });
    await put(harness, henrick());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(harness, henrick({ address: MOVED })));
    harness.particle.held.clear();
    settle(harness);
    await decideOpen(harness);
    expect(mappingOf(harness)).toMatchObject({ state: "drifted", version: 2 });
  });

  it("leads to its patient by Particle's id of now, and by the former no more", async () => {
    const harness = createHarness();
    const { mapping } = await put(harness, henrick());
    harness.particle.held.clear();
    const updated = await put(harness, henrick({ address: MOVED }));
    const hash = await harness.keyedHash();
    const idsUnder = async (id: string | undefined) => {
      const found = await Promise.all(
        [SYSTEMS.particle_patient_id, undefined].map((system) =>
          harness.store.findIdsByIndexKeys(hash.indexKeysToFind(system, id ?? "")),
        ),
      );
      return found.flat();
    };
    expect(updated.mapping.particle_patient_id).not.toBe(mapping.particle_patient_id);
    expect(await idsUnder(updated.mapping.particle_patient_id)).toEqual([ID, ID]);
    expect(await idsUnder(mapping.particle_patient_id)).toEqual([]);
  });

  it("answers success when somebody else completed its operation", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    const { putPatient } = harness.particle;
    const particle = {
      ...harness.particle,
      putPatient: async (...call: Parameters<typeof putPatient>) => {
        const patient = await putPatient(...call);
        await decideOpen(harness);
        return patient;
      },
    };
    const request = { id: ID, patient: henrick({ address: MOVED }) };
    const updated = await updatePatient({ ...harness, particle }, request, harness.task());
    expect(updated).toMatchObject({ outcome: "updated", mapping: { state: "registered", version: 2 } });
  });

  it("revives a deleted patient with its old patient_id, and goes on counting", async () => {
    const harness = createHarness();
    const { mapping } = await put(harness, henrickWithSsn());
    await deletePatient(harness, { id: ID }, harness.task());
    expect(mappingOf(harness)).toMatchObject({ state: "deleted", version: 2, identifiers: [] });
    const other = henrick({ name: [{ family: "Other", given: ["Person"] }] });
    expect(await failureOf(put(harness, other))).toMatchObject({ kind: "overlay-suspected" });
    const revived = await put(harness, henrick());
    expect(revived).toMatchObject({ outcome: "created", mapping: { version: 3, patient_id: mapping.patient_id } });
    expect(heldOf(harness)).toEqual([expect.not.objectContaining({ ssn: expect.anything() })]);
  });

  it("expects no SSN of a revived patient whose body has none: Particle has dropped it", async () => {
    const harness = createHarness();
    await put(harness, henrickWithSsn());
    await deletePatient(harness, { id: ID }, harness.task());
    harness.particle.failNext("putPatient", LOST_REPLY);
    await failureOf(put(harness, henrick()));
    settle(harness);
    await decideOpen(harness);
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 3 });
  });

  it("records for a revived patient what was meant, also where Particle made something else of it", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    await deletePatient(harness, { id: ID }, harness.task());
    harness.particle.failNext("putPatient", LOST_REPLY);
    await failureOf(put(harness, henrick()));
    for (const held of harness.particle.held.values()) {
      Object.assign(held, { demographics: { ...held.demographics, address_city: "Elsewhere" } });
    }
    settle(harness);
    await decideOpen(harness);
    expect(mappingOf(harness)).toMatchObject({ state: "drifted", version: 3, identifiers: [MRN] });
  });

  it("refuses Particle's ids of another patient, and ignores its own", async () => {
    const harness = createHarness();
    const { mapping } = await put(harness, henrick());
    const named = (value: string) => henrick({ identifier: [MRN, { system: SYSTEMS.patient_id, value }] });
    expect(await put(harness, named(mapping.patient_id))).toMatchObject({ outcome: "unchanged" });
    expect(await failureOf(put(harness, named("somebody-else")))).toMatchObject({
      kind: "unprocessable",
      faults: [{ expression: "Patient.identifier[1]" }],
    });
  });

  it("lets a claim go with the identifier that it stands on", async () => {
    const harness = createHarness();
    const { mapping } = await createPatient(harness, { patient: henrick(), ifNoneExist: MRN }, harness.task());
    await updatePatient(harness, { id: mapping.id, patient: henrick({ identifier: [] }) }, harness.task());
    const second = await createPatient(
      harness,
      { patient: henrick({ gender: "female" }), ifNoneExist: MRN },
      harness.task(),
    );
    expect(second.outcome).toBe("created");
    expect(second.mapping.id).not.toBe(mapping.id);
  });

  it("lets one of two parallel updates through at a time", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    let meanwhile: unknown;
    harness.particle.beforeNext("putPatient", async () => {
      meanwhile = await failureOf(put(harness, henrick({ telecom: [] })));
    });
    await put(harness, henrick({ address: MOVED }));
    expect(meanwhile).toEqual({ kind: "in-flight", retryAfterSeconds: 1 });
  });
});

describe("a PUT of what was read, with a unique identifier that another has", () => {
  const unique = { system: "https://clinic.example/fhir/sid/chart", value: "C-1" };
  const settings = { uniqueIdentifierSystems: [unique.system], retryWindowMs: 0 };
  const other = { patient: henrick({ identifier: [unique], birthDate: "1957-03-24" }) };
  const asRead = (harness: Harness) =>
    henrick({
      id: ID,
      identifier: [MRN, unique, { system: SYSTEMS.patient_id, value: mappingOf(harness)!.patient_id }],
    });

  it("is refused in favour of who is registered", async () => {
    const harness = createHarness(settings);
    const { mapping } = await createPatient(harness, other, harness.task());
    await put(harness, henrick({ id: ID }));
    expect(await failureOf(put(harness, asRead(harness)))).toEqual({ kind: "duplicate", holder: mapping.id });
  });

  it("goes before a registration that was abandoned", async () => {
    const harness = createHarness(settings);
    await put(harness, henrick({ id: ID }));
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(createPatient(harness, other, harness.task()));
    settle(harness);
    expect((await put(harness, asRead(harness))).outcome).toBe("updated");
  });
});

describe("the overlay guard", () => {
  it("knows whom Particle lost", async () => {
    const harness = createHarness();
    await put(harness, henrick({ id: ID }));
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(harness, henrick({ id: ID, telecom: [] })));
    harness.particle.held.clear();
    settle(harness);
    await decideOpen(harness);
    expect(mappingOf(harness)?.state).toBe("drifted");
    const other = henrick({ id: ID, birthDate: "1999-09-09", gender: "female" });
    expect(await failureOf(put(harness, other))).toMatchObject({ kind: "overlay-suspected" });
  });

  it("compares with what Particle was found to hold after a drift, and after the deletion of that", async () => {
    const harness = createHarness();
    await put(harness, henrick());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(harness, henrick({ address: MOVED })));
    const [held] = harness.particle.held.values();
    Object.assign(held!, { demographics: { ...held!.demographics, address_city: "Salem" } });
    settle(harness);
    await decideOpen(harness);
    expect(mappingOf(harness)?.state).toBe("drifted");
    const another = henrick({ name: [{ family: "Else", given: ["Somebody"] }] });
    const suspected = { kind: "overlay-suspected", fields: expect.arrayContaining(["given_name", "family_name"]) };
    expect(await failureOf(put(harness, another))).toEqual(suspected);
    await deletePatient(harness, { id: ID }, harness.task());
    expect(await failureOf(put(harness, another))).toEqual(suspected);
  });

  it("knows whom a duplicate was that was resolved after a drift", async () => {
    for (const replacedPatients of ["keep", "delete"] as const) {
      const harness = createHarness({ replacedPatients });
      const survivor = henrick({ birthDate: "1957-03-24", identifier: [{ ...MRN, value: "MRN-2" }] });
      const kept = await createPatient(harness, { patient: survivor }, harness.task());
      const { patient_id } = (await put(harness, henrick())).mapping;
      harness.particle.failNext("putPatient", LOST_REQUEST);
      await failureOf(put(harness, henrick({ address: MOVED })));
      const held = harness.particle.held.get(patient_id)!;
      Object.assign(held, { demographics: { ...held.demographics, address_city: "Salem" } });
      settle(harness);
      await decideOpen(harness);
      expect(mappingOf(harness)?.state).toBe("drifted");
      const reference = `Patient/${kept.mapping.id}`;
      await put(harness, {
        resourceType: "Patient",
        active: false,
        link: [{ type: "replaced-by", other: { reference } }],
      });
      const another = henrick({ name: [{ family: "Else", given: ["Somebody"] }] });
      expect(await failureOf(put(harness, another))).toMatchObject({ kind: "overlay-suspected" });
      await deletePatient(harness, { id: ID }, harness.task());
      expect(await failureOf(put(harness, another))).toMatchObject({ kind: "overlay-suspected" });
    }
  });
});
