import { AdapterError } from "../failure/failure.ts";
import { capabilityStatement } from "../fhir/capability-statement.ts";
import { requireParameters } from "../http/general-parameters.ts";
import { invalid, type Respond, requestFault, valuesOf } from "../http/request.ts";
import { routeOf, routes } from "../http/routes.ts";
import { smartConfiguration, type TokenService } from "../sign-in/smart-configuration.ts";

/** Those that a CapabilityStatement answers; a Patient and all that is said of it here is normative. */
const MODES = ["full", "normative"];

/**
 * GET /metadata: http://hl7.org/fhir/R4/http.html#capabilities, and GET /.well-known/smart-configuration.
 *
 * @param service undefined where callers sign with IAM credentials
 */
export const describeInteraction =
  (service: TokenService | undefined): Respond =>
  async (request) => {
    if (routeOf(request.method, request.route)?.interaction === "smart-configuration") {
      return { status: 200, document: smartConfigurationOf(service) };
    }
    requireParameters(request, ["mode"]);
    if (!valuesOf(request.query, "mode").every((mode) => MODES.includes(mode))) {
      throw invalid(requestFault(`mode must be ${MODES.join(" or ")}.`));
    }
    return { status: 200, resource: capabilityStatement(request.base, routes, service?.tokenEndpoint) };
  };

function smartConfigurationOf(service: TokenService | undefined) {
  if (service === undefined) {
    throw new AdapterError({ kind: "not-found", reason: "path" }, "No issuer is configured.");
  }
  return smartConfiguration(service);
}
