import { AdapterError } from "../../shared/failure/failure.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { routes } from "../../shared/http/routes.ts";
import { createLog } from "../../shared/runtime/log.ts";

/** Whatever no other function answers: 405 with Allow on a path that has other methods, 404 elsewhere. */
export const handler = fhirHandler(createLog(), async ({ route }) => {
  const allow = routes.filter(({ path }) => path === route).map(({ method }) => method);
  throw new AdapterError(
    allow.length > 0 ? { kind: "method-not-allowed", allow } : { kind: "not-found", reason: "path" },
    "No route.",
  );
});
