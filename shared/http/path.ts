import { type FhirRequest, invalid, requestFault } from "./request.ts";

/** http://hl7.org/fhir/R4/datatypes.html#id */
export const isResourceId = (text: string): boolean => /^[A-Za-z0-9\-.]{1,64}$/.test(text);

/**
 * The id in the path.
 *
 * @throws AdapterError `invalid` when it cannot be the id of a resource.
 */
export function resourceIdOf({ pathParameters }: FhirRequest): string {
  const id = pathParameters["id"] ?? "";
  if (!isResourceId(id)) {
    throw invalid(requestFault("The id in the path must have 1 to 64 letters, digits, hyphens and dots."));
  }
  return id;
}
