import type { RestApi } from "../template/rest-api.ts";

/** What the gateway sends, whoever wrote it. */
export type HttpAnswer = {
  readonly statusCode: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
};

/**
 * The gateway responses that occur locally, with what API Gateway answers where the template says nothing:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
 */
const DEFAULTS = {
  DEFAULT_4XX: { statusCode: 400, message: "Bad Request", errorType: "BadRequestException" },
  MISSING_AUTHENTICATION_TOKEN: {
    statusCode: 403,
    message: "Missing Authentication Token",
    errorType: "MissingAuthenticationTokenException",
  },
  UNAUTHORIZED: { statusCode: 401, message: "Unauthorized", errorType: "UnauthorizedException" },
  ACCESS_DENIED: {
    statusCode: 403,
    message: "User is not authorized to access this resource",
    errorType: "AccessDeniedException",
  },
  AUTHORIZER_FAILURE: { statusCode: 500, message: "Internal server error", errorType: "AuthorizerFailureException" },
  AUTHORIZER_CONFIGURATION_ERROR: {
    statusCode: 500,
    message: "Internal server error",
    errorType: "AuthorizerConfigurationException",
  },
  REQUEST_TOO_LARGE: { statusCode: 413, message: "Request Too Long", errorType: "RequestTooLargeException" },
  // The table says 504, but a function that fails or answers nonsense is answered with 502.
  INTEGRATION_FAILURE: { statusCode: 502, message: "Internal server error", errorType: "InternalServerErrorException" },
  INTEGRATION_TIMEOUT: {
    statusCode: 504,
    message: "Endpoint request timed out",
    errorType: "InternalServerErrorException",
  },
} as const;

export type GatewayResponseType = keyof typeof DEFAULTS;

/** An error that is the gateway's own: as the template states it, else by its `DEFAULT_4XX` or `DEFAULT_5XX`. */
export function gatewayResponse(api: RestApi, type: GatewayResponseType): HttpAnswer {
  const { statusCode, message, errorType } = DEFAULTS[type];
  const stated =
    api.gatewayResponses.get(type) ?? api.gatewayResponses.get(statusCode < 500 ? "DEFAULT_4XX" : "DEFAULT_5XX");
  const headers = new Map<string, readonly string[]>([
    ["content-type", ["application/json"]],
    ["x-amzn-errortype", [errorType]],
  ]);
  for (const [name, value] of Object.entries(stated?.headers ?? {})) {
    headers.set(name, [value]);
  }
  return {
    statusCode: stated?.statusCode ?? statusCode,
    headers,
    body: Buffer.from(stated?.body ?? JSON.stringify({ message })),
  };
}
