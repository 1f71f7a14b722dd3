import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { deletePatient } from "../../../shared/registration/delete-patient.ts";
import { foreseeUpdate } from "../../../shared/registration/foresee-update.ts";
import { judgedPatient } from "../../../shared/registration/intent.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import {
  createHarness,
  type Harness,
  henrick,
  henrickWithSsn,
  LOST_REPLY,
  MRN,
  SETTLE_MS,
} from "../../support/registration-harness.ts";

const ID = "patient-1";
const SURVIVOR = "patient-2";
const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];
const OTHER_SSN = { system: "http://hl7.org/fhir/sid/us-ssn", value: "234-56-7890" };
const named = (family: string, given: string) => [{ use: "official" as const, family, given: [given] }];

const put = (harness: Harness, patient: Patient, id = ID) => updatePatient(harness, { id, patient }, harness.task());

async function foreseen(harness: Harness, patient: Patient) {
  const mapping = await harness.store.find(ID);
  return foreseeUpdate(harness, mapping, patient, judgedPatient(harness, patient, mapping).intent);
}

/** How the update ends that was foreseen. */
async function ending(harness: Harness, patient: Patient): Promise<string> {
  const work = put(harness, patient);
  return work.then(
    ({ outcome, mapping }) => `${outcome} ${mapping.state}`,
    async () => (await adapterErrorOf(work)).failure.kind,
  );
}

/** Particle is found to hold what was not sent. */
async function drift(harness: Harness) {
  await put(harness, henrick());
  harness.particle.failNext("putPatient", LOST_REPLY);
  await put(harness, henrick({ address: MOVED })).catch(() => undefined);
  for (const [patient_id, held] of harness.particle.held) {
    const demographics = { ...held.demographics, address_city: "Salem" };
    harness.particle.held.set(patient_id, { ...held, demographics });
  }
  harness.pass(20_000 + SETTLE_MS + 1);
  await put(harness, henrick({ gender: "other" })).catch(() => undefined);
}

