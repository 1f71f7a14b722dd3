import type { PatientBody } from "../../shared/http/patient-body.ts";
import { ifNoneExistOf } from "../../shared/http/preconditions.ts";
import { type FhirRequest, invalid, requestFault } from "../../shared/http/request.ts";
import type { CreateRequest } from "../../shared/registration/create-patient.ts";

const LONGEST_KEY = 255;

/** @throws AdapterError `invalid` for a header that cannot be used. */
export function createRequestOf(request: FhirRequest, { patient, text }: PatientBody): CreateRequest {
  const ifNoneExist = ifNoneExistOf(request, patient);
  const key = request.headers["idempotency-key"]?.trim();
  if (key !== undefined && (key === "" || key.length > LONGEST_KEY)) {
    throw invalid(requestFault(`Idempotency-Key must have 1 to ${LONGEST_KEY} characters.`));
  }
  return {
    patient,
    ...(ifNoneExist && { ifNoneExist }),
    ...(key !== undefined && { idempotencyKey: { caller: request.caller, key, body: text } }),
  };
}
