import type { ParametersParameter } from "fhir/r4";
import { SizeBudget } from "../fhir/size-budget.ts";
import { DEMOGRAPHIC_RULES } from "./demographic-rules.ts";
import type { DemographicField, Demographics } from "./demographics.ts";
import type { FieldReport, Rival, UnusedLeaf } from "./mapping-report.ts";
import type { Normalisation } from "./normalised.ts";

/**
 * Bytes of fields and unused leaves. Beside them stand the demographics (a Patient has at most 1 MB, whose quotes escape
 * twice), pretty-printing doubles such small parts, and Lambda answers at most 6 MB.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MOST_BYTES = 1_500_000;

/** Characters of a text before and after a normalisation; a report need not repeat more of it. */
const LONGEST_TEXT = 1_000;

const part = (name: string, part: readonly ParametersParameter[]): ParametersParameter => ({ name, part: [...part] });
const code = (name: string, valueCode: string): ParametersParameter => ({ name, valueCode });
const text = (name: string, valueString: string): ParametersParameter => ({ name, valueString });

/** As it counts in what Lambda answers: JSON as a string in JSON. */
const bytesOf = (parameter: ParametersParameter): number =>
  Buffer.byteLength(JSON.stringify(JSON.stringify(parameter)));

/** No digit of an SSN is answered. */
const masked = (field: DemographicField, value: string): string =>
  field === "ssn" ? value.replace(/\d/g, "*") : value;

/** Particle's demographics, a part for each field, and for each of the address lines. */
export const demographicsParameter = (demographics: Demographics): ParametersParameter =>
  part(
    "demographics",
    DEMOGRAPHIC_RULES.flatMap(({ field }) => {
      const value = demographics[field];
      const values = value === undefined || typeof value === "string" ? [value ?? []].flat() : value;
      return values.map((one) =>
        field === "date_of_birth" ? { name: field, valueDate: one } : text(field, masked(field, one)),
      );
    }),
  );

/**
 * The report as parameters `field` and `unused`, as far as one answer can hold them; where parts are left out, `left-out`
 * says how many.
 */
export function reportParameters(
  fields: readonly FieldReport[],
  unused: readonly UnusedLeaf[],
): readonly ParametersParameter[] {
  const budget = new SizeBudget(MOST_BYTES);
  const reported = fields.map((field) => fieldParameter(field, budget));
  const leaves = budget.take(unused, (leaf) => bytesOf(unusedParameter(leaf))).map(unusedParameter);
  return budget.leftOut === 0
    ? [...reported, ...leaves]
    : [...reported, ...leaves, { name: "left-out", valueInteger: budget.leftOut }];
}

function fieldParameter(
  { field, rule, sources, rivals, normalisations }: FieldReport,
  budget: SizeBudget,
): ParametersParameter {
  const details = [
    ...sources.map((source) => text("source", source)),
    ...normalisations.map((step) => normalisationPart(field, step)),
    ...rivals.map(rivalPart),
  ];
  return part("field", [code("field", field), code("rule", rule), ...budget.take(details, bytesOf)]);
}

const normalisationPart = (field: DemographicField, { kind, before, after }: Normalisation): ParametersParameter =>
  part("normalisation", [
    code("kind", kind),
    text("before", shortened(masked(field, before))),
    text("after", shortened(masked(field, after))),
  ]);

/** The cut may fall between the two halves of a character. */
const shortened = (value: string): string =>
  value.length <= LONGEST_TEXT ? value : `${value.slice(0, LONGEST_TEXT).toWellFormed()}…`;

const rivalPart = ({ expression, reason }: Rival): ParametersParameter =>
  part("rival", [text("expression", expression), code("reason", reason)]);

const unusedParameter = ({ expression, reason }: UnusedLeaf): ParametersParameter =>
  part("unused", [text("expression", expression), code("reason", reason)]);
