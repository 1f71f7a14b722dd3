import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { patientBodyOf } from "../../shared/http/patient-body.ts";
import { updatePatientConditionally } from "../../shared/registration/conditional-writes.ts";
import type { Registration } from "../../shared/registration/registration.ts";
import { updatePatient } from "../../shared/registration/update-patient.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { conditionalUpdateOf, updateOf } from "./request.ts";
import { updatedResponse } from "./response.ts";

/**
 * PUT /Patient/{id} and PUT /Patient?identifier=: http://hl7.org/fhir/R4/http.html#update, #upsert and #cond-update.
 * The latter is the Patient Identity Feed of https://profiles.ihe.net/ITI/PIXm/ITI-104.html.
 */
export const createHandler = (registration: Registration, log: Log) =>
  fhirHandler(log, async (request) => {
    const { patient, warnings } = patientBodyOf(request);
    const task = { owner: request.requestId, deadline: request.deadline };
    const registered =
      request.pathParameters["id"] === undefined
        ? await updatePatientConditionally(registration, conditionalUpdateOf(request, patient), task)
        : await updatePatient(registration, updateOf(request, patient), task);
    return updatedResponse(registration, request, registered, warnings);
  });

export const handler = createHandler(registrationFromEnv(process.env), createLog());
