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

export function resultOf({ status, headers, resource }: FhirResponse, rendering: Rendering): APIGatewayProxyResult {
  const body = resource === undefined ? "" : JSON.stringify(resource, null, rendering.isPretty ? 2 : undefined);
  return {
    statusCode: status,
    headers: {
      ...HEADERS,
      ...rendering.headers,
      ...(resource && { "Content-Type": `${rendering.mediaType}; charset=utf-8` }),
      ...headers,
    },
    body: rendering.isHead ? "" : body,
  };
}
