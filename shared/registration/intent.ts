import type { Patient } from "fhir/r4";
import { AdapterError, type Fault } from "../failure/failure.ts";
import { type CanonicalDemographics, canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { Demographics } from "../mapping/demographics.ts";
import { type MappingReport, patientToParticle } from "../mapping/patient-to-particle.ts";
import { type SourceIdentifier, sourceIdentifiers } from "../mapping/source-identifiers.ts";
import type { Content, Mapping } from "../store/mapping-store.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import type { Registration } from "./registration.ts";

/** What a client wants Particle to hold. */
export type Intent = {
  readonly demographics: Demographics;
  readonly canonical: CanonicalDemographics;
  readonly identifiers: readonly SourceIdentifier[];
  readonly report: MappingReport;
};

/**
 * What a valid FHIR Patient means for Particle.
 *
 * @param mapping the patient that is to be changed, against which Particle's ids in the body are checked.
 * @throws AdapterError `unprocessable` with everything that stands in the way, at once.
 */
export function intentOf({ now, settings }: Registration, patient: Patient, mapping: Mapping | undefined): Intent {
  const result = patientToParticle(patient, { today: new Date(now()).toISOString().slice(0, 10) });
  const { identifiers, claimed, faults } = sourceIdentifiers(patient, settings.systems);
  const foreign = (["patient_id", "particle_patient_id"] as const).flatMap((name) =>
    claimed[name].filter(({ value }) => mapping !== undefined && value !== mapping[name]).map(foreignId),
  );
  const all = [...result.faults, ...faults, ...foreign];
  if (result.demographics === undefined || all.length > 0) {
    throw new AdapterError(
      { kind: "unprocessable", faults: all },
      `The Patient cannot be registered: ${all.length} faults.`,
    );
  }
  const { demographics, report } = result;
  return { demographics, canonical: canonicalDemographics(demographics), identifiers, report };
}

const foreignId = ({ expression }: { readonly expression: string }): Fault => ({
  severity: "error",
  code: "business-rule",
  expression,
  diagnostics:
    "This identifier names another patient at Particle than the one that this resource is. Particle's ids are assigned on registration and never change: leave the identifier out, or send it as this server answered it.",
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

/** Whether two patients are recorded with the same identifiers, whatever their order. */
export function sameIdentifiers(some: readonly SourceIdentifier[], others: readonly SourceIdentifier[]): boolean {
  return identifiersForm(some) === identifiersForm(others);
}

/** The same text for the same identifiers. */
export const identifiersForm = (identifiers: readonly SourceIdentifier[]): string =>
  JSON.stringify(
    identifiers.map(({ system, value, use, type }) => JSON.stringify([system, value, use, type?.coding])).sort(),
  );
