import { writeFileSync } from "node:fs";
import type { ElementDefinition, StructureDefinition } from "./r4-definitions.ts";
import { readValueSets, structureDefinitions } from "./r4-definitions.ts";

/**
 * Writes `shared/fhir/patient-definition.generated.ts` from the official R4 definitions:
 * `node test/support/generate-patient-definition.ts`. The notation is described in the file that it writes.
 */
const systemType = /^http:\/\/hl7\.org\/fhirpath\//;
const cardinalities: Readonly<Record<string, string>> = { "0..1": "", "1..1": "!", "0..*": "*", "1..*": "+" };
/** In the walk itself, not in the list of an element: they hold everywhere. */
const everywhere = new Set(["ele-1"]);

type Structure = { readonly name: string; readonly base?: string; readonly elements: readonly ElementDefinition[] };

const lastName = (path: string) => path.slice(path.lastIndexOf(".") + 1);
const valueSetName = (url: string) => url.slice(url.lastIndexOf("/") + 1).replace(/\|.*$/, "");
const errors = (element: ElementDefinition | undefined) =>
  (element?.constraint ?? []).filter((rule) => rule.severity === "error").map((rule) => rule.key);

/** A type and the anonymous types inside it (`Patient.contact`), each with its direct children. */
function structuresOf(definition: StructureDefinition): Structure[] {
  const { element: elements } = definition.snapshot;
  const parents = elements.filter((parent) => elements.some((child) => child.path.startsWith(`${parent.path}.`)));
  return parents.map((parent) => {
    const base = parent.path === definition.name ? definition.baseDefinition : `/${parent.type?.[0]?.code}`;
    return {
      name: parent.path,
      ...(definition.kind === "resource" && parent.path === definition.name
        ? {}
        : { base: base && lastName(base.replace(/.*\//, "")) }),
      elements: elements.filter(
        (child) =>
          child.path.startsWith(`${parent.path}.`) && lastName(child.path) === child.path.slice(parent.path.length + 1),
      ),
    };
  });
}

/** The types of resource that a reference may be to; none where it may be to any. */
function targets({ code, targetProfile = [] }: NonNullable<ElementDefinition["type"]>[number]): string {
  const names = code === "Reference" ? targetProfile.map((profile) => lastName(profile.replace(/.*\//, ""))) : [];
  return names.length === 0 || names.includes("Resource") ? "" : `>${names.join(",")}`;
}

/** The name that the table uses for an element's type; `@` marks what XML writes as an attribute (no extensions). */
function typeName(
  element: ElementDefinition,
  code: string,
  isResource: boolean,
  structures: ReadonlySet<string>,
): string {
  if (structures.has(element.path)) return element.path;
  if (code === "xhtml") return "@xhtml";
  if (!systemType.test(code)) return code;
  // The definitions give the id of a resource the type string: http://hl7.org/fhir/R4/resource.html#id says id.
  if (isResource) return "@id";
  const type = element.type?.[0]?.extension?.find((extension) => extension.valueUrl)?.valueUrl;
  if (!type) throw new Error(`${element.path} has no FHIR type`);
  return `@${type}`;
}

export function patientDefinitionSource(): string {
  const definitions = structureDefinitions();
  const codesOf = readValueSets();
  const lines = new Map<string, string>();
  const invariants = new Map<string, readonly string[]>();
  const keys = new Set<string>();
  const primitives = new Set<string>();
  const bindings = new Map<string, readonly string[]>();

  function field(element: ElementDefinition, structures: ReadonlySet<string>, isResource: boolean): string {
    if (element.contentReference) throw new Error(`${element.path} refers to the content of another element`);
    const cardinality = cardinalities[`${element.min}..${element.max}`];
    if (cardinality === undefined) throw new Error(`${element.path} has an unforeseen cardinality`);
    const types = (element.type ?? []).map(({ code }) => typeName(element, code, isResource, structures));
    for (const type of types) visit(type.replace("@", ""));
    const spelled = types.map((type, index) => type + targets(element.type?.[index] ?? { code: type }));
    const set = element.binding?.strength === "required" ? valueSetName(element.binding.valueSet ?? "") : undefined;
    const codes = set === undefined ? undefined : codesOf(set);
    if (set !== undefined && codes !== undefined) bindings.set(set, codes);
    const leafRules = errors(element).filter((key) => !everywhere.has(key));
    if (types[0] === "@xhtml") invariants.set(element.path, leafRules);
    return `${lastName(element.path)}${cardinality}:${spelled.join("|")}${codes ? `=${set}` : ""}`;
  }

  function visit(name: string): void {
    const definition = definitions.get(name);
    if (lines.has(name) || name.includes(".") || name === "Resource") return;
    if (!definition) throw new Error(`no definition of ${name}`);
    if (definition.kind === "primitive-type") {
      primitives.add(name);
      return;
    }
    const structures = structuresOf(definition);
    const names = new Set(structures.map((structure) => structure.name));
    for (const structure of structures) {
      lines.set(structure.name, "");
      if (structure.base) visit(structure.base);
      const inherited = new Set(
        definitions.get(structure.base ?? "")?.snapshot.element.map((element) => lastName(element.path)),
      );
      const own = structure.elements.filter((element) => !inherited.has(lastName(element.path)));
      const base = structure.base ? [`<${structure.base}`] : [];
      const isResource = definition.kind === "resource" && structure.name === name;
      lines.set(structure.name, [...base, ...own.map((element) => field(element, names, isResource))].join(" "));
      const rules = errors(definition.snapshot.element.find((element) => element.path === structure.name));
      invariants.set(
        structure.name,
        rules.filter((key) => !everywhere.has(key)),
      );
    }
  }
  visit("Patient");

  for (const rules of invariants.values()) for (const key of rules) keys.add(key);
  const record = (entries: Iterable<readonly [string, string]>) =>
    [...entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => `  ${JSON.stringify(key)}: ${value},\n`)
      .join("");
  const union = (names: Iterable<string>) =>
    [...names]
      .sort()
      .map((name) => `\n  | ${JSON.stringify(name)}`)
      .join("");
  const resourceTypes = codesOf("resource-types") ?? [];
  const known = new Set(resourceTypes);
  const codeLine = (codes: readonly string[]) => {
    const rest = codes.filter((code) => !known.has(code));
    return rest.length === codes.length ? JSON.stringify(codes.join(" ")) : `\`\${resourceTypes} ${rest.join(" ")}\``;
  };

  return `// Generated by test/support/generate-patient-definition.ts from the official FHIR R4 4.0.1 definitions. Do not edit.

/**
 * Every type that a Patient can reach, as one line of elements: \`name[cardinality]:type[|type…][=value set]\`; after
 * the type Reference, \`>Type[,Type…]\` are the resources that it may be to, where not to any.
 * Cardinality: none is 0..1, \`!\` is 1..1, \`*\` is 0..*, \`+\` is 1..*. \`name[x]\` is a choice of types. \`@\` before a type: it
 * cannot be extended. \`<Base\` takes over the elements of that type.
 */
export const structures: Readonly<Record<string, string>> = {
${record([...lines].map(([name, line]) => [name, JSON.stringify(line)]))}};

/** The invariants of severity error that each type carries; ele-1 holds everywhere and is not listed. */
export const invariantKeys: Readonly<Record<string, readonly InvariantKey[]>> = {
${record([...invariants].filter(([, rules]) => rules.length > 0).map(([name, rules]) => [name, JSON.stringify(rules)]))}};

export const resourceTypes =
  ${JSON.stringify(resourceTypes.join(" "))};

/** The codes of the value sets that are bound as required and that R4 lists itself. */
export const codes: Readonly<Record<string, string>> = {
${record([...bindings].map(([name, list]) => [name, codeLine(list)]))}};

export type InvariantKey =${union(keys)};

export type PrimitiveName =${union(primitives)};
`;
}

if (import.meta.main) {
  writeFileSync(
    new URL("../../shared/fhir/patient-definition.generated.ts", import.meta.url),
    patientDefinitionSource(),
  );
}
