import { operationOutcome } from "../../shared/fhir/operation-outcome.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { resourceIdOf } from "../../shared/http/path.ts";
import { conditionOf, ifMatchOf } from "../../shared/http/preconditions.ts";
import { deletePatientConditionally } from "../../shared/registration/conditional-writes.ts";
import { deletePatient } from "../../shared/registration/delete-patient.ts";
import type { Registration } from "../../shared/registration/registration.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";

const DELETED = operationOutcome([
  {
    severity: "warning",
    code: "informational",
    diagnostics:
      "Deleted. Particle has dropped every document that it held for the patient; a new PUT does not bring them back.",
  },
]);

/**
 * DELETE /Patient/{id} and DELETE /Patient?identifier=, again and again with the same answer:
 * http://hl7.org/fhir/R4/http.html#delete and #3.1.0.7.1
 */
export const createHandler = (registration: Registration, log: Log) =>
  fhirHandler(log, async (request) => {
    const ifMatch = ifMatchOf(request);
    const precondition = ifMatch === undefined ? {} : { ifMatch };
    const task = { owner: request.requestId, deadline: request.deadline };
    if (request.pathParameters["id"] === undefined) {
      await deletePatientConditionally(registration, { condition: conditionOf(request), ...precondition }, task);
    } else {
      await deletePatient(registration, { id: resourceIdOf(request), ...precondition }, task);
    }
    return request.preferences.return === "OperationOutcome" ? { status: 200, resource: DELETED } : { status: 204 };
  });

export const handler = createHandler(registrationFromEnv(process.env), createLog());
