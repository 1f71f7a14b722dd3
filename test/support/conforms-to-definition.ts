import type { OperationDefinition, OperationDefinitionParameter, ParametersParameter } from "fhir/r4";

/** Where parameters are not as an OperationDefinition says: names, cardinalities, types. Empty where all is well. */
export function deviationsFrom(
  { parameter = [] }: OperationDefinition,
  use: "in" | "out",
  given: readonly ParametersParameter[],
): readonly string[] {
  return deviations(
    parameter.filter((defined) => defined.use === use),
    given,
    "",
  );
}

function deviations(
  defined: readonly OperationDefinitionParameter[],
  given: readonly ParametersParameter[],
  path: string,
): string[] {
  const unknown = given.filter(({ name }) => !defined.some((known) => known.name === name));
  return [
    ...unknown.map(({ name }) => `${path}${name} is not defined`),
    ...defined.flatMap((definition) => {
      const { name, min, max } = definition;
      const own = given.filter((parameter) => parameter.name === name);
      const isMet = own.length >= min && (max === "*" || own.length <= Number(max));
      return [
        ...(isMet ? [] : [`${path}${name} comes ${own.length} times, not ${min}..${max}`]),
        ...own.flatMap((parameter) => deviationsOf(definition, parameter, `${path}${name}`)),
      ];
    }),
  ];
}

function deviationsOf(
  { type, part }: OperationDefinitionParameter,
  parameter: ParametersParameter,
  path: string,
): string[] {
  const { name: _, ...content } = parameter;
  if (part !== undefined) {
    const isPart = Object.keys(content).join() === "part";
    return isPart ? deviations(part, parameter.part ?? [], `${path}.`) : [`${path} must have parts only`];
  }
  const isResource = /^[A-Z]/.test(type ?? "");
  const property = isResource ? "resource" : `value${type?.charAt(0).toUpperCase()}${type?.slice(1)}`;
  const isTyped =
    Object.keys(content).join() === property && (!isResource || parameter.resource?.resourceType === type);
  return isTyped ? [] : [`${path} must hold ${property} of ${type}`];
}
