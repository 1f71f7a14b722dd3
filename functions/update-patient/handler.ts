import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { patientBodyOf } from "../../shared/http/patient-body.ts";
import type { Registration } from "../../shared/registration/registration.ts";
import { updatePatient } from "../../shared/registration/update-patient.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { updateRequestOf } from "./request.ts";
import { updatedResponse } from "./response.ts";

/** PUT /Patient/{id}: http://hl7.org/fhir/R4/http.html#update and #upsert */
export const createHandler = (registration: Registration, log: Log) =>
  fhirHandler(log, async (request) => {
    const body = patientBodyOf(request);
    const task = { owner: request.requestId, deadline: request.deadline };
    const registered = await updatePatient(registration, updateRequestOf(request, body.patient), task);
    return updatedResponse(registration, request, registered, body.warnings);
  });

export const handler = createHandler(registrationFromEnv(process.env), createLog());
