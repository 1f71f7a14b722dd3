import type { Patient } from "fhir/r4";
import type { Demographics } from "./demographics.ts";
import type { MappingReport } from "./mapping-report.ts";

/** How the demographics of a Patient came about, with both ends of the way. */
export type PatientReport = MappingReport & { readonly patient: Patient; readonly demographics: Demographics };
