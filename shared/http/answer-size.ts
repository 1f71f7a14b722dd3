import { type Parameter, valuesOf } from "./request.ts";

/** Whether the answer is to be indented, by `_pretty`: http://hl7.org/fhir/R4/http.html#pretty */
export const isPrettyWanted = (query: readonly Parameter[]): boolean => valuesOf(query, "_pretty")[0] === "true";

/**
 * Bytes that a value takes of the 6 MB that Lambda answers at most. The body is a string within JSON
 * there, so each of its quotation marks and line ends counts twice.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
export const sizeInAnswer = (value: unknown, isPretty: boolean): number =>
  Buffer.byteLength(JSON.stringify(JSON.stringify(value, null, isPretty ? 2 : undefined)));
