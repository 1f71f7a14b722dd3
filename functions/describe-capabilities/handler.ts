import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { describeInteraction } from "../../shared/interactions/describe-capabilities.ts";
import { createLog } from "../../shared/runtime/log.ts";

export const handler = fhirHandler(createLog(), describeInteraction, allowedOriginsFrom(process.env));
