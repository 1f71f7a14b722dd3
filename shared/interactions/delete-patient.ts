import { operationOutcome } from "../fhir/operation-outcome.ts";
import { requireParameters } from "../http/general-parameters.ts";
import { resourceIdOf } from "../http/path.ts";
import { CONDITION_PARAMETERS, conditionOf, ifMatchOf, requirePreconditions } from "../http/preconditions.ts";
import { type Respond, taskOf } from "../http/request.ts";
import type { FhirResponse } from "../http/response.ts";
import { deletePatientConditionally } from "../registration/conditional-writes.ts";
import { deletePatient } from "../registration/delete-patient.ts";
import type { Registration } from "../registration/registration.ts";

const DELETED = operationOutcome([
  {
    severity: "warning",
    code: "informational",
    diagnostics:
      "Deleted. Particle has dropped every document that it held for the patient; a new PUT does not bring them back.",
  },
]);

const NOTHING_THERE = operationOutcome([
  { severity: "information", code: "informational", diagnostics: "There was nothing to delete." },
]);

/**
 * DELETE /Patient/{id} and DELETE /Patient?identifier=, again and again with the same answer:
 * http://hl7.org/fhir/R4/http.html#delete and #3.1.0.7.1
 */
export const deleteInteraction =
  (registration: Registration): Respond =>
  async (request) => {
    const isConditional = request.pathParameters["id"] === undefined;
    requireParameters(request, isConditional ? CONDITION_PARAMETERS : []);
    requirePreconditions(request, ["If-Match"]);
    const ifMatch = ifMatchOf(request);
    const precondition = ifMatch === undefined ? {} : { ifMatch };
    const task = taskOf(request);
    const { id, wasThere } = isConditional
      ? await deletePatientConditionally(registration, { condition: conditionOf(request), ...precondition }, task)
      : await deleteById(registration, { id: resourceIdOf(request), ...precondition }, task);
    const about: FhirResponse["about"] = {
      patients: id === undefined ? [] : [id],
      outcome: wasThere ? "deleted" : "nothing-there",
    };
    return request.preferences.return === "OperationOutcome"
      ? { status: 200, resource: wasThere ? DELETED : NOTHING_THERE, about }
      : { status: 204, about };
  };

const deleteById = async (...given: Parameters<typeof deletePatient>) => ({
  id: given[1].id,
  wasThere: await deletePatient(...given),
});
