import type { InvariantKey, PrimitiveName } from "./patient-definition.generated.ts";
import { codes, invariantKeys, resourceTypes, structures } from "./patient-definition.generated.ts";

/** An element of a type, as one of its JSON names spells it: a choice of types has a field for each of them. */
export type Field = {
  /** As FHIRPath names it: `value` for `valueString`. */
  readonly element: string;
  /** `valueString` */
  readonly jsonName: string;
  /** `_valueString`, which holds the id and the extensions of a primitive; undefined where there is none. */
  readonly twin: string | undefined;
  readonly type: string;
  readonly primitive: PrimitiveName | undefined;
  readonly many: boolean;
  readonly required: boolean;
  readonly choice: boolean;
  /** The types of resource that a reference may be to; undefined where it may be to any. */
  readonly targets: readonly string[] | undefined;
  /** The codes of a required binding. */
  readonly codes: ReadonlySet<string> | undefined;
};

export type Structure = {
  readonly name: string;
  /** A resource has a resourceType and an id of its own kind. */
  readonly isResource: boolean;
  /** By JSON name, the `_` names included. */
  readonly fields: ReadonlyMap<string, Field>;
  readonly required: readonly Field[];
  readonly invariants: readonly InvariantKey[];
};

const notation = /^(\w+)(\[x\])?([!*+]?):([^=]+)(?:=(.+))?$/;
const capitalised = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);
const isPrimitive = (type: string): type is PrimitiveName => !/^[A-Z]/.test(type);

const codeSets = new Map<string, ReadonlySet<string>>();

/** The codes of a value set of the generated table. */
function codeSet(name: string): ReadonlySet<string> {
  let set = codeSets.get(name);
  if (!set) {
    set = new Set(codes[name]?.split(" "));
    codeSets.set(name, set);
  }
  return set;
}

let concreteTypes: ReadonlySet<string> | undefined;

/** Whether a value is the name of a resource type of R4 that can have instances. */
export function isResourceType(name: unknown): name is string {
  concreteTypes ??= new Set(
    resourceTypes.split(" ").filter((type) => type !== "Resource" && type !== "DomainResource"),
  );
  return typeof name === "string" && concreteTypes.has(name);
}

function parseElement(token: string): Field[] {
  const [, element = "", choice, cardinality = "", types = "", valueSet] = notation.exec(token) ?? [];
  return types.split("|").map((spelled) => {
    const [typeName = "", targets] = spelled.split(">");
    const type = typeName.replace("@", "");
    const jsonName = choice ? element + capitalised(type) : element;
    const primitive = isPrimitive(type) ? type : undefined;
    return {
      element,
      jsonName,
      twin: primitive && typeName === type ? `_${jsonName}` : undefined,
      type,
      primitive,
      many: cardinality === "*" || cardinality === "+",
      required: cardinality === "!" || cardinality === "+",
      choice: choice !== undefined,
      targets: targets?.split(","),
      codes: valueSet === undefined ? undefined : codeSet(valueSet),
    };
  });
}

function parseStructure(name: string): Structure {
  const tokens = (structures[name] ?? "").split(" ");
  const inherited = tokens[0]?.startsWith("<") ? structureOf(tokens[0].slice(1)).fields : [];
  const fields = new Map(inherited);
  const required = new Map<string, Field>();
  for (const field of tokens.filter((token) => !token.startsWith("<")).flatMap(parseElement)) {
    fields.set(field.jsonName, field);
    if (field.twin) fields.set(field.twin, field);
    if (field.required) required.set(field.element, field);
  }
  const isResource = fields.get("id")?.type === "id";
  return { name, isResource, fields, required: [...required.values()], invariants: invariantKeys[name] ?? [] };
}

const parsed = new Map<string, Structure>();

const inherited: readonly string[] = "id meta implicitRules language text extension modifierExtension".split(" ");

/** What every resource has that can be contained (http://hl7.org/fhir/R4/domainresource.html), but `contained`. */
export function domainResource(): Structure {
  const fields = [...structureOf("Patient").fields].filter(([, { element }]) => inherited.includes(element));
  return { name: "DomainResource", isResource: true, fields: new Map(fields), required: [], invariants: [] };
}

/**
 * A type of the generated table, such as `HumanName` or `Patient.contact`. Lines are parsed when they are first needed,
 * so that loading costs next to nothing.
 */
export function structureOf(name: string): Structure {
  let structure = parsed.get(name);
  if (!structure) {
    structure = parseStructure(name);
    parsed.set(name, structure);
  }
  return structure;
}
