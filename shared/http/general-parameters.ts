import type { Fault } from "../failure/failure.ts";
import { isPatientElement, type Reduction } from "../fhir/reduce-patient.ts";
import { type FhirRequest, invalid, MOST_PARAMETERS, type Parameter, requestFault, valuesOf } from "./request.ts";

const SUMMARIES = ["true", "text", "data"] as const;

const oneOf =
  (name: string, ...allowed: readonly string[]) =>
  (value: string): string | undefined =>
    allowed.includes(value) ? undefined : `${name} must be ${allowed.join(" or ")}.`;

const elementsOf = (value: string): string[] => value.split(",").map((name) => name.trim());

/** Parameters of every interaction, and what is wrong with a value: http://hl7.org/fhir/R4/http.html#parameters */
const GENERAL: ReadonlyMap<string, (value: string) => string | undefined> = new Map([
  // Judged before anything else of a request is.
  ["_format", () => undefined],
  ["_pretty", oneOf("_pretty", "true", "false")],
  ["_summary", oneOf("_summary", "false", ...SUMMARIES)],
  [
    "_elements",
    (value: string) =>
      elementsOf(value).every(isPatientElement)
        ? undefined
        : "_elements must be names of elements of a Patient, such as name,birthDate.",
  ],
]);

export const GENERAL_PARAMETERS: readonly string[] = [...GENERAL.keys()];

/** What is wrong with the value of a general parameter. */
export const generalFault = ([name, value]: Parameter): string | undefined => GENERAL.get(name)?.(value);

/** Parameters that may be given once: all but those whose values add up. */
const SINGLE: readonly string[] = ["_format", "_pretty", "_summary", "_count", "_total", "page"];

/** Bytes that the values may have together: links repeat them, and three bytes of a link may stand for one. */
const MOST_BYTES = 100_000;

/**
 * Also of lenient handling: each parameter that is ignored has a remark.
 *
 * @throws AdapterError `invalid` when there are more parameters than anybody looks through.
 */
export function requireFewParameters(query: readonly Parameter[]): void {
  const bytes = query.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (query.length > MOST_PARAMETERS || bytes > MOST_BYTES) {
    throw invalid({
      severity: "error",
      code: "too-costly",
      diagnostics: `A request may have ${MOST_PARAMETERS} parameters, of ${MOST_BYTES} bytes together. Make several requests of it.`,
    });
  }
}

/** What is wrong with parameters taken together. */
export function togetherFaults(query: readonly Parameter[]): readonly Fault[] {
  const names = query.map(([name]) => name);
  const faults = SINGLE.filter((name) => valuesOf(query, name).length > 1).map((name) =>
    requestFault(`${name} can be given once.`),
  );
  const isReducedTwice =
    names.includes("_elements") && !valuesOf(query, "_summary").every((value) => value === "false");
  return isReducedTwice ? [...faults, requestFault("Give either _elements or _summary.")] : faults;
}

/**
 * Before anything is done: a parameter that is not understood may have been meant to change what is done.
 *
 * @param own parameters of the interaction beside the general ones.
 * @throws AdapterError `invalid` with every parameter that is unknown or malformed, which lenient handling ignores, or
 *   when there are too many.
 */
export function requireParameters({ query, preferences }: FhirRequest, own: readonly string[] = []): void {
  requireFewParameters(query);
  const known = [...own, ...GENERAL_PARAMETERS];
  const faults = query.flatMap((parameter) => {
    const fault = known.includes(parameter[0])
      ? generalFault(parameter)
      : `This interaction does not know one of the parameters. It knows ${known.join(", ")}.`;
    return fault === undefined ? [] : [requestFault(fault)];
  });
  const all = [...faults, ...togetherFaults(query)];
  if (all.length > 0 && preferences.handling === "strict") {
    throw invalid(...all);
  }
}

/** What `_elements` and `_summary` ask for; a value that cannot be used asks for nothing. */
export function reductionOf({ query }: Pick<FhirRequest, "query">): Reduction | undefined {
  const elements = valuesOf(query, "_elements").flatMap(elementsOf).filter(isPatientElement);
  if (elements.length > 0) {
    return { elements };
  }
  const [value] = valuesOf(query, "_summary");
  const summary = SUMMARIES.find((known) => known === value);
  return summary && { summary };
}
