import type { Bundle, BundleEntry, BundleLink } from "fhir/r4";
import { operationOutcome } from "../fhir/operation-outcome.ts";
import { reducePatient } from "../fhir/reduce-patient.ts";
import { SizeBudget } from "../fhir/size-budget.ts";
import { isPrettyWanted, sizeInAnswer } from "../http/answer-size.ts";
import { reductionOf } from "../http/general-parameters.ts";
import { locationOf, patientOf } from "../http/patient-response.ts";
import type { FhirRequest, Parameter } from "../http/request.ts";
import type { FhirResponse } from "../http/response.ts";
import type { ParticleIdSystems } from "../mapping/source-identifiers.ts";
import type { Held } from "../registration/read-patient.ts";
import type { Listing, Matches, PageLimit } from "../registration/search-patients.ts";
import { encodePosition, type SearchRequest } from "./search-request.ts";

/**
 * A searchset: http://hl7.org/fhir/R4/search.html#response. The total is left out where counting would mean to walk
 * Particle's whole list.
 */
export function searchResponse(
  request: FhirRequest,
  { understood, position, isCounting, isTotalWanted, remarks }: SearchRequest,
  found: Listing | Matches,
  systems: ParticleIdSystems,
): FhirResponse {
  const { base } = request;
  const here = Object.keys(position).length > 0 ? [["page", encodePosition(position)] as const] : [];
  const link: BundleLink[] = [{ relation: "self", url: urlOf(base, [...understood, ...here]) }];
  if (found.next && !isCounting) {
    link.push({ relation: "next", url: urlOf(base, [...understood, ["page", encodePosition(found.next)]]) });
  }
  const entry: BundleEntry[] = found.patients.map(matchOf(request, systems));
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

const matchOf = ({ base, query }: FhirRequest, systems: ParticleIdSystems): ((held: Held) => BundleEntry) => {
  const reduction = reductionOf({ query });
  return (held) => ({
    fullUrl: locationOf(base, held.mapping),
    resource: reducePatient(patientOf(held, systems), reduction),
    search: { mode: "match" },
  });
};

/** Bytes of the matches of a page; links, which may repeat 100,000 bytes in escaped form, and remarks need the rest. */
const MOST_BYTES = 4_000_000;

/** The first of the patients, as many as fit the answer to the request, and one at least: else there were no next. */
export function fittingPage(request: FhirRequest, systems: ParticleIdSystems): PageLimit["fitting"] {
  const match = matchOf(request, systems);
  const isPretty = isPrettyWanted(request.query);
  return (patients) => {
    const budget = new SizeBudget(MOST_BYTES);
    const fitting = budget.take(patients, (held) => sizeInAnswer({ entry: [match(held)] }, isPretty));
    return fitting.length > 0 ? fitting : patients.slice(0, 1);
  };
}

/** URLSearchParams writes `|` as `%7C`: API Gateway refuses it raw. */
function urlOf(base: string, parameters: readonly Parameter[]): string {
  const query = new URLSearchParams(parameters.map(([name, value]): [string, string] => [name, value])).toString();
  return query === "" ? `${base}/Patient` : `${base}/Patient?${query}`;
}
