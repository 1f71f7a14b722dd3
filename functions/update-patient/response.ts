import type { Fault } from "../../shared/failure/failure.ts";
import { heldAfter, versionLocationOf, writtenResponse } from "../../shared/http/patient-response.ts";
import type { FhirRequest } from "../../shared/http/request.ts";
import type { FhirResponse } from "../../shared/http/response.ts";
import type { Registered } from "../../shared/registration/create-patient.ts";
import type { Reading } from "../../shared/registration/registration.ts";

/** 201 with a Location when the update created or revived the patient, else 200. */
export function updatedResponse(
  reading: Reading,
  request: FhirRequest,
  registered: Registered,
  warnings: readonly Fault[],
): Promise<FhirResponse> {
  const { mapping, outcome, report } = registered;
  const isCreated = outcome === "created";
  return writtenResponse(request, reading.settings.systems, {
    status: isCreated ? 201 : 200,
    mapping,
    ...(isCreated && { location: versionLocationOf(request.base, mapping) }),
    held: heldAfter(reading, registered, request.deadline),
    faults: [...warnings, ...(report?.warnings ?? [])],
  });
}
