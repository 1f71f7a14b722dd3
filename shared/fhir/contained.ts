import type { Context } from "./check-structure.ts";
import { checkObject, depthRemedy, emptyRemedy, isEntryList, nullRemedy } from "./check-structure.ts";
import { isElementName } from "./fhir-path.ts";
import type { JsonObject } from "./invariants.ts";
import { isJsonObject } from "./invariants.ts";
import { maxDepth } from "./limits.ts";
import { primitiveRefusal, untypedTextRefusal } from "./primitive-formats.ts";
import { isResourceType, structureOf } from "./structure.ts";

/** The ids that a reference with `#` can name. */
export function idsOfContained(contained: unknown): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const resource of Array.isArray(contained) ? contained : []) {
    if (isJsonObject(resource) && typeof resource["id"] === "string") ids.add(resource["id"]);
  }
  return ids;
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

/**
 * What the JSON of any resource keeps to (http://hl7.org/fhir/R4/json.html): nothing empty, null only in arrays, text
 * that is text.
 */
function checkShape(context: Context, value: unknown, depth: number): void {
  const { faults } = context;
  if (faults.isCut) return;
  if (typeof value === "string") {
    const diagnostics = untypedTextRefusal(value);
    if (diagnostics !== undefined) faults.add("value", diagnostics);
  } else if (typeof value === "object" && value !== null) {
    if (depth > maxDepth) faults.add("structure", depthRemedy);
    else if (Array.isArray(value)) checkEntries(context, value, depth);
    else checkMembers(context, Object.entries(value), depth);
  }
}

function checkEntries(context: Context, entries: readonly unknown[], depth: number): void {
  if (!isEntryList(context.faults, entries)) return;
  for (const [index, entry] of entries.entries()) checkAt(context, index, entry, depth);
}

function checkMembers(context: Context, members: readonly (readonly [string, unknown])[], depth: number): void {
  const { faults } = context;
  if (members.length === 0) faults.add("invariant", emptyRemedy);
  for (const [name, member] of members) {
    if (!isElementName(name)) faults.add("structure", "Remove the element whose name FHIR R4 does not know.");
    else if (member === null) faults.add("structure", nullRemedy, name);
    else checkAt(context, name, member, depth);
  }
}

function checkAt(context: Context, step: string | number, value: unknown, depth: number): void {
  context.faults.path.push(step);
  checkShape(context, value, depth + 1);
  context.faults.path.pop();
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
  const { resourceType, id, contained: _inDependence, ...rest } = resource;
  if (!isResourceType(resourceType)) {
    faults.add("structure", "Name the type of the contained resource, a resource of FHIR R4.", "resourceType");
  }
  if (resourceType === "Patient") {
    checkObject(context, resource, structureOf("Patient"), 2);
  } else {
    const refusal = id === undefined ? undefined : primitiveRefusal("id", id);
    if (refusal) faults.add(refusal.code, refusal.diagnostics, "id");
    checkMembers(context, Object.entries({ resourceType, ...rest }), 2);
  }
}

/**
 * Checks `Patient.contained`: a contained Patient like any Patient, resources of other types for their shape only.
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
