import type { Patient } from "fhir/r4";
import { AdapterError, type Fault } from "../failure/failure.ts";
import { parseJson } from "../fhir/json.ts";
import { validatePatient } from "../fhir/validate-patient.ts";
import { type Preferences, requireContentType } from "./negotiation.ts";
import { type FhirRequest, invalid } from "./request.ts";

const LIMIT_BYTES = 1_000_000;

export type PatientBody = {
  readonly patient: Patient;
  /** The body as it was sent. */
  readonly text: string;
  /** What lenient validation let pass. */
  readonly warnings: readonly Fault[];
};

/** @throws AdapterError `too-large` */
export function limitBody(text: string, limitBytes = LIMIT_BYTES): void {
  if (Buffer.byteLength(text) > limitBytes) {
    throw new AdapterError({ kind: "too-large", limitBytes }, "The body is too large.");
  }
}

/**
 * JSON that a request carries.
 *
 * @throws AdapterError `unsupported-media-type`, `too-large`, or `invalid` where it is no JSON.
 */
export function jsonBodyOf({ headers, body: text = "" }: Pick<FhirRequest, "headers" | "body">): unknown {
  requireContentType(headers);
  limitBody(text);
  const parsed = parseJson(text);
  if ("faults" in parsed) {
    throw invalid(...parsed.faults);
  }
  return parsed.value;
}

/** Every fault of what should be a Patient. Lenient validation makes warnings of those that feed no demographic. */
export function patientFaults(value: unknown, { validation }: Pick<Preferences, "validation">): readonly Fault[] {
  return validatePatient(value, validation);
}

/**
 * The valid Patient that a request carries.
 *
 * @throws AdapterError `unsupported-media-type`, `too-large`, or `invalid` with every fault at once.
 */
export function patientBodyOf(request: FhirRequest): PatientBody {
  const value = jsonBodyOf(request);
  const faults = patientFaults(value, request.preferences);
  if (faults.some(({ severity }) => severity === "error")) {
    throw invalid(...faults);
  }
  return { patient: value as Patient, text: request.body ?? "", warnings: faults };
}
