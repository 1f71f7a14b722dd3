import type { Patient } from "fhir/r4";
import { resourceIdOf } from "../../shared/http/path.ts";
import { conditionOf, ifMatchOf, requireCarried } from "../../shared/http/preconditions.ts";
import { type FhirRequest, invalid, requestFault } from "../../shared/http/request.ts";
import type { ConditionalUpdateRequest } from "../../shared/registration/conditional-writes.ts";
import { OVERLAY_REASONS, type OverlayReason, type UpdateRequest } from "../../shared/registration/update-patient.ts";

/** @throws AdapterError `invalid` when the body is of another id than the path, or a header cannot be used. */
export function updateOf(request: FhirRequest, patient: Patient): UpdateRequest {
  const id = resourceIdOf(request);
  if (patient.id !== id) {
    throw invalid({
      severity: "error",
      code: "value",
      expression: "Patient.id",
      diagnostics: "The id of the Patient must be there and equal the id in the path.",
    });
  }
  return { id, patient, ...howToUpdate(request) };
}

/** @throws AdapterError `invalid` when the condition or a header cannot be used. */
export function conditionalUpdateOf(request: FhirRequest, patient: Patient): ConditionalUpdateRequest {
  const condition = conditionOf(request);
  requireCarried(patient, condition);
  return { patient, condition, ...howToUpdate(request) };
}

function howToUpdate(request: FhirRequest): Pick<UpdateRequest, "force" | "ifMatch" | "overlayReason"> {
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
