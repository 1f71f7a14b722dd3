import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { searchInteraction } from "../../shared/interactions/search-patients.ts";
import { searchingFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { telemetryFromEnv } from "../../shared/runtime/telemetry.ts";

const telemetry = telemetryFromEnv(process.env);

export const handler = fhirHandler(
  telemetry,
  searchInteraction(searchingFromEnv(process.env, telemetry.attempted)),
  allowedOriginsFrom(process.env),
);
