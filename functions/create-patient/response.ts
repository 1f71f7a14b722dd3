import type { Fault } from "../../shared/failure/failure.ts";
import { heldAfter, locationOf, versionLocationOf, writtenResponse } from "../../shared/http/patient-response.ts";
import type { FhirRequest } from "../../shared/http/request.ts";
import type { FhirResponse } from "../../shared/http/response.ts";
import type { Registered } from "../../shared/registration/create-patient.ts";
import type { Reading } from "../../shared/registration/registration.ts";

/**
 * 201 with the Location of the version, also for the repetition of a request; 200 with the Location of the patient
 * when it was there already: http://hl7.org/fhir/R4/http.html#ccreate
 */
export function createdResponse(
  reading: Reading,
  request: FhirRequest,
  registered: Registered,
  warnings: readonly Fault[],
): Promise<FhirResponse> {
  const { mapping, outcome, report } = registered;
  const isExisting = outcome === "existing";
  return writtenResponse(request, reading.settings.systems, {
    status: isExisting ? 200 : 201,
    mapping,
    location: isExisting ? locationOf(request.base, mapping) : versionLocationOf(request.base, mapping),
    held: heldAfter(reading, registered, request.deadline),
    faults: [...warnings, ...(report?.warnings ?? [])],
  });
}
