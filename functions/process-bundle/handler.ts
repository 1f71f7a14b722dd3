import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { interactionEnd } from "../../shared/http/interaction-end.ts";
import type { ReportEntry } from "../../shared/interactions/entry-failure.ts";
import { bundleInteraction } from "../../shared/interactions/process-bundle.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { bugEntry } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { telemetryFromEnv } from "../../shared/runtime/telemetry.ts";

const telemetry = telemetryFromEnv(process.env);

const report: ReportEntry = (request, index, ending) => {
  const end = interactionEnd(request, ending, index);
  telemetry.ended(end);
  if (end.failure === "bug" && "error" in ending) {
    telemetry.log("error", bugEntry(request.requestId, ending.error));
  }
};

export const handler = fhirHandler(
  telemetry,
  bundleInteraction(registrationFromEnv(process.env, telemetry), report),
  allowedOriginsFrom(process.env),
  readEnv(process.env, ["validation"]).validation,
);
