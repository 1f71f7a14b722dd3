import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { deleteInteraction } from "../../shared/interactions/delete-patient.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";

export const handler = fhirHandler(
  createLog(),
  deleteInteraction(registrationFromEnv(process.env)),
  allowedOriginsFrom(process.env),
);
