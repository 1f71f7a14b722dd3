import { reducePatient } from "../fhir/reduce-patient.ts";
import { reductionOf, requireParameters } from "../http/general-parameters.ts";
import { resourceIdOf } from "../http/path.ts";
import { patientOf, versionHeaders } from "../http/patient-response.ts";
import { hasVersion } from "../http/preconditions.ts";
import type { Respond } from "../http/request.ts";
import { readPatient } from "../registration/read-patient.ts";
import type { Reading } from "../registration/registration.ts";

/** GET /Patient/{id} and /Patient/{id}/_history/{versionId}: http://hl7.org/fhir/R4/http.html#read and #vread */
export const readInteraction =
  (reading: Reading): Respond =>
  async (request) => {
    requireParameters(request);
    const { versionId } = request.pathParameters;
    const wanted = { id: resourceIdOf(request), ...(versionId !== undefined && { versionId }) };
    const held = await readPatient(reading, wanted, request.deadline);
    const headers = versionHeaders(held.mapping);
    const about = { patients: [held.mapping.id] };
    return hasVersion(request, held.mapping.version)
      ? { status: 304, headers, about }
      : {
          status: 200,
          headers,
          about,
          resource: reducePatient(patientOf(held, reading.settings.systems), reductionOf(request)),
        };
  };
