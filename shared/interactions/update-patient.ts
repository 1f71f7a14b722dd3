import type { Patient } from "fhir/r4";
import type { Fault } from "../failure/failure.ts";
import { requireParameters } from "../http/general-parameters.ts";
import { ID_RULE, isResourceId, resourceIdOf } from "../http/path.ts";
import { patientBodyOf } from "../http/patient-body.ts";
import { heldAfter, versionLocationOf, writtenResponse } from "../http/patient-response.ts";
import {
  CONDITION_PARAMETERS,
  conditionOf,
  ifMatchOf,
  mustBeNew,
  requireCarried,
  requirePreconditions,
} from "../http/preconditions.ts";
import { type FhirRequest, invalid, type Respond, requestFault, taskOf } from "../http/request.ts";
import type { FhirResponse } from "../http/response.ts";
import { updatePatientConditionally } from "../registration/conditional-writes.ts";
import { OVERLAY_REASONS, type OverlayReason } from "../registration/overlay-reasons.ts";
import type { Registered } from "../registration/registered.ts";
import type { Registration } from "../registration/registration.ts";
import { type UpdateRequest, updatePatient } from "../registration/update-patient.ts";

/**
 * PUT /Patient/{id} and PUT /Patient?identifier=: http://hl7.org/fhir/R4/http.html#update, #upsert and #cond-update.
 * The latter is the Patient Identity Feed of https://profiles.ihe.net/ITI/PIXm/ITI-104.html.
 */
export const updateInteraction =
  (registration: Registration): Respond =>
  async (request) => {
    const isConditional = request.pathParameters["id"] === undefined;
    requireParameters(request, isConditional ? CONDITION_PARAMETERS : []);
    requirePreconditions(request, ["If-Match", "If-None-Match"]);
    const { patient: sent, warnings } = patientBodyOf(request);
    const patient = withLocalLinks(sent, request.base);
    const registered = isConditional
      ? await updateByCondition(registration, request, patient)
      : await updateById(registration, request, patient);
    return updatedResponse(registration, request, registered, warnings);
  };

/** References to patients of this server, which a client may write with or without its base. */
function withLocalLinks(patient: Patient, base: string): Patient {
  if (patient.link === undefined) {
    return patient;
  }
  const link = patient.link.map(({ other, ...rest }) => ({
    ...rest,
    other: other.reference?.startsWith(`${base}/`)
      ? { ...other, reference: other.reference.slice(base.length + 1) }
      : other,
  }));
  return { ...patient, link };
}

/** @throws AdapterError `invalid` when the body is of another id than the path, or a header cannot be used. */
function updateById(registration: Registration, request: FhirRequest, patient: Patient): Promise<Registered> {
  const id = resourceIdOf(request);
  if (patient.id !== id) {
    throw invalid({
      severity: "error",
      code: "value",
      expression: "Patient.id",
      diagnostics: "The id of the Patient must be there and equal the id in the path.",
    });
  }
  const how = { ...howToUpdate(request), mustBeNew: mustBeNew(request) };
  return updatePatient(registration, { id, patient, ...how }, taskOf(request));
}

/** @throws AdapterError `invalid` when the condition or a header cannot be used. */
function updateByCondition(registration: Registration, request: FhirRequest, patient: Patient): Promise<Registered> {
  const condition = conditionOf(request);
  requireCarried(patient, condition, registration.settings.systems);
  if (patient.id !== undefined && !isResourceId(patient.id)) {
    throw invalid({
      severity: "error",
      code: "value",
      expression: "Patient.id",
      diagnostics: `The id must be ${ID_RULE}. Leave it out, and the server chooses one.`,
    });
  }
  const how = { ...howToUpdate(request), mustBeNew: mustBeNew(request) };
  return updatePatientConditionally(registration, { patient, condition, ...how }, taskOf(request));
}

/** What the headers of an update or a patch say. */
export function howToUpdate(request: FhirRequest): Pick<UpdateRequest, "force" | "ifMatch" | "overlayReason"> {
  const ifMatch = ifMatchOf(request);
  const overlayReason = overlayReasonOf(request);
  return {
    force: /\bno-cache\b/i.test(request.headers["cache-control"] ?? ""),
    ...(ifMatch !== undefined && { ifMatch }),
    ...(overlayReason && { overlayReason }),
  };
}

function overlayReasonOf({ headers }: FhirRequest): OverlayReason | undefined {
  const given = headers["overlay-reason"]?.trim();
  const reason = OVERLAY_REASONS.find((known) => known === given);
  if (given !== undefined && reason === undefined) {
    throw invalid(requestFault(`Overlay-Reason must be one of ${OVERLAY_REASONS.join(", ")}.`));
  }
  return reason;
}

/** 201 with a Location when the update created or revived the patient, else 200. */
export function updatedResponse(
  registration: Registration,
  request: FhirRequest,
  registered: Registered,
  warnings: readonly Fault[],
): Promise<FhirResponse> {
  const { mapping, outcome, report } = registered;
  const isCreated = outcome === "created";
  return writtenResponse(request, registration.settings.systems, {
    status: isCreated ? 201 : 200,
    outcome,
    mapping,
    ...(isCreated && { location: versionLocationOf(request.base, mapping) }),
    held: heldAfter(registration, registered, request.deadline),
    warnings,
    report,
  });
}
