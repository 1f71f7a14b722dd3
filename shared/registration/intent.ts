import type { Patient } from "fhir/r4";
import { AdapterError, type Fault } from "../failure/failure.ts";
import { type CanonicalDemographics, canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { Demographics } from "../mapping/demographics.ts";
import type { PatientReport } from "../mapping/patient-report.ts";
import { type MappingResult, patientToParticle } from "../mapping/patient-to-particle.ts";
import { type SourceIdentifier, sourceIdentifiers } from "../mapping/source-identifiers.ts";
import type { Content, Mapping } from "../store/mapping-store.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import type { ContentRules, Registration } from "./registration.ts";

/** What a client wants Particle to hold. */
export type Intent = {
  readonly demographics: Demographics;
  readonly canonical: CanonicalDemographics;
  readonly identifiers: readonly SourceIdentifier[];
  /**
   * Where the deployment takes the patient_id from the patient. The one of its mapping, unless that was abandoned and the
   * time is over for which it is kept.
   */
  readonly patient_id?: string;
  readonly report: PatientReport;
};

/** As for the Documents API, the only one for which the vendor states a limit. */
const LONGEST_PATIENT_ID = 200;

/**
 * What a valid FHIR Patient means for Particle.
 *
 * @param mapping the patient that is to be changed, against which Particle's ids in the body are checked.
 * @throws AdapterError `unprocessable` with everything that stands in the way, at once.
 */
export function intentOf(rules: ContentRules, patient: Patient, mapping: Mapping | undefined): Intent {
  const { intent, faults } = judgedPatient(rules, patient, mapping);
  if (intent === undefined) {
    throw new AdapterError(
      { kind: "unprocessable", faults },
      `The Patient cannot be registered: ${faults.length} faults.`,
    );
  }
  return intent;
}

/** An intent, or everything that stands in its way; in both cases what the mapping says. */
export type JudgedPatient = {
  readonly result: MappingResult;
  readonly faults: readonly Fault[];
  /** Undefined exactly where there are faults. */
  readonly intent?: Intent;
};

/** As {@link intentOf}, for who wants to know more than whether it can be registered. */
export function judgedPatient(
  { now, settings }: ContentRules,
  patient: Patient,
  mapping: Mapping | undefined,
): JudgedPatient {
  const result = patientToParticle(patient, { today: new Date(now()).toISOString().slice(0, 10) });
  const { identifiers, claimed, faults: unrecordable } = sourceIdentifiers(patient, settings.systems);
  const foreign = (["patient_id", "particle_patient_id"] as const).flatMap((name) =>
    claimed[name].filter(({ value }) => value !== mapping?.[name]).map(foreignId),
  );
  const isOver = mapping?.expiresAt !== undefined && mapping.expiresAt * 1_000 < now();
  const named = namedPatientId(settings.patientIdSystem, identifiers, isOver ? undefined : mapping);
  const faults = [...result.faults, ...unrecordable, ...foreign, ...("fault" in named ? [named.fault] : [])];
  const { demographics } = result;
  if (demographics === undefined || "fault" in named || faults.length > 0) {
    return { result, faults };
  }
  const canonical = canonicalDemographics(demographics);
  const report = { ...result.report, patient, demographics };
  return { result, faults, intent: { demographics, canonical, identifiers, ...named, report } };
}

/** A Particle id in a Patient that is not, or not yet, the one that has it. */
export const foreignId = ({ expression }: { readonly expression: string }): Fault => ({
  severity: "error",
  code: "business-rule",
  expression,
  diagnostics:
    "This identifier names another patient at Particle than the one that this resource is or becomes. Particle's ids are assigned on registration and never change: leave the identifier out, or update the Patient that has it.",
});

/** The patient_id that the patient itself names, where the deployment says in which system. */
export function namedPatientId(
  system: string | undefined,
  identifiers: readonly SourceIdentifier[],
  mapping: Mapping | undefined,
): { readonly patient_id?: string } | { readonly fault: Fault } {
  if (system === undefined) {
    return {};
  }
  const [named, ...others] = identifiers.filter((identifier) => identifier.system === system);
  if (named === undefined || others.length > 0) {
    return namingFault(
      `The Patient must carry exactly one identifier of the system ${system}: it becomes its patient_id.`,
    );
  }
  if (named.value.length > LONGEST_PATIENT_ID) {
    return namingFault(`The identifier of the system ${system} may have at most ${LONGEST_PATIENT_ID} characters.`);
  }
  if (mapping !== undefined && mapping.patient_id !== named.value) {
    return namingFault(
      `The identifier of the system ${system} is the patient_id of this Patient and never changes. Register another Patient for another person, or send the identifier as it was.`,
    );
  }
  return { patient_id: named.value };
}

const namingFault = (diagnostics: string): { readonly fault: Fault } => ({
  fault: { severity: "error", code: "business-rule", expression: "Patient.identifier", diagnostics },
});

/** What the mapping is to record of an intent, without the claims. */
export function contentOf(
  { settings: { systems } }: Registration,
  hash: KeyedHash,
  { canonical, identifiers }: Intent,
  ids: Pick<Mapping, "patient_id" | "particle_patient_id">,
): Omit<Content, "claims"> {
  const particleIds = (["patient_id", "particle_patient_id"] as const).flatMap((name) => {
    const value = ids[name];
    return value === undefined ? [] : [{ system: systems[name], value }];
  });
  return { sent: hash.digest(canonical), identifiers, indexKeys: hash.indexKeys([...identifiers, ...particleIds]) };
}

/** Whether a registered patient has this content already. */
export const hasContent = (hash: KeyedHash, mapping: Mapping, { canonical, identifiers }: Intent): boolean =>
  mapping.state === "registered" &&
  mapping.sent !== undefined &&
  hash.sameContent(mapping.sent, canonical) &&
  identifiersForm(mapping.identifiers) === identifiersForm(identifiers);

/** The same text for the same identifiers, whatever their order. */
export const identifiersForm = (identifiers: readonly SourceIdentifier[]): string =>
  JSON.stringify(
    identifiers.map(({ system, value, use, type }) => JSON.stringify([system, value, use, type?.coding])).sort(),
  );
