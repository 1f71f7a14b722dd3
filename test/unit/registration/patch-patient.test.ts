import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { AdapterError } from "../../../shared/failure/failure.ts";
import { particleToPatient } from "../../../shared/mapping/particle-to-patient.ts";
import { decide } from "../../../shared/registration/decide.ts";
import { patchPatient } from "../../../shared/registration/patch-patient.ts";
import type { Held } from "../../../shared/registration/read-patient.ts";
import { recoverRegistrations } from "../../../shared/registration/recover-registrations.ts";
import type { OpenMapping } from "../../../shared/registration/transitions.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import { worldOf } from "../../support/protocol-aftermath.ts";
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
import { discrepancies } from "../../support/registration-invariants.ts";

const ID = "patient-1";
const OTHER_MRN = { system: MRN.system, value: "MRN-2" };

const view = ({ mapping, demographics }: Held): Patient =>
  particleToPatient({ ...mapping, versionId: String(mapping.version), demographics, systems: SYSTEMS });

const patch = (
  harness: Harness,
  change: (patient: Patient) => Patient,
  more: Partial<Parameters<typeof patchPatient>[1]> = {},
) => patchPatient(harness, { id: ID, change: (held) => change(view(held)), ...more }, harness.task());

const moved = (patient: Patient): Patient => ({
  ...patient,
  address: [{ ...patient.address?.[0], city: "Boston", postalCode: "02215" }],
});

async function registered(patient: Patient = henrickWithSsn(), settings?: Parameters<typeof createHarness>[0]) {
  const harness = createHarness(settings);
  await updatePatient(harness, { id: ID, patient }, harness.task());
  return harness;
}

const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;
const mappingOf = (harness: Harness) => harness.store.contents.mappings.get(ID);
const heldOf = (harness: Harness) => [...harness.particle.held.values()].map(({ demographics }) => demographics);
const settle = (harness: Harness) => harness.pass(20_000 + SETTLE_MS + 1);

