import { structures } from "./patient-definition.generated.ts";
import { structureOf } from "./structure.ts";

/** Of resources, and of what may be around a Patient: a Bundle, Parameters. */
const AROUND = [
  "resourceType contained entry fullUrl resource request response search signature timestamp total parameter part",
  "method ifNoneMatch ifModifiedSince ifMatch ifNoneExist",
].flatMap((line) => line.split(" "));

/** The `_` of a JSON name is no part of it: `_birthDate` is `Patient.birthDate`. */
export const bareName = (name: string): string => name.replace(/^_(?=[a-z])/, "");

let names: ReadonlySet<string> | undefined;

/**
 * Whether a Patient of R4, or a datatype in it, or a Bundle has an element of this name anywhere. Any other name may hold
 * anything, a person's data too ("Jane Doe": 1), so nothing that is answered or logged repeats it.
 */
export function isKnownName(name: string): boolean {
  names ??= new Set([
    ...AROUND,
    ...Object.keys(structures).flatMap((structure) =>
      [...structureOf(structure).fields.values()].flatMap(({ element, jsonName }) => [element, jsonName]),
    ),
  ]);
  return names.has(bareName(name));
}
