import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { patientBodyOf } from "../../shared/http/patient-body.ts";
import { createPatient } from "../../shared/registration/create-patient.ts";
import type { Registration } from "../../shared/registration/registration.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { createRequestOf } from "./request.ts";
import { createdResponse } from "./response.ts";

/** POST /Patient: http://hl7.org/fhir/R4/http.html#create */
export const createHandler = (registration: Registration, log: Log) =>
  fhirHandler(log, async (request) => {
    const body = patientBodyOf(request);
    const task = { owner: request.requestId, deadline: request.deadline };
    const registered = await createPatient(registration, createRequestOf(request, body), task);
    return createdResponse(registration, request, registered, body.warnings);
  });

export const handler = createHandler(registrationFromEnv(process.env), createLog());