describe("patchPatient", () => {
  it("changes what Particle holds, and keeps the SSN that no client sees", async () => {
    const harness = await registered();
    expect(await patch(harness, moved)).toMatchObject({ outcome: "updated", mapping: { version: 2 } });
    expect(heldOf(harness)).toMatchObject([{ address_city: "Boston", ssn: "123-45-6789" }]);
    expect(await updatePatient(harness, { id: ID, patient: moved(henrick()) }, harness.task())).toMatchObject({
      outcome: "unchanged",
    });
  });

  it("sees what somebody else changed at Particle", async () => {
    const harness = await registered();
    for (const held of harness.particle.held.values()) {
      Object.assign(held, { demographics: { ...held.demographics, address_lines: ["7 Other Street"] } });
    }
    await patch(harness, moved);
    expect(heldOf(harness)).toMatchObject([{ address_city: "Boston", address_lines: ["7 Other Street"] }]);
  });

  it("does nothing where nothing changes", async () => {
    const harness = await registered();
    expect(await patch(harness, (patient) => patient)).toMatchObject({ outcome: "unchanged" });
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 1 });
    expect(mappingOf(harness)?.operation).toBeUndefined();
  });

  it("changes nothing when it is stale, or when the change is refused", async () => {
    const harness = await registered();
    expect(await failureOf(patch(harness, moved, { ifMatch: "9" }))).toEqual({ kind: "version-conflict" });
    const refuse = () => {
      throw new AdapterError({ kind: "unprocessable", faults: [] }, "no");
    };
    expect(await failureOf(patch(harness, refuse))).toMatchObject({ kind: "unprocessable" });
    const unmappable = (patient: Patient): Patient => ({ ...patient, gender: "other" });
    expect(await failureOf(patch(harness, unmappable))).toMatchObject({ kind: "unprocessable" });
    const other = (patient: Patient): Patient => ({ ...patient, gender: "female", birthDate: "1990-01-01" });
    expect(await failureOf(patch(harness, other))).toMatchObject({ kind: "overlay-suspected" });
    harness.particle.failNext("putPatient", REFUSED);
    expect(await failureOf(patch(harness, moved))).toMatchObject({ kind: "particle-rejected" });
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 1 });
    expect(heldOf(harness)).toMatchObject([{ address_city: "Roxbury" }]);
    expect(await patch(harness, moved)).toMatchObject({ outcome: "updated" });
  });

  it("holds the patient from the reading to the writing", async () => {
    const harness = await registered();
    let meanwhile: unknown;
    harness.particle.beforeNext("getPatient", async () => {
      meanwhile = await failureOf(
        updatePatient(harness, { id: ID, patient: henrick({ telecom: [] }) }, harness.task()),
      );
    });
    await patch(harness, moved);
    expect(meanwhile).toMatchObject({ kind: "in-flight" });
  });

  it("moves the index and unique identifiers, or changes nothing", async () => {
    const harness = await registered(henrick(), { uniqueIdentifierSystems: [MRN.system] });
    const renumbered = (patient: Patient): Patient => ({ ...patient, identifier: [OTHER_MRN] });
    await patch(harness, renumbered);
    const hash = await harness.keyedHash();
    const idsUnder = (value: string) => harness.store.findIdsByIndexKeys(hash.indexKeysToFind(MRN.system, value));
    expect([await idsUnder("MRN-1"), await idsUnder("MRN-2")]).toEqual([[], [ID]]);
    await updatePatient(harness, { id: "second", patient: henrick() }, harness.task());
    const taken = (patient: Patient): Patient => ({ ...patient, identifier: [MRN] });
    expect(await failureOf(patch(harness, taken))).toEqual({ kind: "duplicate", holder: "second" });
    expect(mappingOf(harness)).toMatchObject({ state: "registered", identifiers: [OTHER_MRN] });
    expect(await idsUnder("MRN-1")).toEqual(["second"]);
  });

  it.each([
    ["arrived", LOST_REPLY, 2],
    ["did not arrive", LOST_REQUEST, 1],
  ] as const)("decides a patch that %s by what Particle holds", async (_, fault, version) => {
    const harness = await registered();
    harness.particle.failNext("putPatient", fault);
    await failureOf(patch(harness, moved));
    settle(harness);
    await recoverRegistrations(harness, harness.task());
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version });
  });

  it("leaves the version alone when it ended before anything was sent", async () => {
    const harness = await registered();
    const dead = { ...harness.store, finish: () => new Promise<boolean>(() => {}) };
    const stuck = new Promise<never>((_, reject) => {
      harness.particle.beforeNext("getPatient", () => {
        reject(new Error("dead"));
        return new Promise(() => {});
      });
    });
    const work = patchPatient({ ...harness, store: dead }, { id: ID, change: view }, harness.task());
    await expect(Promise.race([work, stuck])).rejects.toThrow("dead");
    settle(harness);
    await recoverRegistrations(harness, harness.task());
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 1 });
  });

  it("leaves nothing behind when the table did what it did not answer", async () => {
    const harness = await registered(henrick(), { uniqueIdentifierSystems: [MRN.system] });
    let begins = 0;
    const store: Harness["store"] = {
      ...harness.store,
      begin: async (begin) => {
        const conflict = await harness.store.begin(begin);
        begins += 1;
        if (begins === 2) {
          throw new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 2 }, "It did not answer.");
        }
        return conflict;
      },
    };
    const change = () => henrick({ identifier: [MRN, OTHER_MRN] });
    const work = patchPatient({ ...harness, store }, { id: ID, change }, harness.task());
    expect(await failureOf(work)).toMatchObject({ kind: "store-unavailable" });
    const hash = await harness.keyedHash();
    expect(await harness.store.findIdsByIndexKeys(hash.indexKeysToFind(MRN.system, OTHER_MRN.value))).toEqual([]);
    expect(harness.store.contents.claims.size).toBe(1);
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 1 });
  });

  it("gives the patient back where the table did not take what the patch is to do", async () => {
    const harness = await registered(henrick());
    let begins = 0;
    const store = {
      ...harness.store,
      begin: async (begin: Parameters<typeof harness.store.begin>[0]) => {
        begins += 1;
        if (begins === 2) {
          throw new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 2 }, "It did not answer.");
        }
        return harness.store.begin(begin);
      },
    };
    const work = patch({ ...harness, store }, moved);
    expect(await failureOf(work)).toMatchObject({ kind: "store-unavailable" });
    expect(mappingOf(harness)).toMatchObject({ state: "registered", version: 1 });
  });

  it("is not refused a unique identifier that only an abandoned registration holds", async () => {
    const harness = await registered(henrick(), { uniqueIdentifierSystems: [MRN.system] });
    harness.particle.failNext("putPatient", LOST_REQUEST);
    const other = { id: "second", patient: henrick({ identifier: [OTHER_MRN] }) };
    await failureOf(updatePatient(harness, other, harness.task()));
    const renumbered = (patient: Patient): Patient => ({ ...patient, identifier: [OTHER_MRN] });
    expect(await failureOf(patch(harness, renumbered))).toMatchObject({ kind: "in-flight" });
    expect(mappingOf(harness)?.operation).toBeUndefined();
    settle(harness);
    expect(await patch(harness, renumbered)).toMatchObject({ outcome: "updated", mapping: { version: 2 } });
  });

  it("sends again what Particle holds where it has drifted: from then on it is what was sent", async () => {
    const harness = await registered(henrick());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(patch(harness, moved));
    for (const held of harness.particle.held.values()) {
      Object.assign(held, { demographics: { ...held.demographics, address_city: "Elsewhere" } });
    }
    settle(harness);
    await recoverRegistrations(harness, harness.task());
    expect(mappingOf(harness)).toMatchObject({ state: "drifted", version: 2 });
    expect(await patch(harness, (patient) => patient)).toMatchObject({
      outcome: "updated",
      mapping: { state: "registered", version: 3 },
    });
  });

  it("finds nothing to patch where nothing is", async () => {
    const harness = createHarness();
    expect(await failureOf(patch(harness, moved))).toEqual({ kind: "not-found", reason: "patient" });
  });

  it("leaves nothing behind where it is decided by who knows nothing of what it takes", async () => {
    const harness = await registered(henrick({ id: ID }), { uniqueIdentifierSystems: [OTHER_MRN.system] });
    const begin: Harness["store"]["begin"] = async (request) => {
      if (!request.prior || !("token" in request.prior)) {
        return harness.store.begin(request);
      }
      // Its owner stands still for long: the recovery has read the operation, and goes on when more of it is written.
      settle(harness);
      const [seen] = (await harness.store.findOverdue(harness.now(), 1)).found;
      const conflict = await harness.store.begin(request);
      await decide(harness, seen as OpenMapping, harness.task());
      return conflict;
    };
    const slow: Harness = { ...harness, store: { ...harness.store, begin } };
    const renumbered = patch(slow, (patient) => ({ ...patient, identifier: [MRN, OTHER_MRN] }));
    await failureOf(renumbered);
    await recoverRegistrations(harness, harness.task());
    settle(harness);
    await recoverRegistrations(harness, harness.task());
    expect(discrepancies(worldOf(harness, await harness.keyedHash()))).toEqual([]);
  });
});
