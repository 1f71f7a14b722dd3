import { AdapterError } from "../../shared/failure/failure.ts";
import { allowedOriginsFrom, preflightHeaders } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { routes, tokenRoutes } from "../../shared/http/routes.ts";
import { plainTelemetryFromEnv } from "../../shared/runtime/plain-telemetry.ts";

const allowedOrigins = allowedOriginsFrom(process.env);
const further = allowedOrigins.length > 0 ? ["OPTIONS"] : [];

/** Whatever no other function answers: preflights where pages may call, 405 with Allow on a path that has methods, 404. */
export const handler = fhirHandler(
  plainTelemetryFromEnv(process.env),
  async ({ method, route }) => {
    const methods = [...routes, ...tokenRoutes].filter(({ path }) => path === route).map((known) => known.method);
    if (methods.length === 0) {
      throw new AdapterError({ kind: "not-found", reason: "path" }, "No route.");
    }
    const allow = [...methods, ...further];
    if (further.includes(method)) {
      return { status: 204, headers: preflightHeaders(allow) };
    }
    throw new AdapterError({ kind: "method-not-allowed", allow }, "No route.");
  },
  allowedOrigins,
);
