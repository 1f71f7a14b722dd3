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

type SignIn = {
  /** What an unsigned request lacks. */
  readonly ask: string;
  readonly denied: string;
  /** RFC 9110, section 15.5.2: a 401 names a scheme. */
  readonly challenge: Readonly<Record<string, string>>;
};

/** How callers prove who they are: by signature, or by token (RFC 6750, section 3). */
const SIGN_IN: Readonly<Record<"iam" | "token", SignIn>> = {
  iam: {
    ask: "Sign the request with AWS Signature Version 4 (service execute-api).",
    denied: "The caller may not use this interaction (execute-api:Invoke).",
    challenge: { "WWW-Authenticate": "AWS4-HMAC-SHA256" },
  },
  token: {
    ask: "Send a valid access token: Authorization: Bearer and the token. /.well-known/smart-configuration says where to get one.",
    denied: "The token does not allow this.",
    challenge: { "WWW-Authenticate": "Bearer" },
  },
};

/** The token of a caller cannot be told from a false one, and nothing was begun. */
const VERIFICATION_FAILED: GatewayAnswer = {
  status: 503,
  code: "transient",
  diagnostics: "The token cannot be verified now. Repeat the request after Retry-After.",
  headers: { "Retry-After": "5" },
};

const UNKNOWN_OUTCOME =
  "If the request was a write, its outcome is not known: repeat the identical request after Retry-After.";

/**
 * What the gateway says when no function is asked, or none answers: each of its response types as a FHIR
 * OperationOutcome. Texts are static: a gateway response cannot tell a value from a variable.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
const gatewayAnswers = (
  settleSeconds: number,
  { ask, denied, challenge }: SignIn,
): readonly (readonly [ResponseType, GatewayAnswer])[] => {
  const afterSettle = { "Retry-After": String(settleSeconds) };
  return [
    [ResponseType.MISSING_AUTHENTICATION_TOKEN, { status: 401, code: "login", diagnostics: ask, headers: challenge }],
    [
      ResponseType.INVALID_SIGNATURE,
      { status: 401, code: "login", diagnostics: `The signature is not valid. ${ask}`, headers: challenge },
    ],
    [
      ResponseType.EXPIRED_TOKEN,
      { status: 401, code: "expired", diagnostics: `The credentials have expired. ${ask}`, headers: challenge },
    ],
    [ResponseType.UNAUTHORIZED, { status: 401, code: "login", diagnostics: ask, headers: challenge }],
    [ResponseType.ACCESS_DENIED, { status: 403, code: "forbidden", diagnostics: denied }],
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
    // Which of the two the gateway takes for an authorizer that throws, is throttled or runs out of time is not documented.
    [ResponseType.AUTHORIZER_CONFIGURATION_ERROR, VERIFICATION_FAILED],
    [ResponseType.AUTHORIZER_FAILURE, VERIFICATION_FAILED],
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
  readonly signIn: keyof typeof SIGN_IN;
  /** Seconds after which a write of unknown outcome may be repeated. */
  readonly settleSeconds: number;
  /** The one origin whose pages may read these answers; they are static, so there cannot be several. */
  readonly allowedOrigin: string | undefined;
};

/** Errors that the gateway itself answers, in FHIR. */
export class GatewayResponses extends Construct {
  constructor(scope: Construct, id: string, { api, signIn, settleSeconds, allowedOrigin }: GatewayResponsesProps) {
    super(scope, id);
    for (const [type, { status, code, diagnostics, headers }] of gatewayAnswers(settleSeconds, SIGN_IN[signIn])) {
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
