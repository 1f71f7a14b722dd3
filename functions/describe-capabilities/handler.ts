import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { describeInteraction } from "../../shared/interactions/describe-capabilities.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { ENV } from "../../shared/runtime/env-names.ts";
import { plainTelemetryFromEnv } from "../../shared/runtime/plain-telemetry.ts";
import type { TokenService } from "../../shared/sign-in/smart-configuration.ts";

function tokenServiceFrom(env: typeof process.env): TokenService {
  const { oidcIssuer, oidcTokenEndpoint, oidcJwksUri, oidcClientAuthentication } = readEnv(env, [
    "oidcIssuer",
    "oidcTokenEndpoint",
    "oidcJwksUri",
    "oidcClientAuthentication",
  ]);
  return {
    issuer: oidcIssuer,
    tokenEndpoint: oidcTokenEndpoint,
    jwksUri: oidcJwksUri,
    clientAuthentication: oidcClientAuthentication,
  };
}

const isByToken = process.env[ENV.oidcIssuer] !== undefined;

export const handler = fhirHandler(
  plainTelemetryFromEnv(process.env),
  describeInteraction(isByToken ? tokenServiceFrom(process.env) : undefined),
  allowedOriginsFrom(process.env),
);
