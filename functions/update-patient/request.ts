import type { Patient } from "fhir/r4";
import { resourceIdOf } from "../../shared/http/path.ts";
import { ifMatchOf } from "../../shared/http/preconditions.ts";
import { type FhirRequest, invalid, requestFault } from "../../shared/http/request.ts";
import { OVERLAY_REASONS, type OverlayReason, type UpdateRequest } from "../../shared/registration/update-patient.ts";

/** @throws AdapterError `invalid` when the body is of another id than the path, or a header cannot be used. */
export function updateRequestOf(request: FhirRequest, patient: Patient): UpdateRequest {
  const id = resourceIdOf(request);
  if (patient.id !== id) {
    throw invalid({
      severity: "error",
      code: "value",
      expression: "Patient.id",
      diagnostics: "The id of the Patient must be there and equal the id in the path.",
    });
  }
  const ifMatch = ifMatchOf(request);
  const overlayReason = overlayReasonOf(request);
  return {
    id,
    patient,
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
