import type { OperationOutcome, Patient } from "fhir/r4";
import type { Fault } from "../failure/failure.ts";
import { operationOutcome } from "../fhir/operation-outcome.ts";
import { type Reduction, reducePatient } from "../fhir/reduce-patient.ts";
import { particleToPatient } from "../mapping/particle-to-patient.ts";
import type { PatientReport } from "../mapping/patient-report.ts";
import { reportIssues } from "../mapping/report-issues.ts";
import type { ParticleIdSystems } from "../mapping/source-identifiers.ts";
import { type Held, heldBy } from "../registration/read-patient.ts";
import type { Registered } from "../registration/registered.ts";
import type { Reading } from "../registration/registration.ts";
import type { Mapping } from "../store/mapping-store.ts";
import { reductionOf } from "./general-parameters.ts";
import { etagOf } from "./preconditions.ts";
import type { FhirRequest } from "./request.ts";
import type { FhirResponse, WriteOutcome } from "./response.ts";

/** The Patient that Particle holds, as FHIR. */
export function patientOf({ mapping, demographics }: Held, systems: ParticleIdSystems): Patient {
  const { id, version, lastUpdated, identifiers, patient_id, particle_patient_id, replacedBy } = mapping;
  const patient = particleToPatient({
    id,
    versionId: String(version),
    lastUpdated,
    demographics,
    identifiers,
    patient_id,
    ...(particle_patient_id !== undefined && { particle_patient_id }),
    systems,
  });
  return replacedBy === undefined
    ? patient
    : { ...patient, active: false, link: [{ other: { reference: `Patient/${replacedBy}` }, type: "replaced-by" }] };
}

/** ETag and Last-Modified: http://hl7.org/fhir/R4/http.html#versioning, the latter as an HTTP date. */
export const versionHeaders = ({ version, lastUpdated }: Mapping): Record<string, string> => ({
  ETag: etagOf(version),
  "Last-Modified": new Date(lastUpdated).toUTCString(),
});

export const locationOf = (base: string, { id }: Mapping): string => `${base}/Patient/${id}`;

export const versionLocationOf = (base: string, mapping: Mapping): string =>
  `${locationOf(base, mapping)}/_history/${mapping.version}`;

/** What a write answers. */
export type Written = {
  readonly status: number;
  readonly outcome: WriteOutcome;
  readonly mapping: Mapping;
  readonly location?: string;
  /** What Particle holds; undefined when it could not be read, for the write itself is done. */
  readonly held: () => Promise<Held | undefined>;
  /** What lenient handling let pass. */
  readonly warnings: readonly Fault[];
  /** Of what was sent; a patient that was resolved as a duplicate is not mapped. */
  readonly report: PatientReport | undefined;
};

/** The answer in the shape that the client prefers: the Patient, nothing, or an OperationOutcome. */
export async function writtenResponse(
  { preferences, query }: FhirRequest,
  systems: ParticleIdSystems,
  { status, outcome, mapping, location, ...source }: Written,
): Promise<FhirResponse> {
  const headers = { ...versionHeaders(mapping), ...(location !== undefined && { Location: location }) };
  const resource = await bodyOf[preferences.return]({ ...source, systems, reduction: reductionOf({ query }) });
  return { status, headers, ...(resource && { resource }), about: { patients: [mapping.id], outcome } };
}

type BodySource = Pick<Written, "held" | "warnings" | "report"> & {
  readonly systems: ParticleIdSystems;
  readonly reduction: Reduction | undefined;
};

const bodyOf: Readonly<
  Record<FhirRequest["preferences"]["return"], (source: BodySource) => Promise<Patient | OperationOutcome | undefined>>
> = {
  minimal: async () => undefined,
  representation: async ({ held, systems, reduction }) => {
    const patient = await held();
    return patient && reducePatient(patientOf(patient, systems), reduction);
  },
  OperationOutcome: async ({ warnings, report }) =>
    operationOutcome([DONE, ...warnings, ...(report ? reportIssues(report) : [])]),
};

const DONE: Fault = { severity: "information", code: "informational", diagnostics: "Done." };

/** What Particle holds after a write: as it said on the way, or read now. */
export const heldAfter =
  (reading: Reading, { mapping, demographics }: Registered, deadline: number): Written["held"] =>
  async () =>
    demographics ? { mapping, demographics } : heldBy(reading, mapping, deadline).catch(() => undefined);
