import { capabilityStatement } from "../fhir/capability-statement.ts";
import { requireParameters } from "../http/general-parameters.ts";
import { invalid, type Respond, requestFault, valuesOf } from "../http/request.ts";
import { routes } from "../http/routes.ts";

/** Those that a CapabilityStatement answers; a Patient and all that is said of it here is normative. */
const MODES = ["full", "normative"];

/** GET /metadata: http://hl7.org/fhir/R4/http.html#capabilities */
export const describeInteraction: Respond = async (request) => {
  requireParameters(request, ["mode"]);
  if (!valuesOf(request.query, "mode").every((mode) => MODES.includes(mode))) {
    throw invalid(requestFault(`mode must be ${MODES.join(" or ")}.`));
  }
  return { status: 200, resource: capabilityStatement(request.base, routes) };
};
