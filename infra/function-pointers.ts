import { type ComparedTemplate, isRecord } from "./compared-template.ts";

/** A variable of a function, and the resources of the template to which its value refers. */
type Pointer = { readonly functionId: string; readonly variable: string; readonly to: ReadonlySet<string> };

/**
 * Why functions would find a resource no more that itself stays as it is: a variable points elsewhere, or none is left
 * that points to it.
 */
export function pointersLost(deployed: ComparedTemplate, next: ComparedTemplate, id: string): readonly string[] {
  const before = pointersOf(deployed).filter(({ to }) => to.has(id));
  const after = pointersOf(next);
  const turned = before.filter(({ functionId, variable }) =>
    after.some((pointer) => pointer.functionId === functionId && pointer.variable === variable && !pointer.to.has(id)),
  );
  if (turned.length > 0) {
    return turned.map(({ functionId, variable }) => `${variable} of ${functionId} no longer points to it`);
  }
  return before.length > 0 && !after.some(({ to }) => to.has(id)) ? ["no function points to it any more"] : [];
}

const pointersOf = ({ Resources = {} }: ComparedTemplate): readonly Pointer[] =>
  Object.entries(Resources)
    .filter(([, { Type }]) => Type === "AWS::Lambda::Function")
    .flatMap(([functionId, { Properties = {} }]) => {
      const { Environment: environment } = Properties;
      const variables = isRecord(environment) && isRecord(environment["Variables"]) ? environment["Variables"] : {};
      return Object.entries(variables).map(([variable, value]) => ({
        functionId,
        variable,
        to: new Set(referencesIn(value)),
      }));
    });

/** Logical ids in `Ref`, `Fn::GetAtt` and `Fn::Sub`, however deep in other functions. */
function referencesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) {
    return value.flatMap(referencesIn);
  }
  return isRecord(value)
    ? Object.entries(value).flatMap(([key, argument]) => [...namedBy(key, argument), ...referencesIn(argument)])
    : [];
}

function namedBy(key: string, argument: unknown): readonly string[] {
  const [first] = Array.isArray(argument) ? argument : [argument];
  if (typeof first !== "string") {
    return [];
  }
  switch (key) {
    case "Ref":
      return [first];
    case "Fn::GetAtt":
      return first.split(".").slice(0, 1);
    case "Fn::Sub":
      return [...first.matchAll(/\$\{([A-Za-z0-9]+)/g)].flatMap(([, id = ""]) => id);
    default:
      return [];
  }
}
