import { type FhirObject, isDataAbsent, isFhirObject, readList, readObject, readString } from "./fhir-element.ts";
import { changed, type Normalised } from "./normalised.ts";

/** http://hl7.org/fhir/R4/identifier-registry.html, its OID, and the OID as some senders write it. */
const SSN_SYSTEMS = new Set([
  "http://hl7.org/fhir/sid/us-ssn",
  "urn:oid:2.16.840.1.113883.4.1",
  "2.16.840.1.113883.4.1",
]);

/** HL7 v2 table 0203, "Identifier Type", as R4 and as earlier releases name it. */
const IDENTIFIER_TYPE_SYSTEMS = new Set([
  "http://terminology.hl7.org/CodeSystem/v2-0203",
  "http://hl7.org/fhir/v2/0203",
]);

const SSN_TYPE_CODE = "SS";

const SSN = /^(?!000|666|9)(\d{3})[- ]?(?!00)(\d{2})[- ]?(?!0000)(\d{4})$/;

function hasSsnType(identifier: FhirObject, isTypeSystem: (system: string | undefined) => boolean): boolean {
  const type = readObject(identifier, "type");
  return (
    type !== undefined &&
    readList(type, "coding").some(
      (coding) =>
        isFhirObject(coding) &&
        !isDataAbsent(coding) &&
        readString(coding, "code") === SSN_TYPE_CODE &&
        isTypeSystem(readString(coding, "system")),
    )
  );
}

/** Whether an identifier says, by its system or its type, that it is a US Social Security number. */
export function isSsnIdentifier(identifier: FhirObject): boolean {
  const system = readString(identifier, "system");
  return (
    (system !== undefined && SSN_SYSTEMS.has(system)) ||
    hasSsnType(identifier, (typeSystem) => typeSystem !== undefined && IDENTIFIER_TYPE_SYSTEMS.has(typeSystem))
  );
}

/** How people write it where the label is free text. */
const SSN_IN_WORDS = /\bssn\b|social security/i;

/** A number that is written as only they are, and that no system says to be something else. */
const SSN_AS_WRITTEN = /^\d{3}-\d{2}-\d{4}$/;

function isCalledSsn(identifier: FhirObject): boolean {
  const type = readObject(identifier, "type");
  const codings = type === undefined ? [] : readList(type, "coding").filter(isFhirObject);
  const assigner = readObject(identifier, "assigner");
  const labels = [
    type && readString(type, "text"),
    assigner && readString(assigner, "display"),
    ...codings.map((coding) => readString(coding, "display")),
  ];
  return labels.some((label) => label !== undefined && SSN_IN_WORDS.test(label));
}

/**
 * Whether an identifier may be a Social Security number. Wider than {@link isSsnIdentifier}, for what must not be stored:
 * systems in any case, with https or a final slash, the type code in any code system, the name in words, and a number of
 * their shape without a system.
 */
export function mayBeSsnIdentifier(identifier: FhirObject): boolean {
  const system = readString(identifier, "system")
    ?.toLowerCase()
    .replace(/^https:/, "http:")
    .replace(/\/$/, "");
  return (
    (system !== undefined && SSN_SYSTEMS.has(system)) ||
    hasSsnType(identifier, () => true) ||
    isCalledSsn(identifier) ||
    (system === undefined && SSN_AS_WRITTEN.test(readString(identifier, "value") ?? ""))
  );
}

/**
 * Whether a text is written as only Social Security numbers are, `NNN-NN-NNNN`. Nine digits alone are not: servers that
 * count their patients come to have such ids.
 */
export const isWrittenAsSsn = (text: string): boolean => SSN_AS_WRITTEN.test(text);

/**
 * Nine digits as `NNN-NN-NNNN`. Areas 000, 666 and 9xx, group 00 and serial 0000 were never assigned.
 *
 * @see https://www.ssa.gov/employer/randomization.html
 */
export function normaliseSsn(text: string): Normalised {
  const parts = SSN.exec(text);
  return parts === null
    ? { problem: "is not a Social Security number that can have been assigned" }
    : changed("punctuation-changed", text, `${parts[1]}-${parts[2]}-${parts[3]}`);
}
