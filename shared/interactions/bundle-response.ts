import { STATUS_CODES } from "node:http";
import type { Bundle, BundleEntry, OperationOutcome } from "fhir/r4";
import type { FhirRequest } from "../http/request.ts";
import type { FhirResponse } from "../http/response.ts";
import { rendered } from "./entry-failure.ts";

/** http://hl7.org/fhir/R4/http.html#transaction-response: one entry for each of the request, in its order. */
export function bundleResponse(type: "batch" | "transaction", entry: BundleEntry[]): FhirResponse {
  const resource: Bundle = {
    resourceType: "Bundle",
    type: `${type}-response`,
    ...(entry.length > 0 && { entry }),
  };
  return { status: 200, resource };
}

const statusOf = (status: number): string => `${status} ${STATUS_CODES[status] ?? ""}`.trim();

/** What one interaction has answered, as an entry. */
export function answeredEntry(request: FhirRequest, { status, headers = {}, resource }: FhirResponse): BundleEntry {
  const { Location: location, ETag: etag, "Last-Modified": lastModified } = headers;
  const isOutcome = resource?.resourceType === "OperationOutcome";
  const shown = request.method === "HEAD" || isOutcome ? undefined : resource;
  return {
    ...(shown?.resourceType === "Patient" &&
      shown.id !== undefined && { fullUrl: `${request.base}/Patient/${shown.id}` }),
    ...(shown && { resource: shown }),
    response: {
      status: statusOf(status),
      ...(location !== undefined && { location }),
      ...(etag !== undefined && { etag }),
      ...(lastModified !== undefined && { lastModified: new Date(lastModified).toISOString() }),
      ...(isOutcome && { outcome: resource }),
    },
  };
}

/** The failure of one entry of a batch. */
export function failedEntry(error: unknown): BundleEntry {
  const { status, headers, outcome } = rendered(error);
  return { response: { status: statusOf(status), outcome: withRetryAfter(outcome, headers["Retry-After"]) } };
}

/** An entry has no headers. */
const withRetryAfter = (outcome: OperationOutcome, seconds: string | undefined): OperationOutcome =>
  seconds === undefined
    ? outcome
    : {
        ...outcome,
        issue: outcome.issue.map(({ diagnostics = "", ...issue }) => ({
          ...issue,
          diagnostics: `${diagnostics} Retry-After: ${seconds} seconds.`,
        })),
      };
