import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { readInteraction } from "../../shared/interactions/read-patient.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { readingFromEnv } from "../../shared/runtime/registration-from-env.ts";

export const handler = fhirHandler(
  createLog(),
  readInteraction(readingFromEnv(process.env)),
  allowedOriginsFrom(process.env),
);