const CASES: readonly {
  readonly name: string;
  readonly before?: (harness: Harness) => Promise<unknown>;
  readonly patient: Patient;
  readonly foreseen: { readonly action: string; readonly changes: readonly string[] };
  readonly ends: string;
}[] = [
  {
    name: "nobody under the id",
    before: async () => undefined,
    patient: henrick(),
    foreseen: { action: "create", changes: [] },
    ends: "created registered",
  },
  {
    name: "a deleted patient",
    before: async (harness) => {
      await put(harness, henrick());
      await deletePatient(harness, { id: ID }, harness.task());
    },
    patient: henrick(),
    foreseen: { action: "revive", changes: [] },
    ends: "created registered",
  },
  {
    name: "another person under the id of a deleted one",
    before: async (harness) => {
      await put(harness, henrick());
      await deletePatient(harness, { id: ID }, harness.task());
    },
    patient: henrick({ birthDate: "1990-01-01", gender: "female" }),
    foreseen: { action: "overlay-suspected", changes: ["date_of_birth", "gender"] },
    ends: "overlay-suspected",
  },
  {
    name: "the same content",
    patient: henrick(),
    foreseen: { action: "nothing", changes: [] },
    ends: "unchanged registered",
  },
  {
    name: "the same content without the SSN, which is never answered",
    before: (harness) => put(harness, henrickWithSsn()),
    patient: henrick(),
    foreseen: { action: "nothing", changes: [] },
    ends: "unchanged registered",
  },
  {
    name: "one identity field",
    patient: henrick({ name: named("Other", "Henrick") }),
    foreseen: { action: "update", changes: ["family_name"] },
    ends: "updated registered",
  },
  {
    name: "an SSN that was not there, and another address",
    patient: henrick({ identifier: [MRN, OTHER_SSN], address: MOVED }),
    foreseen: { action: "update", changes: ["ssn", "other"] },
    ends: "updated registered",
  },
  {
    name: "another SSN alone",
    before: (harness) => put(harness, henrickWithSsn()),
    patient: henrick({ identifier: [MRN, OTHER_SSN] }),
    foreseen: { action: "update", changes: ["ssn"] },
    ends: "updated registered",
  },
  {
    name: "another address, which no digest of its own tells",
    patient: henrick({ address: MOVED }),
    foreseen: { action: "update", changes: ["other"] },
    ends: "updated registered",
  },
  {
    name: "the letter case of a name",
    patient: henrick({ name: named("TESTINGSON", "Henrick") }),
    foreseen: { action: "update", changes: ["other"] },
    ends: "updated registered",
  },
  {
    name: "the sender's identifiers",
    patient: henrick({ identifier: [{ ...MRN, value: "MRN-2" }] }),
    foreseen: { action: "update", changes: ["identifier"] },
    ends: "updated registered",
  },
  {
    name: "two identity fields",
    patient: henrick({ name: named("Other", "Somebody"), address: MOVED }),
    foreseen: { action: "overlay-suspected", changes: ["family_name", "given_name"] },
    ends: "overlay-suspected",
  },
  {
    name: "a Patient that cannot be registered",
    patient: henrick({ gender: "other" }),
    foreseen: { action: "refuse", changes: [] },
    ends: "unprocessable",
  },
  {
    name: "an inactive Patient without a link",
    patient: henrick({ active: false }),
    foreseen: { action: "refuse", changes: [] },
    ends: "unprocessable",
  },
  {
    name: "a duplicate",
    before: async (harness) => {
      await put(harness, henrick());
      await put(harness, henrick({ identifier: [] }), SURVIVOR);
    },
    patient: henrick({
      active: false,
      link: [{ other: { reference: `Patient/${SURVIVOR}` }, type: "replaced-by" }],
    }),
    foreseen: { action: "replace", changes: [] },
    ends: "updated replaced",
  },
  {
    name: "a duplicate under rules that are not known",
    patient: henrick({
      active: false,
      implicitRules: "https://example.org/rules",
      link: [{ other: { reference: `Patient/${SURVIVOR}` }, type: "replaced-by" }],
    }),
    foreseen: { action: "refuse", changes: [] },
    ends: "unprocessable",
  },
  {
    name: "an open operation",
    before: async (harness) => {
      await put(harness, henrick());
      harness.particle.failNext("putPatient", LOST_REPLY);
      await put(harness, henrick({ address: MOVED })).catch(() => undefined);
    },
    patient: henrick(),
    foreseen: { action: "in-flight", changes: [] },
    ends: "in-flight",
  },
  {
    name: "a drifted patient",
    before: drift,
    patient: henrick(),
    foreseen: { action: "update", changes: ["unknown"] },
    ends: "updated registered",
  },
  {
    name: "another person under the id of a drifted one",
    before: drift,
    patient: henrick({ birthDate: "1990-01-01", gender: "female" }),
    foreseen: { action: "overlay-suspected", changes: ["date_of_birth", "gender"] },
    ends: "overlay-suspected",
  },
];

describe("what an update would do", () => {
  it.each(CASES)("is foreseen: $name", async ({ before, patient, foreseen: expected, ends }) => {
    const harness = createHarness();
    await (before ? before(harness) : put(harness, henrick()));
    const calls = harness.particle.calls.length;
    const contents = structuredClone(harness.store.contents);
    expect(await foreseen(harness, patient)).toEqual(expected);
    expect(harness.particle.calls).toHaveLength(calls);
    expect(harness.store.contents).toEqual(contents);
    expect(await ending(harness, patient)).toBe(ends);
  });

  it("is foreseen while an earlier attempt may still arrive", async () => {
    const harness = createHarness();
    const { mapping } = await put(harness, henrick());
    const unsettled = { ...mapping, unsettledUntil: harness.now() + 1 };
    const patient = henrick({ address: MOVED });
    const { intent } = judgedPatient(harness, patient, unsettled);
    expect(await foreseeUpdate(harness, unsettled, patient, intent)).toEqual({ action: "in-flight", changes: [] });
    const same = judgedPatient(harness, henrick(), unsettled).intent;
    expect(await foreseeUpdate(harness, unsettled, henrick(), same)).toEqual({ action: "nothing", changes: [] });
    harness.pass(1);
    expect(await foreseeUpdate(harness, unsettled, patient, intent)).toEqual({ action: "update", changes: ["other"] });
  });
});
