import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { patchInteraction } from "../../shared/interactions/patch-patient.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";

export const handler = fhirHandler(
  createLog(),
  patchInteraction(registrationFromEnv(process.env)),
  allowedOriginsFrom(process.env),
  readEnv(process.env, ["validation"]).validation,
);
