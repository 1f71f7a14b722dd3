import type { APIGatewayProxyEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { requestOf } from "../../../shared/http/request.ts";
import { requestIdOf } from "../../../shared/http/request-id.ts";

describe("the id of a request", () => {
  it.each([
    ["the gateway's", "of-the-gateway=", "of-the-gateway="],
    ["Lambda's, where the gateway gave none,", undefined, "of-the-invocation"],
  ])("is %s and not the client's", (_, extendedRequestId, id) => {
    const requestContext = { requestId: "of-the-client", extendedRequestId };
    expect(requestIdOf({ requestContext }, { awsRequestId: "of-the-invocation" })).toBe(id);
  });
});

/** As far as `[base]` goes, which takes nothing from the headers. */
const baseOf = (requestContext: { domainName: string; path: string; resourcePath: string }): string =>
  requestOf(
    {
      httpMethod: "GET",
      headers: { host: "attacker.example" },
      requestContext: { ...requestContext, identity: {} },
    } as unknown as APIGatewayProxyEvent,
    { getRemainingTimeInMillis: () => 25_000, awsRequestId: "invocation" },
    "strict",
  ).base;

describe("[base] is what API Gateway says of itself", () => {
  it.each([
    [
      "the stage",
      "a1.execute-api.us-east-1.amazonaws.com",
      "/fhir",
      "https://a1.execute-api.us-east-1.amazonaws.com/fhir",
    ],
    ["the root of a custom domain", "fhir.example.org", "", "https://fhir.example.org"],
    ["a base path of a custom domain", "fhir.example.org", "/r4", "https://fhir.example.org/r4"],
    ["a deeper base path", "fhir.example.org", "/patients/r4", "https://fhir.example.org/patients/r4"],
  ])("under %s", (_, domainName, prefix, base) => {
    expect(baseOf({ domainName, path: `${prefix}/Patient/1`, resourcePath: "/Patient/{id}" })).toBe(base);
    expect(baseOf({ domainName, path: `${prefix}/`, resourcePath: "/" })).toBe(base);
    expect(baseOf({ domainName, path: `${prefix}/Patient/`, resourcePath: "/Patient" })).toBe(base);
  });
});
