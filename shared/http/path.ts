import { isWrittenAsSsn } from "../mapping/us-ssn.ts";
import { type FhirRequest, invalid, requestFault } from "./request.ts";

/**
 * Whether a text can be the id of a Patient here: http://hl7.org/fhir/R4/datatypes.html#id. What is written as a Social
 * Security number cannot: ids stand in addresses, in logs on the way, and in the audit.
 */
export const isResourceId = (text: string): boolean => /^[A-Za-z0-9\-.]{1,64}$/.test(text) && !isWrittenAsSsn(text);

export const ID_RULE = "1 to 64 letters, digits, hyphens and dots, not written like a social security number";

/**
 * The id in the path.
 *
 * @throws AdapterError `invalid` when it cannot be the id of a resource.
 */
export function resourceIdOf({ pathParameters }: FhirRequest): string {
  const id = pathParameters["id"] ?? "";
  if (!isResourceId(id)) {
    throw invalid(requestFault(`The id in the path must be ${ID_RULE}.`));
  }
  return id;
}
