import type { Patient } from "fhir/r4";
import type { Fault } from "../failure/failure.ts";
import { chooseEntry } from "./choose-entry.ts";
import { DEMOGRAPHIC_RULES } from "./demographic-rules.ts";
import type { DemographicField, Demographics } from "./demographics.ts";
import { type FhirObject, isFhirObject } from "./fhir-element.ts";
import type { FieldReport, MappingReport } from "./mapping-report.ts";
import { obstacles } from "./obstacles.ts";

export type { MappingReport } from "./mapping-report.ts";

/** Demographics, or all the faults that stand in the way; in both cases the report. */
export type MappingResult =
  | { readonly demographics: Demographics; readonly faults: readonly []; readonly report: MappingReport }
  | { readonly demographics?: undefined; readonly faults: readonly Fault[]; readonly report: MappingReport };

/** Each choice once, with the fields that it feeds. */
const CHOICES = [...Map.groupBy(DEMOGRAPHIC_RULES, ({ choice }) => choice)];

const NOT_AN_OBJECT: FhirObject = {};

/**
 * Makes Particle's demographics of a Patient that has been validated. What feeds no demographic may be malformed; this
 * never throws.
 *
 * @param today the UTC date `YYYY-MM-DD` on which periods are current and births are not in the future.
 */
export function patientToParticle(patient: Patient, { today }: { readonly today: string }): MappingResult {
  const root: unknown = patient;
  const element = isFhirObject(root) ? root : NOT_AN_OBJECT;
  const values: { [Field in DemographicField]?: string | readonly string[] } = {};
  const faults: Fault[] = obstacles(element);
  const fields: FieldReport[] = [];
  const warnings: Fault[] = [];
  for (const [choice, rules] of CHOICES) {
    const outcome = chooseEntry(choice, rules, element, today);
    for (const { rule, value } of outcome.offers) {
      if (value !== undefined) {
        values[rule.field] = value;
      }
    }
    faults.push(...outcome.faults);
    fields.push(...outcome.fields);
    warnings.push(...outcome.warnings);
  }
  const report = { fields, warnings };
  if (faults.length > 0) {
    return { faults, report };
  }
  // Without faults each required field is there, and its normaliser has given it the form that Particle documents.
  return { demographics: values as Demographics, faults: [], report };
}
