import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { describeInteraction } from "../../shared/interactions/describe-capabilities.ts";
import { createRequestLog } from "../../shared/runtime/request-log.ts";

export const handler = fhirHandler(createRequestLog(), describeInteraction, allowedOriginsFrom(process.env));
