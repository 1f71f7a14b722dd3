import type { Patient } from "fhir/r4";
import type { Fault } from "../failure/failure.ts";
import type { Demographics } from "./demographics.ts";
import { type FhirObject, isDataAbsent, isFhirObject, readList, readObject, readString } from "./fhir-element.ts";
import { isSsnIdentifier } from "./us-ssn.ts";

/** How well a person can be told apart by what is known of them. */
export type IdentityStrength = {
  readonly weight: number;
  /** The highest level whose weight is reached; undefined below the lowest. */
  readonly level: "L0" | "L1" | undefined;
};

/** One row of the table of weights: each piece of evidence counts `each`, all of them together `atMost`. */
type Weight = {
  readonly evidence: string;
  readonly each: number;
  readonly atMost: number;
  readonly count: (demographics: Demographics, identifiers: readonly FhirObject[]) => number;
};

const DIGITAL_IDENTIFIER_SYSTEM = "http://hl7.org/fhir/us/identity-matching/ns/HL7PersonIdentifier";

/** Passport, driver's licence, other identity document of a state. */
const DOCUMENT_TYPES = new Set(["PPN", "DL", "STID"]);

function typesOf(identifier: FhirObject): string[] {
  const type = readObject(identifier, "type");
  return (type === undefined ? [] : readList(type, "coding")).flatMap((coding) =>
    isFhirObject(coding) && !isDataAbsent(coding) ? (readString(coding, "code") ?? []) : [],
  );
}

/** Somebody gave it to the person, and it says who. */
function isAssigned(identifier: FhirObject): boolean {
  return readString(identifier, "system") !== undefined || readObject(identifier, "assigner") !== undefined;
}

function isStrong(identifier: FhirObject): boolean {
  const isDocument = typesOf(identifier).some((type) => DOCUMENT_TYPES.has(type)) && isAssigned(identifier);
  return isDocument || readString(identifier, "system") === DIGITAL_IDENTIFIER_SYSTEM;
}

/** Such as a record number of a hospital. A whole SSN weighs nothing in the guide. */
function isOther(identifier: FhirObject): boolean {
  return (
    !isStrong(identifier) && !isSsnIdentifier(identifier) && typesOf(identifier).length > 0 && isAssigned(identifier)
  );
}

/**
 * Table "Patient Weighted Input Information" of the HL7 guide Interoperable Digital Identity and Patient Matching, 1.0.0.
 * (From 2.0.0 on a passport or a licence weighs 5, which changes the level of nobody who can be registered.)
 * Its row for a photo is left out: it counts only where the photo was verified with the identity, which no Patient says.
 *
 * @see https://hl7.org/fhir/us/identity-matching/STU1/patient-matching.html
 */
export const IDENTITY_WEIGHTS: readonly Weight[] = [
  { evidence: "first and last name", each: 3, atMost: 3, count: () => 1 },
  { evidence: "date of birth", each: 2, atMost: 2, count: () => 1 },
  {
    evidence:
      "address with a street line, phone, e-mail address, identifier of another kind with its type and who assigned it",
    each: 4,
    atMost: 5,
    count: ({ address_lines, telephone, email }, identifiers) =>
      [address_lines, telephone, email].filter((value) => value !== undefined).length +
      identifiers.filter(isOther).length,
  },
  {
    evidence: "passport, driver's licence or identity document of a state with who issued it; HL7 digital identifier",
    each: 10,
    atMost: 10,
    count: (_, identifiers) => identifiers.filter(isStrong).length,
  },
];

/**
 * The weights that the profiles IDI-Patient-L0 and IDI-Patient-L1 of that guide ask for, the highest first. L2 asks for
 * no other weight than L1, but for a proof of identity that no Patient tells of.
 */
export const IDENTITY_LEVELS = [
  { level: "L1", weight: 10 },
  { level: "L0", weight: 9 },
] as const;

/**
 * The strength of the identity that a registration rests on: what Particle is sent, and the identifiers of the Patient
 * (Particle is not sent those, but they tell the person apart all the same).
 */
export function identityStrength(patient: Patient, demographics: Demographics): IdentityStrength {
  const root: unknown = patient;
  const identifiers = (isFhirObject(root) ? readList(root, "identifier") : []).filter(
    (identifier): identifier is FhirObject =>
      isFhirObject(identifier) &&
      !isDataAbsent(identifier) &&
      readString(identifier, "use") !== "old" &&
      readString(identifier, "value") !== undefined,
  );
  const weights = IDENTITY_WEIGHTS.map(({ each, atMost, count }) =>
    Math.min(each * count(demographics, identifiers), atMost),
  );
  const weight = weights.reduce((sum, one) => sum + one, 0);
  return { weight, level: IDENTITY_LEVELS.find((known) => weight >= known.weight)?.level };
}

const ADVICE = {
  L1: "which is enough for its highest level of demographics, L1.",
  L0: "which is level L0. A phone, an e-mail address, or an identifier with its type and system would make it L1.",
  none: "which is below its lowest level, L0 (9). A street line, a phone and an e-mail address count.",
} as const;

/** The strength as an issue of severity information. It is never a reason to refuse. */
export function identityStrengthIssue({ weight, level }: IdentityStrength): Fault {
  return {
    severity: "information",
    code: "informational",
    expression: "Patient",
    diagnostics: `By the weights of the HL7 guide for patient matching, what identifies this person weighs ${weight}, ${ADVICE[level ?? "none"]}`,
  };
}
