import { randomUUID } from "node:crypto";
import type { APIGatewayProxyEvent } from "aws-lambda";
import { PLACE } from "../template/intrinsics.ts";
import type { RestApi } from "../template/rest-api.ts";
import type { Match } from "./router.ts";

/** A request as it came over the wire. */
export type GatewayRequest = {
  /** The client's own, where it sent one. */
  readonly requestId: string;
  /** The gateway's own. */
  readonly extendedRequestId: string;
  readonly httpMethod: string;
  /** Encoded, without the query. */
  readonly path: string;
  /** Encoded, without the question mark; empty when there is none. */
  readonly query: string;
  /** Names and values in turn, in the case in which they were sent. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly sourceIp: string;
};

/** Names the caller that a request plays; `anonymous` plays an unsigned request. */
const CALLER_HEADER = "x-local-caller";
export const ANONYMOUS = "anonymous";
const DEFAULT_CALLER = "local-caller";

/** Never passed on (RFC 9110, section 7.6.1), and what is between the caller and the gateway alone. */
const NOT_PASSED_ON: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "content-length",
  CALLER_HEADER,
]);

/** Who signed the request, as far as it matters locally: signatures are not verified. */
export function callerOf(request: GatewayRequest): string {
  return headerOf(request.rawHeaders, CALLER_HEADER) || DEFAULT_CALLER;
}

/**
 * The event of a Lambda proxy integration of a REST API (payload 1.0):
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-input-format
 *
 * `path` stays encoded, path and query parameters arrive decoded. The API is served as under a custom domain without a
 * base path, hence `requestContext.path` equals `path` and holds no stage.
 *
 * @param domainName host and port that the gateway listens on
 */
export function proxyEvent(
  api: RestApi,
  domainName: string,
  { method, pathParameters }: Match,
  request: GatewayRequest,
): APIGatewayProxyEvent {
  const multiValueHeaders = headersOf(request, domainName);
  const multiValueQuery = queryOf(request.query);
  const signed = method.authorization === "AWS_IAM";
  const caller = callerOf(request);
  const isBase64Encoded = isBinary(api, headerOf(request.rawHeaders, "content-type"));
  const now = Date.now();
  return {
    resource: method.resourcePath,
    path: request.path,
    httpMethod: request.httpMethod,
    headers: lastOfEach(multiValueHeaders),
    multiValueHeaders,
    queryStringParameters: multiValueQuery && lastOfEach(multiValueQuery),
    multiValueQueryStringParameters: multiValueQuery,
    pathParameters: pathParameters && { ...pathParameters },
    stageVariables: null,
    requestContext: {
      resourceId: method.resourceId,
      resourcePath: method.resourcePath,
      httpMethod: request.httpMethod,
      extendedRequestId: request.extendedRequestId,
      requestTime: commonLogTime(now),
      requestTimeEpoch: now,
      path: request.path,
      accountId: PLACE.accountId,
      apiId: api.id,
      authorizer: null,
      protocol: "HTTP/1.1",
      stage: api.stage,
      domainName,
      domainPrefix: domainName.split(".")[0]?.split(":")[0],
      requestId: request.requestId,
      identity: {
        accessKey: signed ? `ASIA${caller.toUpperCase()}` : null,
        accountId: signed ? PLACE.accountId : null,
        apiKey: null,
        apiKeyId: null,
        caller: signed ? `AIDA${caller.toUpperCase()}` : null,
        clientCert: null,
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: request.sourceIp,
        user: signed ? `AIDA${caller.toUpperCase()}` : null,
        userAgent: headerOf(request.rawHeaders, "user-agent") || null,
        userArn: signed ? `arn:${PLACE.partition}:iam::${PLACE.accountId}:user/${caller}` : null,
      },
    },
    body: request.body.length === 0 ? null : request.body.toString(isBase64Encoded ? "base64" : "utf8"),
    isBase64Encoded: isBase64Encoded && request.body.length > 0,
  };
}

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings.html */
export function isBinary(api: RestApi, mediaType: string): boolean {
  const essence = mediaType.split(/[;,]/, 1)[0]?.trim().toLowerCase() ?? "";
  return api.binaryMediaTypes.some((type) => type === "*/*" || type.toLowerCase() === essence);
}

/** The last value that was sent under a name; empty when there is none. */
export function headerOf(rawHeaders: readonly string[], name: string): string {
  let value = "";
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) {
      value = rawHeaders[index + 1] ?? "";
    }
  }
  return value;
}

function headersOf(request: GatewayRequest, domainName: string): Record<string, string[]> {
  const headers = new Map<string, string[]>();
  const add = (name: string, value: string) => {
    const values = headers.get(name);
    if (values === undefined) {
      headers.set(name, [value]);
    } else {
      values.push(value);
    }
  };
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index] ?? "";
    if (!NOT_PASSED_ON.has(name.toLowerCase())) {
      add(name, request.rawHeaders[index + 1] ?? "");
    }
  }
  add(
    "X-Amzn-Trace-Id",
    `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${randomUUID().replaceAll("-", "").slice(8)}`,
  );
  add("X-Forwarded-For", request.sourceIp);
  add("X-Forwarded-Port", domainName.split(":").at(-1) ?? "");
  add("X-Forwarded-Proto", "http");
  return Object.fromEntries(headers);
}

/**
 * REST APIs decode parameters; a raw semicolon parts them as `&` does
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html).
 */
function queryOf(query: string): Record<string, string[]> | null {
  const parameters = new Map<string, string[]>();
  for (const pair of query.split(/[&;]/)) {
    if (pair !== "") {
      const [name = "", ...value] = pair.split("=").map((part) => part.replaceAll("+", " "));
      const decodedName = decoded(name);
      parameters.set(decodedName, [...(parameters.get(decodedName) ?? []), decoded(value.join("="))]);
    }
  }
  return parameters.size === 0 ? null : Object.fromEntries(parameters);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function lastOfEach(values: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, list]) => [name, list.at(-1) ?? ""]));
}

/** Such as `22/Nov/2026:18:59:00 +0000`. */
function commonLogTime(epochMs: number): string {
  const [, day, month, year, time] = new Date(epochMs).toUTCString().split(" ");
  return `${day}/${month}/${year}:${time} +0000`;
}
