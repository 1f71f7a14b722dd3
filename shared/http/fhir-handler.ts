import middy, { type MiddlewareObj } from "@middy/core";
import httpHeaderNormalizer from "@middy/http-header-normalizer";
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from "aws-lambda";
import { AdapterError } from "../failure/failure.ts";
import { BUG, type RenderedFailure, renderFailure } from "../fhir/operation-outcome.ts";
import { bugEntry, type Log } from "../runtime/log.ts";
import { requireAcceptable } from "./negotiation.ts";
import { type Respond, requestOf, valuesOf } from "./request.ts";
import { resultOf } from "./response.ts";

/** The HTTP function of API Gateway (REST, payload 1.0) that answers with `respond`, and every failure as FHIR. */
export function fhirHandler(log: Log, respond: Respond) {
  return middy<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context>()
    .use(httpHeaderNormalizer({ canonical: false }))
    .use(answerLog(log))
    .use(asOperationOutcome(log)) // registered last, so that its onError runs first
    .handler(async (event, context) => {
      const request = requestOf(event, context);
      requireAcceptable(request.headers["accept"], valuesOf(request.query, "_format")[0]);
      return resultOf(await respond(request), renderingOf(event));
    });
}

type Middleware = MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult, Error, Context>;

const renderingOf = ({ httpMethod, queryStringParameters, requestContext: { requestId } }: APIGatewayProxyEvent) => ({
  requestId,
  isHead: httpMethod === "HEAD",
  isPretty: queryStringParameters?.["_pretty"] === "true",
});

/** The only renderer of failures. Runs for whatever the handler or another middleware throws. */
function asOperationOutcome(log: Log): Middleware {
  return {
    onError(request) {
      const { status, headers, outcome } = rendered(request.error, request.event.requestContext.requestId, log);
      request.response = resultOf({ status, headers, resource: outcome }, renderingOf(request.event));
    },
  };
}

function rendered(error: unknown, requestId: string, log: Log): RenderedFailure {
  if (error instanceof AdapterError) {
    return renderFailure(error.failure);
  }
  log("error", bugEntry(requestId, error));
  return BUG;
}

/** One line for each answer. */
function answerLog(log: Log): Middleware {
  const begun = new WeakMap<APIGatewayProxyEvent, number>();
  const answered: NonNullable<Middleware["after"]> = ({ event, response, error }) => {
    const status = response?.statusCode ?? 500;
    log(status >= 500 ? "error" : "info", {
      code: "request-answered",
      requestId: event.requestContext.requestId,
      method: event.httpMethod,
      route: event.requestContext.resourcePath,
      status,
      durationMs: Math.round(performance.now() - (begun.get(event) ?? performance.now())),
      ...(error instanceof AdapterError && { failure: error.failure.kind, reason: error.message }),
    });
  };
  return {
    before: ({ event }) => {
      begun.set(event, performance.now());
    },
    after: answered,
    onError: answered,
  };
}
