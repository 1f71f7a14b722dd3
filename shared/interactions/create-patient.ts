import { requireParameters } from "../http/general-parameters.ts";
import { type PatientBody, patientBodyOf } from "../http/patient-body.ts";
import { heldAfter, locationOf, versionLocationOf, writtenResponse } from "../http/patient-response.ts";
import { ifNoneExistOf, requirePreconditions } from "../http/preconditions.ts";
import { type FhirRequest, invalid, type Respond, requestFault, taskOf } from "../http/request.ts";
import type { Member } from "../registration/begin-create.ts";
import { type CreateRequest, createPatient } from "../registration/create-patient.ts";
import type { Registration } from "../registration/registration.ts";

const LONGEST_KEY = 255;

/**
 * POST /Patient: 201 with the Location of the version, also for the repetition of a request; 200 with the Location of the
 * patient when it was there already. http://hl7.org/fhir/R4/http.html#create and #ccreate
 */
export const createInteraction =
  (registration: Registration, member?: Member): Respond =>
  async (request) => {
    const { create, body } = createRequestOf(registration, request);
    const registered = await createPatient(registration, { ...create, ...(member && { member }) }, taskOf(request));
    const { mapping, outcome, report } = registered;
    const isExisting = outcome === "existing";
    return writtenResponse(request, registration.settings.systems, {
      status: isExisting ? 200 : 201,
      outcome,
      mapping,
      location: isExisting ? locationOf(request.base, mapping) : versionLocationOf(request.base, mapping),
      held: heldAfter(registration, registered, request.deadline),
      warnings: body.warnings,
      report,
    });
  };

/** @throws AdapterError as {@link patientBodyOf}, or `invalid` for a parameter or a header that cannot be used. */
export function createRequestOf(
  { settings }: Pick<Registration, "settings">,
  request: FhirRequest,
): { readonly create: CreateRequest; readonly body: PatientBody } {
  requireParameters(request);
  requirePreconditions(request, ["If-None-Exist"]);
  const body = patientBodyOf(request);
  const { patient, text } = body;
  const ifNoneExist = ifNoneExistOf(request, patient, settings.systems);
  const key = request.headers["idempotency-key"]?.trim();
  if (key !== undefined && (key === "" || key.length > LONGEST_KEY)) {
    throw invalid(requestFault(`Idempotency-Key must have 1 to ${LONGEST_KEY} characters.`));
  }
  const create: CreateRequest = {
    patient,
    ...(ifNoneExist && { ifNoneExist }),
    ...(key !== undefined && { idempotencyKey: { caller: request.signedIn?.caller ?? "", key, body: text } }),
  };
  return { create, body };
}
