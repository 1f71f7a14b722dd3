import { isBlank, withoutOuterBlanks } from "./outer-blanks.ts";

/**
 * Reads of FHIR JSON that never throw: an element that is missing, is marked as absent, or has a shape that R4 does not
 * allow reads as undefined (or as no entries).
 */

/** A JSON object of unknown content. */
export type FhirObject = { readonly [key: string]: unknown };

const DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

const NO_ENTRIES: readonly unknown[] = [];

export function isFhirObject(value: unknown): value is FhirObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function readList(element: FhirObject, key: string): readonly unknown[] {
  const value = element[key];
  return Array.isArray(value) ? value : NO_ENTRIES;
}

/**
 * True for an element (or the `_x` companion of a primitive) that carries the data-absent-reason extension: the element
 * is absent then, whatever else it holds.
 *
 * @see http://hl7.org/fhir/R4/extension-data-absent-reason.html
 */
export function isDataAbsent(element: unknown): boolean {
  if (!isFhirObject(element)) {
    return false;
  }
  const extensions = element["extension"];
  return (
    Array.isArray(extensions) &&
    extensions.some((extension) => isFhirObject(extension) && extension["url"] === DATA_ABSENT_REASON)
  );
}

/** Names of the companions of primitives, made once each: a name that is put together on the way makes a slow look-up. */
const COMPANIONS = new Map<string, string>();

function companionOf(key: string): string {
  const known = COMPANIONS.get(key);
  if (known !== undefined) {
    return known;
  }
  const name = `_${key}`;
  COMPANIONS.set(key, name);
  return name;
}

/** The string as it was sent, outer blanks included; undefined when nothing but blanks is there. */
export function readRawString(element: FhirObject, key: string): string | undefined {
  const value = element[key];
  return typeof value === "string" && !isBlank(value) && !isDataAbsent(element[companionOf(key)]) ? value : undefined;
}

/** The string without outer blanks; undefined when nothing else is there. */
export function readString(element: FhirObject, key: string): string | undefined {
  const raw = readRawString(element, key);
  return raw === undefined ? undefined : withoutOuterBlanks(raw);
}

export function readObject(element: FhirObject, key: string): FhirObject | undefined {
  const value = element[key];
  return isFhirObject(value) && !isDataAbsent(value) ? value : undefined;
}
