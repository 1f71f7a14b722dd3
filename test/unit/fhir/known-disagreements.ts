import type { OtherValidator } from "../../support/other-validators.ts";

/** Why another validator takes for valid what ours refuses, or refuses what ours takes for valid. */
export type Disagreement = {
  readonly of: readonly OtherValidator[];
  /** The messages that it explains: of our faults where they miss something, of their errors where they refuse. */
  readonly messages: RegExp;
  /** Only Patients with these mutations. */
  readonly mutations?: RegExp;
  readonly why: string;
  /** What says that ours is right. */
  readonly specification: string;
};

const medplum = ["@medplum/core"] as const;
const fhir = ["fhir"] as const;
const both = [...medplum, ...fhir] as const;

const JSON_FORMAT = "http://hl7.org/fhir/R4/json.html";
const DATATYPES = "http://hl7.org/fhir/R4/datatypes.html";
const NARRATIVE = "http://hl7.org/fhir/R4/narrative.html";
const CONTAINED = "http://hl7.org/fhir/R4/references.html#contained";

/** What they do not find. */
export const misses: Readonly<Record<string, Disagreement>> = {
  "an empty value counts as none": {
    of: both,
    mutations: /an empty|^(""|\{\}|\[\]|\[\{\}\]) anywhere$/,
    messages: /./,
    why: "A property has content or is left out; they pass over one that is empty wherever it stands.",
    specification: JSON_FORMAT,
  },
  "characters are not looked at": {
    of: both,
    messages: /control characters|surrogate pair|U\+FFFD|active markup/,
    why: "A string has no control characters, and is Unicode. Markup that a browser runs is no error of R4: its chapter on security asks for caution.",
    specification: `${DATATYPES}#string`,
  },
  "ids are not compared with their format": {
    of: both,
    messages: /^Write 1 to 64 letters|^Write an id without blanks/,
    why: "An id of a resource has 1 to 64 letters, digits, hyphens and dots; that of an element no blanks.",
    specification: `${DATATYPES}#id`,
  },
  "required codes are not looked up": {
    of: medplum,
    messages: /^Use a code of the value set/,
    why: "It does not look at bindings. A required one leaves no choice.",
    specification: "http://hl7.org/fhir/R4/terminologies.html#required",
  },
  "days are not compared with the calendar": {
    of: medplum,
    mutations: /does not exist|2020-02-30/,
    messages: /^Write a date that exists/,
    why: "Every month may have 31 days; dates SHALL be valid ones.",
    specification: `${DATATYPES}#date`,
  },
  "a time may lack its zone": {
    of: medplum,
    mutations: /without its zone/,
    messages: /^Write a date that exists/,
    why: "Where hours and minutes are there, a zone is.",
    specification: `${DATATYPES}#dateTime`,
  },
  "dates and times need only begin like one": {
    of: fhir,
    messages: /^Write a (date that exists|moment)/,
    why: "Its patterns are not anchored, an instant has none, and no calendar is asked.",
    specification: `${DATATYPES}#date`,
  },
  "formats are loose": {
    of: fhir,
    messages: /^Write (a URI without blanks|a code without blanks|base64|an OID|a UUID|a time)/,
    why: "It compares few types with their format, and not to the end.",
    specification: `${DATATYPES}#primitive`,
  },
  "whole numbers may be larger than 32 bits": {
    of: both,
    messages: /^Write a whole number/,
    why: "integer, unsignedInt and positiveInt are 32-bit numbers.",
    specification: `${DATATYPES}#integer`,
  },
  "a choice may be made twice": {
    of: both,
    messages: /^Keep only one of/,
    why: "One of the types of value[x] can be there; @medplum/core only warns.",
    specification: "http://hl7.org/fhir/R4/formats.html#choice",
  },
  "most invariants are not evaluated": {
    of: both,
    messages: /\([a-z]+-\d+\)$/,
    why: "fhir evaluates none; @medplum/core some: it finds pat-1, ext-1, dom-2, dom-4 and dom-5.",
    specification: "http://hl7.org/fhir/R4/conformance-rules.html#constraints",
  },
  "narratives are not read": {
    of: both,
    messages: /narrative|^Put some content/,
    why: "A narrative is XHTML of some elements and attributes only, without scripts, with content (txt-1, txt-2).",
    specification: `${NARRATIVE}#xhtml`,
  },
  "the two arrays of a primitive may differ in length": {
    of: both,
    messages: /equally many entries/,
    why: "They are aligned by position, null standing for what is absent.",
    specification: `${JSON_FORMAT}#primitive`,
  },
  "any element may have a companion": {
    of: medplum,
    messages: /^_\w+ is no element/,
    why: "Only primitives have a _ property; other elements hold their id and extensions themselves.",
    specification: `${JSON_FORMAT}#primitive`,
  },
  "a reference to another type is a warning": {
    of: medplum,
    messages: /^Refer to a resource of the type/,
    why: "An element may refer to the types that its definition names.",
    specification: "http://hl7.org/fhir/R4/references.html",
  },
  "contained resources may share an id": {
    of: both,
    messages: /its own id/,
    why: "A reference with # could not be resolved.",
    specification: CONTAINED,
  },
  "values of another JSON type pass in places": {
    of: medplum,
    mutations: /anywhere$/,
    messages: /^Write a JSON (object|string)/,
    why: "A number where an object belongs is passed over, and so is an object with an id or extensions where a primitive belongs.",
    specification: JSON_FORMAT,
  },
  "JSON types are not compared": {
    of: fhir,
    messages: /^Write (a JSON|an array|one value)|^null stands/,
    why: "Arrays, objects and most primitives may stand in for one another; null passes.",
    specification: JSON_FORMAT,
  },
  "extensions of primitives are not looked into": {
    of: fhir,
    messages: /is no element of (Element|Extension) |^Give the Extension its url/,
    why: "What a _ property holds is an element with extensions, and an extension has a url.",
    specification: `${JSON_FORMAT}#primitive`,
  },
};

/** What they refuse although we take it for valid. */
export const refusals: Readonly<Record<string, Disagreement>> = {
  "blanks in base64": {
    of: medplum,
    messages: /^Invalid base64Binary format/,
    why: "Blanks and line ends may stand between groups of four characters.",
    specification: `${DATATYPES}#base64Binary`,
  },
  "strings of blanks": {
    of: medplum,
    messages: /^String must contain non-whitespace/,
    why: "They SHOULD have other content, and need not. The mapping takes them for absent.",
    specification: `${DATATYPES}#string`,
  },
  "OIDs with an arc of 0": {
    of: fhir,
    messages: /^Invalid oid format for value "urn:oid:0\.0"/,
    why: "An arc may be 0; none but 0 itself begins with it.",
    specification: `${DATATYPES}#oid`,
  },
  "an extension whose value is a UUID": {
    of: fhir,
    messages: /^Unexpected property .*valueUuid/,
    why: "It does not know this type.",
    specification: "http://hl7.org/fhir/R4/extensibility.html#Extension",
  },
  "references that do not say what they are to": {
    of: fhir,
    messages: /^Invalid type for reference/,
    why: "A reference may be any URL, and its type any URI: only those that name a type of R4 can be of a wrong one.",
    specification: "http://hl7.org/fhir/R4/references.html#literal",
  },
  "what contained resources of other types hold": {
    of: both,
    mutations: /of a contained resource$/,
    messages: /noSuchElement/,
    why: "They are right. Ours checks only what is common to all resources: a Patient is registered without what it contains.",
    specification: CONTAINED,
  },
};
