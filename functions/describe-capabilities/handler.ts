import { capabilityStatement } from "../../shared/fhir/capability-statement.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { routes } from "../../shared/http/routes.ts";
import { createLog } from "../../shared/runtime/log.ts";

/** GET /metadata: http://hl7.org/fhir/R4/http.html#capabilities */
export const handler = fhirHandler(createLog(), async ({ base }) => ({
  status: 200,
  resource: capabilityStatement({
    base,
    interactions: routes.map(({ interaction }) => interaction).filter((code) => code !== "capabilities"),
    searchParameters: ["_id", "identifier"],
  }),
}));
