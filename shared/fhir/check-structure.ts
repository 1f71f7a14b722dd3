import type { FaultList } from "./fault-list.ts";
import type { JsonObject } from "./invariants.ts";
import { invariants, isJsonObject } from "./invariants.ts";
import { isKnownName } from "./known-names.ts";
import { maxDepth, maxEntries } from "./limits.ts";
import { narrativeFaults } from "./narrative.ts";
import type { PrimitiveName } from "./patient-definition.generated.ts";
import { primitiveRefusal } from "./primitive-formats.ts";
import type { Field, Structure } from "./structure.ts";
import { isResourceType, structureOf } from "./structure.ts";

export type Context = {
  readonly faults: FaultList;
  /** What references with `#` can name: the resourceType by id. */
  readonly contained: ReadonlyMap<string, unknown>;
};

export const nullRemedy = "null stands for nothing here: leave the element out.";
export const depthRemedy = `Nest the elements at most ${maxDepth} deep.`;
export const emptyRemedy = "Give the element a value or an extension, or leave it out. (ele-1)";

/** Whether a value is an array of a length that can be looked at; if not, that is recorded. */
export function isEntryList(faults: FaultList, value: unknown): value is readonly unknown[] {
  if (Array.isArray(value) && value.length > 0 && value.length <= maxEntries) return true;
  if (value === null) faults.add("structure", nullRemedy);
  else if (!Array.isArray(value)) faults.add("structure", "Write an array, with brackets around the value.");
  else if (value.length === 0) faults.add("structure", "An array is never empty: leave the element out.");
  else faults.add("structure", `Give at most ${maxEntries} entries.`);
  return false;
}

/** Of a property that R4 does not know: which it is, without its name. */
export const unknownProperty = (at: number): string =>
  `Remove property ${at + 1} of the object, whose name FHIR R4 does not know, or correct its name.`;

/**
 * Why a property is no element of the type, with the name that was probably meant. A name that R4 does not know anywhere
 * is not repeated, see {@link isKnownName}.
 */
function unknownElement(structure: Structure, { name, at }: { readonly name: string; readonly at: number }): string {
  const known = [...structure.fields.values()];
  const otherCase = known.find((field) => field.jsonName.toLowerCase() === name.toLowerCase());
  if (otherCase) return `Write ${otherCase.jsonName}: names of elements are case-sensitive.`;
  const choices = known.filter((field) => field.choice && name.startsWith(field.element));
  const names = [...new Set(choices.map((field) => field.jsonName))];
  const [first] = names;
  const property = isKnownName(name) ? name : `Property ${at + 1} of the object`;
  const what = `${property} is no element of ${structure.name} in FHIR R4`;
  if (first === undefined) {
    const elements = new Set(known.map((field) => (field.choice ? `${field.element}[x]` : field.element)));
    return `${what}: remove it, or correct its name. There are ${[...elements].join(", ")}.`;
  }
  const offer = names.length > 5 ? `a name such as ${first}` : names.join(" or ");
  return `${what}: write ${offer}, with the type in the name.`;
}

/**
 * Checks an object against its type: names, cardinality, choices, formats, codes, invariants, all the way down.
 * @param depth of nesting, counted in objects
 */
export function checkObject(context: Context, value: unknown, structure: Structure, depth: number): void {
  const { faults } = context;
  if (!isJsonObject(value)) {
    const remedy = value === null ? nullRemedy : `Write a JSON object with the elements of ${structure.name}.`;
    faults.add("structure", remedy);
  } else if (depth > maxDepth) {
    faults.add("structure", depthRemedy);
  } else if (!structure.isResource && isEmpty(value)) {
    faults.add("invariant", emptyRemedy);
  } else {
    checkElements(context, value, structure, depth);
    checkInvariants(context, value, structure);
  }
}

/** ele-1: an element has more than an id. */
function isEmpty(value: JsonObject): boolean {
  for (const name in value) if (name !== "id") return false;
  return true;
}

function checkElements(context: Context, value: JsonObject, structure: Structure, depth: number): void {
  const { faults } = context;
  const chosen: Field[] = [];
  for (const [at, name] of Object.keys(value).entries()) {
    if (faults.isCut) return;
    const field = structure.fields.get(name);
    if (!field) {
      if (!structure.isResource || name !== "resourceType") {
        faults.add("structure", unknownElement(structure, { name, at }), { name, at });
      }
      continue;
    }
    const member = value[name];
    // Contained resources have rules of their own, in contained.ts.
    if (member === undefined || field.type === "Resource") continue;
    if (field.choice) {
      const other = chosen.find((choice) => choice.element === field.element);
      if (other && other !== field) {
        faults.add("structure", `Keep only one of ${other.jsonName} and ${field.jsonName}.`, field.element);
      }
      chosen.push(field);
    }
    faults.path.push(field.element);
    if (field.many && field.primitive) checkPrimitives(context, field, name, value, depth);
    else if (field.many) checkObjects(context, field, member, depth);
    else if (Array.isArray(member)) faults.add("structure", "Write one value, not an array.");
    else if (name === field.twin) checkTwin(context, member, value[field.jsonName] !== undefined, depth);
    else checkValue(context, field, member, depth);
    faults.path.pop();
  }
  for (const field of structure.required) {
    const isThere = field.choice
      ? chosen.some((choice) => choice.element === field.element)
      : value[field.jsonName] !== undefined || (field.twin !== undefined && value[field.twin] !== undefined);
    if (!isThere) faults.add("required", `Give the ${structure.name} its ${field.element}.`, field.element);
  }
}

