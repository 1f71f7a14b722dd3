import { AdapterError } from "../../shared/failure/failure.ts";
import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import type { FhirRequest } from "../../shared/http/request.ts";
import { bundleInteraction } from "../../shared/interactions/process-bundle.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { bugEntry, createLog } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";

const log = createLog();

function report({ requestId, method, route }: FhirRequest, entry: number, error: unknown): void {
  const isFailure = error instanceof AdapterError;
  const failed = { code: "entry-failed", requestId, method, route, entry } as const;
  log("info", isFailure ? { ...failed, failure: error.failure.kind, reason: error.message } : failed);
  if (!isFailure) {
    log("error", bugEntry(requestId, error));
  }
}

export const handler = fhirHandler(
  log,
  bundleInteraction(registrationFromEnv(process.env), report),
  allowedOriginsFrom(process.env),
  readEnv(process.env, ["validation"]).validation,
);
