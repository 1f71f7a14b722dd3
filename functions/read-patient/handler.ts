import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { resourceIdOf } from "../../shared/http/path.ts";
import { patientOf, versionHeaders } from "../../shared/http/patient-response.ts";
import { hasVersion } from "../../shared/http/preconditions.ts";
import { readPatient } from "../../shared/registration/read-patient.ts";
import type { Reading } from "../../shared/registration/registration.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { readingFromEnv } from "../../shared/runtime/registration-from-env.ts";

/** GET /Patient/{id} and /Patient/{id}/_history/{versionId}: http://hl7.org/fhir/R4/http.html#read and #vread */
export const createHandler = (reading: Reading, log: Log) =>
  fhirHandler(log, async (request) => {
    const { versionId } = request.pathParameters;
    const wanted = { id: resourceIdOf(request), ...(versionId !== undefined && { versionId }) };
    const held = await readPatient(reading, wanted, request.deadline);
    const headers = versionHeaders(held.mapping);
    return hasVersion(request, held.mapping.version)
      ? { status: 304, headers }
      : { status: 200, headers, resource: patientOf(held, reading.settings.systems) };
  });

export const handler = createHandler(readingFromEnv(process.env), createLog());
