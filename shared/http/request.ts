import type { APIGatewayProxyEvent, Context } from "aws-lambda";
import { AdapterError, type Fault } from "../failure/failure.ts";
import type { Task } from "../registration/registration.ts";
import { deadlineOf, LONGEST_REQUEST_MS } from "../runtime/deadline.ts";
import { type Handling, mediaType, type Preferences, preferencesOf } from "./negotiation.ts";
import { requestIdOf } from "./request-id.ts";
import type { FhirResponse } from "./response.ts";
import { type SignedIn, signedInOf } from "./signed-in.ts";

/** A request as the functions see it: no API Gateway in it. */
export type FhirRequest = {
  readonly method: string;
  /** Where this API is served, without a slash at the end: `[base]` of the FHIR specification. */
  readonly base: string;
  /** The route with its placeholders, such as `/Patient/{id}`. */
  readonly route: string;
  readonly pathParameters: Readonly<Record<string, string | undefined>>;
  /** The parameters of the URL, and those of the form that a POST _search carries. */
  readonly query: readonly Parameter[];
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string | undefined;
  readonly preferences: Preferences;
  /** Who sent the request, and what they may do; undefined for what nobody signed. */
  readonly signedIn: SignedIn | undefined;
  /** Who sent it, with the name of the session: what an auditor looks for. */
  readonly principal: string;
  readonly requestId: string;
  /** Epoch milliseconds after which nothing is sent to Particle any more. */
  readonly deadline: number;
};

/** One interaction: a request and what it is answered. Failures are thrown as AdapterError. */
export type Respond = (request: FhirRequest) => Promise<FhirResponse>;

export const taskOf = ({ requestId, deadline }: FhirRequest): Task => ({ owner: requestId, deadline });

export type Parameter = readonly [name: string, value: string];

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/;

/**
 * Reads a REST API proxy event (payload 1.0) whose header names are in lower case.
 *
 * @param validation of the deployment
 */
export function requestOf(
  event: APIGatewayProxyEvent,
  context: Pick<Context, "getRemainingTimeInMillis" | "awsRequestId">,
  validation: Handling,
): FhirRequest {
  const { requestContext } = event;
  const headers = headersOf(event);
  return {
    method: event.httpMethod,
    base: baseOf(requestContext),
    route: requestContext.resourcePath,
    pathParameters: event.pathParameters ?? {},
    query: parametersOf(event),
    headers,
    body: bodyOf(event),
    preferences: preferencesOf(headers["prefer"], validation),
    signedIn: signedInOf(requestContext),
    principal: principalOf(requestContext),
    requestId: requestIdOf(event, context),
    deadline: deadlineOf(context, LONGEST_REQUEST_MS),
  };
}

/** By lower-case name, as the middleware left them; a repeated header is one list (RFC 9110, section 5.3). */
export const headersOf = ({ headers, multiValueHeaders }: APIGatewayProxyEvent): FhirRequest["headers"] => ({
  ...headers,
  ...Object.fromEntries(Object.entries(multiValueHeaders ?? {}).map(([name, values]) => [name, values?.join(", ")])),
});

export const FORM = "application/x-www-form-urlencoded";

/** Of the URL, and of the form of a search: http://hl7.org/fhir/R4/http.html#search */
export function parametersOf(event: APIGatewayProxyEvent): readonly Parameter[] {
  const query = Object.entries(event.multiValueQueryStringParameters ?? {}).flatMap(([name, values]) =>
    (values ?? []).map((value) => [name, value] as const),
  );
  const isForm =
    event.requestContext.resourcePath.endsWith("/_search") &&
    mediaType(headersOf(event)["content-type"] ?? "").type === FORM;
  return isForm ? [...query, ...readParameters(bodyOf(event))] : query;
}

/** How many parameters a request may have; far more than any search needs. */
export const MOST_PARAMETERS = 1_000;

/**
 * Parameters as a URL and a form write them. Of too many, one more than a request may have, by which it is refused:
 * reading all would cost seconds.
 */
export const readParameters = (text = ""): readonly Parameter[] => [
  ...new URLSearchParams(text.split("&", MOST_PARAMETERS + 1).join("&")),
];

type RequestContext = APIGatewayProxyEvent["requestContext"];

/**
 * From what API Gateway says of itself, never from a Host header: the path that it was called with, less the part that
 * its resource stands for, is the stage or the base path of the custom domain.
 */
function baseOf({ domainName = "", path, resourcePath }: RequestContext): string {
  const depth = segmentsOf(resourcePath).length;
  const prefix = segmentsOf(path).slice(0, -depth || undefined);
  const scheme = LOOPBACK.test(domainName) ? "http" : "https";
  return [`${scheme}://${domainName}`, ...prefix].join("/");
}

const segmentsOf = (path: string): string[] => path.split("/").filter((segment) => segment !== "");

function principalOf({ identity, authorizer, accountId }: RequestContext): string {
  return String(identity.userArn ?? authorizer?.["principalId"] ?? accountId);
}

function bodyOf({ body, isBase64Encoded }: APIGatewayProxyEvent): string | undefined {
  return body === null || body === ""
    ? undefined
    : isBase64Encoded
      ? Buffer.from(body, "base64").toString("utf8")
      : body;
}

/** The values of a query parameter. */
export const valuesOf = (query: readonly Parameter[], name: string): readonly string[] =>
  query.filter(([given]) => given === name).map(([, value]) => value);

export const invalid = (...faults: readonly Fault[]): AdapterError =>
  new AdapterError({ kind: "invalid", faults }, `The request is not valid: ${faults.length} faults.`);

/** A fault of a header or a query parameter, which no element of a resource stands for. */
export const requestFault = (diagnostics: string): Fault => ({ severity: "error", code: "value", diagnostics });
