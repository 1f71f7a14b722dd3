import { STATUS_CODES } from "node:http";
import type { Bundle, BundleEntry, OperationOutcome } from "fhir/r4";
import type { Fault } from "../failure/failure.ts";
import { operationOutcome } from "../fhir/operation-outcome.ts";
import { isPrettyWanted, sizeInAnswer } from "../http/answer-size.ts";
import type { FhirRequest } from "../http/request.ts";
import type { FhirResponse } from "../http/response.ts";
import { rendered, unprocessable } from "./entry-failure.ts";
import { READS } from "./entry-interactions.ts";
import type { EntryRequest } from "./entry-request.ts";

/** One entry of the response. What was only read can be read again; what was written must be told. */
export type AnsweredEntry = { readonly entry: BundleEntry; readonly isRead: boolean };

/**
 * Bytes of all entries together. Of these, statuses and outcomes of 100 entries take 5.3 million at most, and always have
 * their place; resources share the rest.
 */
const MOST_BYTES = 5_800_000;

/** http://hl7.org/fhir/R4/http.html#transaction-response: one entry for each of the request, in its order. */
export function bundleResponse(
  { query }: FhirRequest,
  type: "batch" | "transaction",
  answers: readonly AnsweredEntry[],
): FhirResponse {
  const entry = fitting(answers, isPrettyWanted(query));
  const resource: Bundle = {
    resourceType: "Bundle",
    type: `${type}-response`,
    ...(entry.length > 0 && { entry }),
  };
  return { status: 200, resource };
}

/** The entries, without the resources that no longer fit. */
function fitting(answers: readonly AnsweredEntry[], isPretty: boolean): BundleEntry[] {
  const sizeOf = (entry: BundleEntry): number => sizeInAnswer({ entry: [entry] }, isPretty);
  const sized = answers.map(({ entry, isRead }) => {
    const bare = sizeOf(withoutResource(entry));
    return { entry, isRead, bare, more: sizeOf(entry) - bare };
  });
  let left = sized.reduce((rest, { bare }) => rest - bare, MOST_BYTES);
  return sized.map(({ entry, isRead, more }) => {
    if (more <= left) {
      left -= more;
      return entry;
    }
    return isRead ? failedEntry(unprocessable(TOO_MUCH_TO_READ)) : leftOut(entry);
  });
}

const leftOut = ({ response }: BundleEntry): BundleEntry => ({
  ...(response && { response: { ...response, outcome: DONE_BUT_LEFT_OUT } }),
});

const withoutResource = ({ response }: BundleEntry): BundleEntry => ({ ...(response && { response }) });

const TOO_MUCH_TO_READ: Fault = {
  severity: "error",
  code: "too-costly",
  diagnostics: "With this, the answer to the Bundle would become too large. Ask for it by itself.",
};

const DONE_BUT_LEFT_OUT = operationOutcome([
  {
    severity: "information",
    code: "informational",
    diagnostics:
      "Done. The Patient is left out, for the answer to the Bundle would become too large. Read it by itself.",
  },
]);

const statusOf = (status: number): string => `${status} ${STATUS_CODES[status] ?? ""}`.trim();

/** What one interaction has answered, as an entry. */
export function answeredEntry(
  { interaction, request }: EntryRequest,
  { status, headers = {}, resource }: FhirResponse,
): AnsweredEntry {
  const { Location: location, ETag: etag, "Last-Modified": lastModified } = headers;
  const isOutcome = resource?.resourceType === "OperationOutcome";
  const shown = request.method === "HEAD" || isOutcome ? undefined : resource;
  const entry: BundleEntry = {
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
  return { entry, isRead: READS.includes(interaction) };
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