function checkInvariants(context: Context, value: JsonObject, structure: Structure): void {
  for (const key of structure.invariants) {
    const invariant = invariants[key];
    if (invariant && !invariant.holds(value, context.contained)) {
      context.faults.add("invariant", `${invariant.remedy} (${key})`);
    }
  }
}

function checkObjects(context: Context, field: Field, value: unknown, depth: number): void {
  const { faults } = context;
  if (!isEntryList(faults, value)) {
    // What would be wrong with the one entry of the array is worth saying too.
    if (isJsonObject(value)) checkValue(context, field, value, depth);
    return;
  }
  for (const [index, entry] of value.entries()) {
    faults.path.push(index);
    checkValue(context, field, entry, depth);
    faults.path.pop();
  }
}

/**
 * The two arrays of a repeating primitive, at the first of their names: null in one where only the other has something,
 * and nowhere else.
 */
function checkPrimitives(context: Context, field: Field, name: string, parent: JsonObject, depth: number): void {
  const { faults } = context;
  const values = parent[field.jsonName];
  const twins = field.twin === undefined ? undefined : parent[field.twin];
  if (name === field.twin && values !== undefined) return;
  if (values !== undefined && !isEntryList(faults, values)) return;
  if (twins !== undefined && !isEntryList(faults, twins)) return;
  if (values && twins && values.length !== twins.length) {
    faults.add("structure", `Give ${field.jsonName} and ${field.twin} equally many entries, null for what is absent.`);
  }
  const length = Math.max(values?.length ?? 0, twins?.length ?? 0);
  for (let index = 0; index < length; index++) {
    const value = values?.[index] ?? undefined;
    const twin = twins?.[index] ?? undefined;
    faults.path.push(index);
    if (value === undefined && twin === undefined) faults.add("structure", emptyRemedy);
    if (value !== undefined) checkValue(context, field, value, depth);
    if (twin !== undefined) checkTwin(context, twin, value !== undefined, depth);
    faults.path.pop();
  }
}

function checkValue(context: Context, field: Field, value: unknown, depth: number): void {
  if (field.primitive) {
    checkPrimitive(context.faults, field, field.primitive, value);
  } else {
    checkObject(context, value, structureOf(field.type), depth + 1);
    if (field.targets) checkTarget(context, field.targets, value);
  }
}

/** A reference that names a type: http://hl7.org/fhir/R4/references.html#literal */
const typedReference =
  /^(?:https?:\/\/\S+\/)?([A-Z][A-Za-z]+)\/[A-Za-z\d\-.]{1,64}(?:\/_history\/[A-Za-z\d\-.]{1,64})?$/;

/** What a reference says that it is to, by itself and by its `type`, must be what the element may refer to. */
function checkTarget({ faults, contained }: Context, targets: readonly string[], value: unknown): void {
  if (!isJsonObject(value)) return;
  const { reference } = value;
  const text = typeof reference === "string" ? reference : "";
  const said = {
    reference: text.startsWith("#") ? contained.get(text.slice(1)) : typedReference.exec(text)?.[1],
    type: value["type"],
  };
  for (const [name, type] of Object.entries(said)) {
    if (isResourceType(type) && !targets.includes(type)) {
      faults.add("value", `Refer to a resource of the type ${targets.join(" or ")}.`, name);
    }
  }
}

function checkPrimitive(faults: FaultList, field: Field, type: PrimitiveName, value: unknown): void {
  if (value === null) {
    faults.add("structure", nullRemedy);
    return;
  }
  const refusal = primitiveRefusal(type, value);
  if (refusal) {
    faults.add(refusal.code, refusal.diagnostics);
  } else if (typeof value === "string") {
    // http://hl7.org/fhir/R4/element.html: any string that does not contain spaces.
    if (field.element === "id" && /\s/.test(value)) faults.add("value", "Write an id without blanks.");
    if (field.codes && !field.codes.has(value)) {
      const offer = field.codes.size > 10 ? "" : `: ${[...field.codes].join(", ")}`;
      faults.add("code-invalid", `Use a code of the value set that FHIR R4 requires here${offer}.`);
    }
    if (type === "xhtml") for (const remedy of narrativeFaults(value)) faults.add("invariant", remedy);
  }
}

/** The id and the extensions of a primitive; an id alone is enough only beside a value (ele-1). */
function checkTwin(context: Context, twin: unknown, hasValue: boolean, depth: number): void {
  const structure = structureOf("Element");
  if (hasValue && isJsonObject(twin) && twin["id"] !== undefined) checkElements(context, twin, structure, depth + 1);
  else checkObject(context, twin, structure, depth + 1);
}
