import { isJsonObject } from "../fhir/invariants.ts";
import { jsonBodyOf } from "../http/patient-body.ts";
import { type FhirRequest, invalid, requestFault, valuesOf } from "../http/request.ts";

/** The primitive parameters of an operation by name: the properties of Parameters in which their value may be. */
export type PrimitiveParameters<Name extends string> = Readonly<Record<Name, readonly string[]>>;

/** What an operation was sent: the resource, undefined where there is none, and the primitive parameters that are there. */
export type OperationInput<Name extends string> = {
  readonly resource: unknown;
  readonly values: Readonly<Partial<Record<Name, string>>>;
};

/**
 * The input of an operation on a resource: the resource as the body, or Parameters that hold it as `resource`, or no body;
 * primitive parameters there or in the query. http://hl7.org/fhir/R4/operations.html#request
 *
 * @throws AdapterError as {@link jsonBodyOf}, or `invalid` for parameters that are not those of the operation.
 */
export function operationInputOf<Name extends string>(
  request: FhirRequest,
  primitives: PrimitiveParameters<Name>,
): OperationInput<Name> {
  // What is not there has no media type: all that an operation needs may be in the query.
  const body = request.body === undefined ? undefined : jsonBodyOf(request);
  const inBody =
    isJsonObject(body) && body["resourceType"] === "Parameters" ? parametersIn(body, primitives) : undefined;
  const names = Object.keys(primitives);
  const given = [
    ...(inBody ?? []).filter(([name]) => name !== RESOURCE),
    ...names.flatMap((name) => valuesOf(request.query, name).map((value) => [name, value] as const)),
  ];
  requireOnce(given, names);
  return {
    resource: inBody === undefined ? body : inBody.find(([name]) => name === RESOURCE)?.[1],
    values: Object.fromEntries(given) as Partial<Record<Name, string>>,
  };
}

const RESOURCE = "resource";

type Given = readonly [name: string, value: unknown];

function parametersIn(
  { parameter }: Readonly<Record<string, unknown>>,
  primitives: PrimitiveParameters<string>,
): readonly Given[] {
  const entries = (Array.isArray(parameter) ? parameter : []).filter(isJsonObject);
  const properties = new Map([[RESOURCE, [RESOURCE]], ...Object.entries(primitives)]);
  const given = entries.map((entry): Given => {
    const name = String(entry["name"]);
    const own = properties.get(name) ?? [];
    const value = own.map((property) => entry[property]).find((found) => found !== undefined);
    if (own.length > 0 && (value === undefined || (name !== RESOURCE && typeof value !== "string"))) {
      throw invalid(requestFault(`The parameter ${name} must hold ${own.join(" or ")}.`));
    }
    return [name, value];
  });
  if (given.length === 0) {
    throw notThese([...properties.keys()]);
  }
  requireOnce(given, [...properties.keys()]);
  return given;
}

function requireOnce(given: readonly Given[], known: readonly string[]): void {
  const names = given.map(([name]) => name);
  if (names.some((name, at) => !known.includes(name) || names.indexOf(name) !== at)) {
    throw notThese(known);
  }
}

const notThese = (known: readonly string[]) =>
  invalid(requestFault(`Parameters must be ${known.join(", ")}, each at most once.`));

/** An operation on a Patient that came without one. */
export const noPatient = () =>
  invalid(requestFault("Send a Patient, or Parameters with a Patient in the parameter resource."));
