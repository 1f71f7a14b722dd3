import type { APIGatewayProxyResult } from "aws-lambda";
import type { FhirResource } from "fhir/r4";

/** What a function answers: no API Gateway in it. */
export type FhirResponse = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly resource?: FhirResource;
};

type Rendering = { readonly requestId: string; readonly isHead: boolean; readonly isPretty: boolean };

/** Patient data is never to be kept by caches on the way. */
const HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

export function resultOf(
  { status, headers, resource }: FhirResponse,
  { requestId, isHead, isPretty }: Rendering,
): APIGatewayProxyResult {
  const body = resource === undefined ? "" : JSON.stringify(resource, null, isPretty ? 2 : undefined);
  return {
    statusCode: status,
    headers: {
      ...HEADERS,
      "X-Request-Id": requestId,
      ...(resource && { "Content-Type": "application/fhir+json; charset=utf-8" }),
      ...headers,
    },
    body: isHead ? "" : body,
  };
}
