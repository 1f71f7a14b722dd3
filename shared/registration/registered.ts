import type { EchoedDemographics } from "../mapping/demographics.ts";
import type { PatientReport } from "../mapping/patient-report.ts";
import type { Mapping } from "../store/mapping-store.ts";

/** How a write ended. */
export type Registered = {
  /**
   * `created`: there was none before. `repeated`: the answer to an earlier request with the same Idempotency-Key.
   * `existing`: the patient was there already and nothing was done. `updated`, `unchanged`: as they say.
   */
  readonly outcome: "created" | "repeated" | "existing" | "updated" | "unchanged";
  readonly mapping: Mapping;
  /** What Particle holds, where it was said on the way. */
  readonly demographics?: EchoedDemographics;
  /** How the demographics came about; a patient that was resolved as a duplicate is not mapped. */
  readonly report?: PatientReport;
};
