import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { searchInteraction } from "../../shared/interactions/search-patients.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { searchingFromEnv } from "../../shared/runtime/registration-from-env.ts";

export const handler = fhirHandler(
  createLog(),
  searchInteraction(searchingFromEnv(process.env)),
  allowedOriginsFrom(process.env),
);
