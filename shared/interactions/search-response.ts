import type { Bundle, BundleEntry, BundleLink } from "fhir/r4";
import { operationOutcome } from "../fhir/operation-outcome.ts";
import { reducePatient } from "../fhir/reduce-patient.ts";
import { reductionOf } from "../http/general-parameters.ts";
import { locationOf, patientOf } from "../http/patient-response.ts";
import type { FhirRequest, Parameter } from "../http/request.ts";
import type { FhirResponse } from "../http/response.ts";
import type { ParticleIdSystems } from "../mapping/source-identifiers.ts";
import type { Listing, Matches } from "../registration/search-patients.ts";
import { encodePosition, type SearchRequest } from "./search-request.ts";

/**
 * A searchset: http://hl7.org/fhir/R4/search.html#response. The total is left out where counting would mean to walk
 * Particle's whole list.
 */
export function searchResponse(
  { base, query }: FhirRequest,
  { understood, position, isCounting, isTotalWanted, remarks }: SearchRequest,
  found: Listing | Matches,
  systems: ParticleIdSystems,
): FhirResponse {
  const here = Object.keys(position).length > 0 ? [["page", encodePosition(position)] as const] : [];
  const link: BundleLink[] = [{ relation: "self", url: urlOf(base, [...understood, ...here]) }];
  if (found.next && !isCounting) {
    link.push({ relation: "next", url: urlOf(base, [...understood, ["page", encodePosition(found.next)]]) });
  }
  const reduction = reductionOf({ query });
  const entry: BundleEntry[] = found.patients.map((held) => ({
    fullUrl: locationOf(base, held.mapping),
    resource: reducePatient(patientOf(held, systems), reduction),
    search: { mode: "match" },
  }));
  if (remarks.length > 0) {
    entry.push({ resource: operationOutcome(remarks), search: { mode: "outcome" } });
  }
  const bundle: Bundle = {
    resourceType: "Bundle",
    type: "searchset",
    ...("total" in found && (isTotalWanted || isCounting) && { total: found.total }),
    link,
    ...(entry.length > 0 && { entry }),
  };
  return { status: 200, resource: bundle, about: { patients: found.patients.map(({ mapping }) => mapping.id) } };
}

/** URLSearchParams writes `|` as `%7C`: API Gateway refuses it raw. */
function urlOf(base: string, parameters: readonly Parameter[]): string {
  const query = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString();
  return query === "" ? `${base}/Patient` : `${base}/Patient?${query}`;
}
