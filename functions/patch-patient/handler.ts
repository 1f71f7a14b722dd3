import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { patchInteraction } from "../../shared/interactions/patch-patient.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { telemetryFromEnv } from "../../shared/runtime/telemetry.ts";

const telemetry = telemetryFromEnv(process.env);

export const handler = fhirHandler(
  telemetry,
  patchInteraction(registrationFromEnv(process.env, telemetry)),
  allowedOriginsFrom(process.env),
  readEnv(process.env, ["validation"]).validation,
);
