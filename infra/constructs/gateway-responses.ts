import { GatewayResponse, type IRestApi, ResponseType } from "aws-cdk-lib/aws-apigateway";
import { Construct } from "constructs";

/** Codes of http://hl7.org/fhir/R4/valueset-issue-type.html. */
type IssueCode =
  | "invalid"
  | "structure"
  | "login"
  | "expired"
  | "forbidden"
  | "not-found"
  | "too-long"
  | "not-supported"
  | "processing"
  | "exception"
  | "timeout"
  | "transient"
  | "throttled";

type GatewayAnswer = {
  /** Absent: the gateway's own, which differs from case to case under the two defaults. */
  readonly status?: number;
  readonly code: IssueCode;
  readonly diagnostics: string;
  readonly headers?: Readonly<Record<string, string>>;
};

const SIGN = "Sign the request with AWS Signature Version 4 (service execute-api).";
const UNKNOWN_OUTCOME =
  "If the request was a write, its outcome is not known: repeat the identical request after Retry-After.";

/** RFC 9110, section 15.5.2: a 401 names a scheme. */
const challenge = { "WWW-Authenticate": "AWS4-HMAC-SHA256" };

/**
 * What the gateway says when no function is asked, or none answers: each of its response types as a FHIR
 * OperationOutcome. Texts are static: a gateway response cannot tell a value from a variable.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
const gatewayAnswers = (settleSeconds: number): readonly (readonly [ResponseType, GatewayAnswer])[] => {
  const afterSettle = { "Retry-After": String(settleSeconds) };
  return [
    [ResponseType.MISSING_AUTHENTICATION_TOKEN, { status: 401, code: "login", diagnostics: SIGN, headers: challenge }],
    [
      ResponseType.INVALID_SIGNATURE,
      { status: 401, code: "login", diagnostics: `The signature is not valid. ${SIGN}`, headers: challenge },
    ],
    [
      ResponseType.EXPIRED_TOKEN,
      { status: 401, code: "expired", diagnostics: `The credentials have expired. ${SIGN}`, headers: challenge },
    ],
    [ResponseType.UNAUTHORIZED, { status: 401, code: "login", diagnostics: SIGN, headers: challenge }],
    [
      ResponseType.ACCESS_DENIED,
      { status: 403, code: "forbidden", diagnostics: "The caller may not use this interaction (execute-api:Invoke)." },
    ],
    [ResponseType.INVALID_API_KEY, { status: 403, code: "forbidden", diagnostics: "The API key is not valid." }],
    [
      ResponseType.WAF_FILTERED,
      { status: 403, code: "forbidden", diagnostics: "A firewall rule refused the request." },
    ],
    [ResponseType.RESOURCE_NOT_FOUND, { status: 404, code: "not-found", diagnostics: "There is no such resource." }],
    [
      ResponseType.BAD_REQUEST_PARAMETERS,
      { status: 400, code: "invalid", diagnostics: "The parameters of the request are not valid." },
    ],
    [
      ResponseType.BAD_REQUEST_BODY,
      { status: 400, code: "structure", diagnostics: "The body of the request is not valid." },
    ],
    [ResponseType.REQUEST_TOO_LARGE, { status: 413, code: "too-long", diagnostics: "The request is too large." }],
    [
      ResponseType.UNSUPPORTED_MEDIA_TYPE,
      { status: 415, code: "not-supported", diagnostics: "Send application/fhir+json." },
    ],
    [
      ResponseType.THROTTLED,
      { status: 429, code: "throttled", diagnostics: "Too many requests.", headers: { "Retry-After": "1" } },
    ],
    [
      ResponseType.QUOTA_EXCEEDED,
      { status: 429, code: "throttled", diagnostics: "The quota is used up.", headers: { "Retry-After": "3600" } },
    ],
    [
      ResponseType.INTEGRATION_TIMEOUT,
      {
        status: 504,
        code: "timeout",
        diagnostics: `The server did not answer in time. ${UNKNOWN_OUTCOME}`,
        headers: afterSettle,
      },
    ],
    [
      ResponseType.INTEGRATION_FAILURE,
      {
        status: 502,
        code: "transient",
        diagnostics: `The server did not answer. ${UNKNOWN_OUTCOME}`,
        headers: afterSettle,
      },
    ],
    [
      ResponseType.API_CONFIGURATION_ERROR,
      { status: 500, code: "exception", diagnostics: "The gateway is not configured correctly." },
    ],
    [
      ResponseType.AUTHORIZER_CONFIGURATION_ERROR,
      { status: 500, code: "exception", diagnostics: "The authorizer is not configured correctly." },
    ],
    [ResponseType.AUTHORIZER_FAILURE, { status: 500, code: "exception", diagnostics: "The authorizer failed." }],
    [
      ResponseType.DEFAULT_4XX,
      {
        code: "processing",
        diagnostics: "The gateway refused the request. In a query, write | as %7C, and { and } as %7B and %7D.",
      },
    ],
    // Whatever no other type covers.
    [
      ResponseType.DEFAULT_5XX,
      { code: "exception", diagnostics: `The server failed. ${UNKNOWN_OUTCOME}`, headers: afterSettle },
    ],
  ];
};

export type GatewayResponsesProps = {
  readonly api: IRestApi;
  /** Seconds after which a write of unknown outcome may be repeated. */
  readonly settleSeconds: number;
  /** The one origin whose pages may read these answers; they are static, so there cannot be several. */
  readonly allowedOrigin: string | undefined;
};

/** Errors that the gateway itself answers, in FHIR. */
export class GatewayResponses extends Construct {
  constructor(scope: Construct, id: string, { api, settleSeconds, allowedOrigin }: GatewayResponsesProps) {
    super(scope, id);
    for (const [type, { status, code, diagnostics, headers }] of gatewayAnswers(settleSeconds)) {
      new GatewayResponse(this, type.responseType, {
        restApi: api,
        type,
        ...(status !== undefined && { statusCode: String(status) }),
        responseHeaders: quoted({
          "Content-Type": "application/fhir+json",
          "Cache-Control": "no-store",
          ...(allowedOrigin !== undefined && { "Access-Control-Allow-Origin": allowedOrigin }),
          ...headers,
        }),
        // The key is the template's name for "whatever the client accepts"; the header above is what is sent.
        templates: { "application/json": JSON.stringify(operationOutcome(code, diagnostics)) },
      });
    }
  }
}

const operationOutcome = (code: IssueCode, diagnostics: string) => ({
  resourceType: "OperationOutcome",
  issue: [{ severity: "error", code, diagnostics }],
});

/** A static value of a gateway response stands in single quotes. */
const quoted = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, `'${value}'`]));
