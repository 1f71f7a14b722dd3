import type { APIGatewayProxyResult } from "aws-lambda";
import type { FhirResource } from "fhir/r4";
import type { Registered } from "../registration/registered.ts";
import type { FhirJson } from "./negotiation.ts";

/** What a successful write did; `nothing-there` had nothing to delete. */
export type WriteOutcome = Registered["outcome"] | "deleted" | "nothing-there";

/** What a function answers: no API Gateway in it. */
export type FhirResponse = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly resource?: FhirResource;
  /** For those who operate the server; the client does not see it. */
  readonly about?: {
    /** FHIR ids of the patients that were written or are shown. */
    readonly patients: readonly string[];
    /** Of a write. */
    readonly outcome?: WriteOutcome;
  };
  /** JSON that is no FHIR resource, instead of one. */
  readonly document?: object;
};

export type Rendering = {
  readonly mediaType: FhirJson;
  readonly isHead: boolean;
  readonly isPretty: boolean;
  /** Of every answer to the request, whatever it is. */
  readonly headers: Readonly<Record<string, string>>;
};

/** Patient data is never to be kept by caches on the way. */
const HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

export function resultOf(response: FhirResponse, rendering: Rendering): APIGatewayProxyResult {
  const { status, headers, document, resource = document } = response;
  const body = resource === undefined ? "" : JSON.stringify(resource, null, rendering.isPretty ? 2 : undefined);
  const mediaType = document ? "application/json" : `${rendering.mediaType}; charset=utf-8`;
  return {
    statusCode: status,
    headers: {
      ...HEADERS,
      ...rendering.headers,
      ...(resource && { "Content-Type": mediaType }),
      ...headers,
    },
    body: rendering.isHead ? "" : body,
  };
}
