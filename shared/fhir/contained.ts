import type { Context } from "./check-structure.ts";
import { checkObject, depthRemedy, emptyRemedy, isEntryList, nullRemedy, unknownProperty } from "./check-structure.ts";
import type { JsonObject } from "./invariants.ts";
import { isJsonObject } from "./invariants.ts";
import { maxDepth } from "./limits.ts";
import { untypedTextRefusal } from "./primitive-formats.ts";
import { domainResource, isResourceType, structureOf } from "./structure.ts";

/** What a reference with `#` can name: the resourceType by id, and the Patient itself by none. */
export function typesOfContained(contained: unknown): ReadonlyMap<string, unknown> {
  const types = new Map<string, unknown>([["", "Patient"]]);
  for (const resource of Array.isArray(contained) ? contained : []) {
    if (!isJsonObject(resource)) continue;
    const { id, resourceType } = resource;
    if (typeof id === "string" && !types.has(id)) types.set(id, resourceType);
  }
  return types;
}

/** Every text in the value that starts with `#`: what may refer to a contained resource, or to the one around it. */
function localReferences(value: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const rest: unknown[] = [value];
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next === "string" && next.startsWith("#")) found.add(next);
    if (typeof next === "object" && next !== null) for (const child of Object.values(next)) rest.push(child);
  }
  return found;
}

/** An element of any type, or what holds the id and the extensions of a primitive. */
const elementOfAnyType = /^_?[a-z][A-Za-z\d]{0,63}$/;

/**
 * What the JSON of any resource keeps to (http://hl7.org/fhir/R4/json.html): nothing empty, no arrays in arrays, null
 * only beside something, numbers that can be written, text that is text.
 */
function checkShape(context: Context, value: unknown, depth: number): void {
  const { faults } = context;
  if (faults.isCut) return;
  if (typeof value === "string") {
    const diagnostics = untypedTextRefusal(value);
    if (diagnostics !== undefined) faults.add("value", diagnostics);
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) faults.add("value", "Write a number that is not too large.");
  } else if (typeof value === "object" && value !== null) {
    if (depth > maxDepth) faults.add("structure", depthRemedy);
    else if (!isJsonObject(value)) faults.add("structure", "Write one value, not an array.");
    else if (Object.keys(value).length === 0) faults.add("invariant", emptyRemedy);
    else checkMembers(context, value, depth);
  }
}

/** Null in an array is for an entry that the other of the two arrays of a primitive has. */
function checkEntries(context: Context, entries: readonly unknown[], others: unknown, depth: number): void {
  const { faults } = context;
  if (!isEntryList(faults, entries)) return;
  for (const [index, entry] of entries.entries()) {
    faults.path.push(index);
    const hasOther = Array.isArray(others) && (others[index] ?? null) !== null;
    if (entry === null && !hasOther) faults.add("structure", emptyRemedy);
    checkShape(context, entry, depth + 1);
    faults.path.pop();
  }
}

/** @param isChecked elsewhere, by its name */
function checkMembers(
  context: Context,
  members: JsonObject,
  depth: number,
  isChecked: (name: string) => boolean = () => false,
): void {
  const { faults } = context;
  for (const [at, [name, member]] of Object.entries(members).entries()) {
    if (isChecked(name)) continue;
    const isTwin = name.startsWith("_");
    faults.path.push({ name, at });
    if (!elementOfAnyType.test(name)) faults.add("structure", unknownProperty(at));
    else if (member === null) faults.add("structure", nullRemedy);
    else if (isTwin && typeof member !== "object") faults.add("structure", "Write a JSON object with the extensions.");
    else if (!Array.isArray(member)) checkShape(context, member, depth + 1);
    else checkEntries(context, member, members[isTwin ? name.slice(1) : `_${name}`], depth + 1);
    faults.path.pop();
  }
}

/** The rules dom-2 to dom-5: what makes a contained resource depend on the one around it. */
function checkDependence(context: Context, resource: JsonObject, isReferredTo: boolean): void {
  const { faults } = context;
  if (resource["contained"] !== undefined) {
    faults.add("invariant", "Contain this resource in the outermost one. (dom-2)", "contained");
  }
  if (!isReferredTo && !localReferences(resource).has("#")) {
    faults.add("invariant", "Give the contained resource an id and refer to it with #, or leave it out. (dom-3)");
  }
  const meta = isJsonObject(resource["meta"]) ? resource["meta"] : {};
  for (const name of ["versionId", "lastUpdated"].filter((part) => meta[part] !== undefined)) {
    faults.add("invariant", `Leave the ${name} of a contained resource out. (dom-4)`, "meta", name);
  }
  if (meta["security"] !== undefined) {
    faults.add("invariant", "Leave the security labels of a contained resource out. (dom-5)", "meta", "security");
  }
}

function checkResource(context: Context, resource: JsonObject): void {
  const { faults } = context;
  const { resourceType } = resource;
  if (!isResourceType(resourceType)) {
    faults.add("structure", "Name the type of the contained resource, a resource of FHIR R4.", "resourceType");
  }
  if (resourceType === "Patient") {
    checkObject(context, resource, structureOf("Patient"), 2);
  } else {
    const inherited = domainResource();
    const isInherited = (name: string) => inherited.fields.has(name);
    const own = Object.entries(resource).filter(([name]) => isInherited(name));
    checkObject(context, Object.fromEntries(own), inherited, 2);
    checkMembers(context, resource, 2, (name) => isInherited(name) || name === "resourceType" || name === "contained");
  }
}

/**
 * Checks `Patient.contained`: a contained Patient like any Patient; of resources of other types what every resource has,
 * and the rest for its shape only.
 * For dom-3 any text of the Patient that starts with `#` counts as a reference, whatever its type.
 */
export function checkContained(context: Context, patient: JsonObject): void {
  const { contained } = patient;
  const { faults } = context;
  if (contained === undefined) return;
  faults.path.push("contained");
  if (isEntryList(faults, contained)) {
    const references = localReferences(patient);
    const seen = new Set<unknown>();
    for (const [index, resource] of contained.entries()) {
      faults.path.push(index);
      if (isJsonObject(resource)) {
        const { id } = resource;
        if (id !== undefined && seen.has(id)) faults.add("value", "Give each contained resource its own id.", "id");
        seen.add(id);
        checkDependence(context, resource, typeof id === "string" && references.has(`#${id}`));
        checkResource(context, resource);
      } else {
        faults.add("structure", "Write a JSON object with a resourceType and an id.");
      }
      faults.path.pop();
    }
  }
  faults.path.pop();
}
