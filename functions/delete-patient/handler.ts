import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { deleteInteraction } from "../../shared/interactions/delete-patient.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { telemetryFromEnv } from "../../shared/runtime/telemetry.ts";

const telemetry = telemetryFromEnv(process.env);

export const handler = fhirHandler(
  telemetry,
  deleteInteraction(registrationFromEnv(process.env, telemetry)),
  allowedOriginsFrom(process.env),
);
