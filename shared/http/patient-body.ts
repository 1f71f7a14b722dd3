import type { Patient } from "fhir/r4";
import { AdapterError, type Fault } from "../failure/failure.ts";
import { parseJson } from "../fhir/json.ts";
import { isMappedElement } from "../fhir/mapped-elements.ts";
import { validatePatient } from "../fhir/validate-patient.ts";
import { requireContentType } from "./negotiation.ts";
import { type FhirRequest, invalid } from "./request.ts";

const LIMIT_BYTES = 1_000_000;

export type PatientBody = {
  readonly patient: Patient;
  /** The body as it was sent. */
  readonly text: string;
  /** What lenient handling let pass. */
  readonly warnings: readonly Fault[];
};

/** @throws AdapterError `too-large` */
export function limitBody(text: string, limitBytes = LIMIT_BYTES): void {
  if (Buffer.byteLength(text) > limitBytes) {
    throw new AdapterError({ kind: "too-large", limitBytes }, "The body is too large.");
  }
}

/**
 * The valid Patient that a request carries. With `Prefer: handling=lenient`, faults in elements that feed no
 * demographic are warnings.
 *
 * @throws AdapterError `unsupported-media-type`, `too-large`, or `invalid` with every fault at once.
 */
export function patientBodyOf({ headers, body: text = "", preferences }: FhirRequest): PatientBody {
  requireContentType(headers["content-type"]);
  limitBody(text);
  const parsed = parseJson(text);
  if ("faults" in parsed) {
    throw invalid(...parsed.faults);
  }
  const faults = validatePatient(parsed.value);
  const isTolerable = ({ expression }: Fault): boolean =>
    preferences.handling === "lenient" && expression !== undefined && !isMappedElement(expression);
  if (!faults.every(isTolerable)) {
    throw invalid(...faults);
  }
  return {
    patient: parsed.value as Patient,
    text,
    warnings: faults.map((fault) => ({ ...fault, severity: "warning" })),
  };
}
