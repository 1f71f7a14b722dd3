import middy, { type MiddlewareObj } from "@middy/core";
import httpHeaderNormalizer from "@middy/http-header-normalizer";
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from "aws-lambda";
import { AdapterError } from "../failure/failure.ts";
import { BUG, type RenderedFailure, renderFailure } from "../fhir/operation-outcome.ts";
import { bugEntry, type Log } from "../runtime/log.ts";
import { requireAllowed } from "../sign-in/require-allowed.ts";
import { isPrettyWanted } from "./answer-size.ts";
import { corsHeaders } from "./cors.ts";
import { interactionEnd } from "./interaction-end.ts";
import { type FhirJson, type Handling, negotiatedType } from "./negotiation.ts";
import { headersOf, parametersOf, type Respond, requestOf, valuesOf } from "./request.ts";
import { requestIdOf } from "./request-id.ts";
import { type FhirResponse, type Rendering, resultOf } from "./response.ts";
import { routeOf } from "./routes.ts";
import type { Telemetry } from "./telemetry.ts";

/**
 * The HTTP function of API Gateway (REST, payload 1.0) that answers with `respond` whoever may ask for it, and every
 * failure as FHIR. A path or method that is no route holds nothing to protect.
 *
 * @param allowedOrigins whose pages may read the answers
 * @param validation of Patients where a request does not say how strict
 */
export function fhirHandler(
  telemetry: Telemetry,
  respond: Respond,
  allowedOrigins: readonly string[] = [],
  validation: Handling = "strict",
) {
  const answers = new WeakMap<APIGatewayProxyEvent, FhirResponse>();
  return middy<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context>({
    timeoutEarlyInMillis,
    timeoutEarlyResponse,
  })
    .use(httpHeaderNormalizer({ canonical: false }))
    .use(ending(telemetry, answers, validation))
    .use(asOperationOutcome(telemetry.log, allowedOrigins)) // registered last, so that its onError runs first
    .handler(async (event, context) => {
      const mediaType = typeOfAnswer(event);
      const request = requestOf(event, context, validation);
      const route = routeOf(request.method, request.route);
      if (route) {
        requireAllowed(request, route);
      }
      const response = await respond(request);
      answers.set(event, response);
      return resultOf(response, renderingOf(event, request.requestId, mediaType, allowedOrigins));
    });
}

/** Enough to answer before Lambda ends the function, far less than what is kept for recording an outcome. */
const timeoutEarlyInMillis = 500;

/** Hardly ever: everything that a function waits for ends earlier. What it was doing may be done or not. */
const timeoutEarlyResponse = (): never => {
  throw new AdapterError({ kind: "outcome-unknown", retryAfterSeconds: 60 }, "The function ran out of time.");
};

type Middleware = MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context>;

function typeOfAnswer(event: APIGatewayProxyEvent): FhirJson {
  // JSON whatever is accepted: https://hl7.org/fhir/smart-app-launch/conformance.html#response
  return routeOf(event.httpMethod, event.requestContext.resourcePath)?.interaction === "smart-configuration"
    ? "application/json"
    : negotiatedType(headersOf(event)["accept"], valuesOf(parametersOf(event), "_format")[0]);
}

function renderingOf(
  event: APIGatewayProxyEvent,
  requestId: string,
  mediaType: FhirJson,
  allowedOrigins: readonly string[],
): Rendering {
  return {
    mediaType,
    isHead: event.httpMethod === "HEAD",
    isPretty: isPrettyWanted(parametersOf(event)),
    headers: {
      "X-Request-Id": requestId,
      ...corsHeaders(allowedOrigins, headersOf(event)["origin"]),
    },
  };
}

/** The only renderer of failures. Runs for whatever the handler or another middleware throws. */
function asOperationOutcome(log: Log, allowedOrigins: readonly string[]): Middleware {
  return {
    onError(request) {
      const { error, event, context } = request;
      const requestId = requestIdOf(event, context);
      const { status, headers, outcome } = rendered(error, requestId, log);
      const rendering = renderingOf(event, requestId, typeOfFailure(event), allowedOrigins);
      request.response = resultOf({ status, headers, resource: outcome }, rendering);
    },
  };
}

/** A client that takes no FHIR JSON is told so in FHIR JSON. */
function typeOfFailure(event: APIGatewayProxyEvent): FhirJson {
  try {
    return typeOfAnswer(event);
  } catch {
    return "application/fhir+json";
  }
}

function rendered(error: unknown, requestId: string, log: Log): RenderedFailure {
  if (error instanceof AdapterError) {
    return renderFailure(error.failure);
  }
  log("error", bugEntry(requestId, error));
  return BUG;
}

/**
 * Tells how each request ended, once its answer is there.
 *
 * @param answers of the interactions; what failed has none.
 */
function ending(
  telemetry: Telemetry,
  answers: WeakMap<APIGatewayProxyEvent, FhirResponse>,
  validation: Handling,
): Middleware {
  const begun = new WeakMap<APIGatewayProxyEvent, number>();
  const ended: NonNullable<Middleware["after"]> = async ({ event, context, error }) => {
    const response = answers.get(event);
    const end = interactionEnd(requestOf(event, context, validation), response && !error ? { response } : { error });
    telemetry.ended(end, performance.now() - (begun.get(event) ?? performance.now()));
    await telemetry.flush(context.getRemainingTimeInMillis());
  };
  return {
    before: ({ event }) => {
      begun.set(event, performance.now());
    },
    after: ended,
    onError: ended,
  };
}
