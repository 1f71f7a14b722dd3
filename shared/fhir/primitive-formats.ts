import type { PrimitiveName } from "./patient-definition.generated.ts";

/** Why the value of a primitive is refused: its JSON type (`structure`) or what it says (`value`). */
export type Refusal = { readonly code: "structure" | "value"; readonly diagnostics: string };

/** A primitive type: how JSON writes it, and which values of that JSON type it allows. */
type Format =
  | { readonly json: "boolean" }
  | { readonly json: "number"; readonly accepts: (value: number) => boolean; readonly expected: string }
  | { readonly json: "string"; readonly accepts: (value: string) => boolean; readonly expected: string };

const jsonTypes: Record<Format["json"], string> = {
  boolean: "Write true or false, without quotes.",
  number: "Write a JSON number, without quotes.",
  string: "Write a JSON string.",
};

const dateParts = /^(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?$/;
const timeOfDay = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?$/;
/** What follows the `T` of a dateTime: seconds and offset are not optional. */
const zonedTime = /^(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))$/;

function daysOf(month: number, year: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isDate(value: string): boolean {
  const [, year, month, day] = dateParts.exec(value) ?? [];
  if (year === undefined || year === "0000") return false;
  return day === undefined || Number(day) <= daysOf(Number(month), Number(year));
}

function isInstant(value: string): boolean {
  return value.charAt(10) === "T" && isDate(value.slice(0, 10)) && zonedTime.test(value.slice(11));
}

/** Whole numbers of R4 have 32 bits. */
const wholeNumber = (least: number): Format => ({
  json: "number",
  accepts: (value) => Number.isInteger(value) && value >= least && value <= 2_147_483_647,
  expected: `a whole number from ${least} to 2147483647`,
});
const matching = (pattern: RegExp, expected: string): Format => ({
  json: "string",
  accepts: (value) => pattern.test(value),
  expected,
});
const text: Format = { json: "string", accepts: () => true, expected: "text" };
const uri = matching(/^\S+$/, "a URI without blanks");

/** http://hl7.org/fhir/R4/datatypes.html#primitive */
const formats: Record<PrimitiveName, Format> = {
  // The last group is not optional: blanks that two parts of the pattern could take would be tried in all divisions.
  base64Binary: matching(
    /^\s*(?:[A-Za-z\d+/]{4}\s*)*(?:[A-Za-z\d+/]{4}|[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)\s*$/,
    "base64 in groups of four characters, padded with =",
  ),
  boolean: { json: "boolean" },
  canonical: uri,
  code: matching(/^\S+(?:\s\S+)*$/, "a code without blanks at its ends or two blanks in a row"),
  date: { json: "string", accepts: isDate, expected: "a date that exists, as YYYY, YYYY-MM or YYYY-MM-DD" },
  dateTime: {
    json: "string",
    accepts: (value) => (value.length > 10 ? isInstant(value) : isDate(value)),
    expected:
      "a date that exists, as YYYY, YYYY-MM or YYYY-MM-DD, or with a time as YYYY-MM-DDThh:mm:ss and Z or +hh:mm",
  },
  decimal: { json: "number", accepts: Number.isFinite, expected: "a number that is not too large" },
  id: matching(/^[A-Za-z\d\-.]{1,64}$/, "1 to 64 letters, digits, hyphens and dots"),
  instant: { json: "string", accepts: isInstant, expected: "a moment as YYYY-MM-DDThh:mm:ss and Z or +hh:mm" },
  integer: wholeNumber(-2_147_483_648),
  markdown: text,
  oid: matching(/^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/, "an OID as urn:oid: and numbers with dots between them"),
  positiveInt: wholeNumber(1),
  string: text,
  time: matching(timeOfDay, "a time as hh:mm:ss"),
  unsignedInt: wholeNumber(0),
  uri,
  url: uri,
  uuid: matching(/^urn:uuid:[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/, "a UUID as urn:uuid: and lower-case digits"),
  xhtml: text,
};

/** One look that nearly every text passes: a control character, a `<` or U+FFFD asks for a closer one. */
const suspicious = /[^\t\n\r -;=-\ufffc\ufffe\uffff]/;
const controlCharacter = /[^\t\n\r -\uffff]/;
const activeMarkup = /<\/?(?:script|iframe|object|embed|applet|frame|frameset|svg|style)\b/i;

/**
 * What no text may hold: characters that R4 forbids (http://hl7.org/fhir/R4/datatypes.html#string), what cannot be
 * written as UTF-8 or was lost in reading it, and markup that a browser would run if an application shows the text
 * (http://hl7.org/fhir/R4/security.html#narrative). Narrative has markup by right and its own rules.
 */
function textRefusal(value: string, isNarrative: boolean): string | undefined {
  if (value === "") return "A string is never empty: leave the element out.";
  if (!value.isWellFormed()) return "The text has half of a surrogate pair, which is no character: correct it.";
  if (!suspicious.test(value)) return undefined;
  if (controlCharacter.test(value)) return "Remove the control characters: only tab, line feed and return are allowed.";
  if (value.includes("\ufffd")) return "The text has U+FFFD where a character was lost: send it as UTF-8.";
  if (!isNarrative && activeMarkup.test(value)) return "Remove the active markup (script, iframe and the like).";
  return undefined;
}

/** @returns what is wrong with the value of a primitive of this type, undefined if nothing is. */
export function primitiveRefusal(type: PrimitiveName, value: unknown): Refusal | undefined {
  const format = formats[type];
  if (typeof value !== format.json) return { code: "structure", diagnostics: jsonTypes[format.json] };
  if (typeof value === "string" && format.json === "string") {
    const diagnostics = textRefusal(value, type === "xhtml");
    if (diagnostics !== undefined) return { code: "value", diagnostics };
    if (!format.accepts(value)) return { code: "value", diagnostics: `Write ${format.expected}.` };
  }
  if (typeof value === "number" && format.json === "number" && !format.accepts(value)) {
    return { code: "value", diagnostics: `Write ${format.expected}.` };
  }
  return undefined;
}

/** The text rules alone, for strings whose type is not known. */
export function untypedTextRefusal(value: string): string | undefined {
  return textRefusal(value, true);
}
