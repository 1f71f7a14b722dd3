import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { operationInteraction } from "../../shared/interactions/patient-operation.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { foreseeingFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { telemetryFromEnv } from "../../shared/runtime/telemetry.ts";

export const handler = fhirHandler(
  telemetryFromEnv(process.env),
  operationInteraction(foreseeingFromEnv(process.env)),
  allowedOriginsFrom(process.env),
  readEnv(process.env, ["validation"]).validation,
);
