import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { readInteraction } from "../../shared/interactions/read-patient.ts";
import { readingFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { telemetryFromEnv } from "../../shared/runtime/telemetry.ts";

const telemetry = telemetryFromEnv(process.env);

export const handler = fhirHandler(
  telemetry,
  readInteraction(readingFromEnv(process.env, telemetry.attempted)),
  allowedOriginsFrom(process.env),
);
