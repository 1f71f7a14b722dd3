import type { Fault } from "../failure/failure.ts";
import { structures } from "./patient-definition.generated.ts";
import { structureOf } from "./structure.ts";

let names: ReadonlySet<string> | undefined;

/** Whether a Patient of R4, or a datatype in it, has an element of this name anywhere. */
function isKnownName(name: string): boolean {
  names ??= new Set(
    Object.keys(structures).flatMap((structure) =>
      [...structureOf(structure).fields.values()].flatMap(({ element, jsonName }) => [element, jsonName]),
    ),
  );
  return names.has(name);
}

/** The first name after the root of a FHIRPath that R4 does not know, with what is before it. */
function unknownIn(expression: string): { readonly name: string; readonly before: string } | undefined {
  for (const { 1: name = "", index } of expression.matchAll(/\.(\w+)(?!\w|\()/g)) {
    if (!isKnownName(name)) {
      return { name, before: expression.slice(0, index) };
    }
  }
  return undefined;
}

/** A FHIRPath as far as its names are those of R4: any other may hold anything, a person's data too. */
export const knownPath = (expression: string): string => unknownIn(expression)?.before ?? expression;

/** A fault that repeats no name that R4 does not know, neither in its path nor in its sentence. */
export function withoutUnknownNames(fault: Fault): Fault {
  const unknown = fault.expression === undefined ? undefined : unknownIn(fault.expression);
  if (unknown === undefined) {
    return fault;
  }
  const isNamed = fault.diagnostics.includes(unknown.name);
  return {
    ...fault,
    expression: unknown.before,
    ...(isNamed && { diagnostics: "Remove the element whose name FHIR R4 does not know." }),
  };
}
