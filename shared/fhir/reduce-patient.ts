import type { Patient } from "fhir/r4";
import { structureOf } from "./structure.ts";

/** What a client wants of a resource: `_elements` and `_summary` of http://hl7.org/fhir/R4/search.html#elements */
export type Reduction = { readonly elements: readonly string[] } | { readonly summary: "true" | "text" | "data" };

/** Elements of Patient with `isSummary` in http://hl7.org/fhir/R4/patient.profile.json.html, beside those always given. */
export const SUMMARY_ELEMENTS: readonly string[] = [
  "identifier",
  "active",
  "name",
  "telecom",
  "gender",
  "birthDate",
  "deceased",
  "address",
  "managingOrganization",
  "link",
];

/** Given whatever was asked for: what says which resource this is, and what changes the meaning of the rest. */
const ALWAYS = ["resourceType", "id", "meta", "implicitRules"];

/** Elements of Patient with `isModifier`: without them a Patient that is inactive or replaced looks like any other. */
export const MODIFIER_ELEMENTS: readonly string[] = [
  "implicitRules",
  "modifierExtension",
  "active",
  "deceased",
  "link",
];

/** http://hl7.org/fhir/R4/resource.html#tag-codes: so that nobody writes the rest away with an update. */
const SUBSETTED = { system: "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", code: "SUBSETTED" } as const;

/** `deceased` for `deceasedBoolean` and `birthDate` for `_birthDate`. */
const elementOf = (jsonName: string): string => structureOf("Patient").fields.get(jsonName)?.element ?? jsonName;

/** Whether `_elements` may name it. */
export const isPatientElement = (name: string): boolean =>
  [...structureOf("Patient").fields.values()].some(({ element }) => element === name);

/** The part of a Patient that was asked for, with the tag that says that it is a part. */
export function reducePatient(patient: Patient, reduction: Reduction | undefined): Patient {
  if (reduction === undefined) {
    return patient;
  }
  const isWanted = wantedBy(reduction);
  const part = Object.entries(patient).filter(([name]) => ALWAYS.includes(name) || isWanted(elementOf(name)));
  const tag = [...(patient.meta?.tag ?? []), SUBSETTED];
  return { ...(Object.fromEntries(part) as Partial<Patient>), resourceType: "Patient", meta: { ...patient.meta, tag } };
}

function wantedBy(reduction: Reduction): (element: string) => boolean {
  if ("elements" in reduction) {
    return (element) => reduction.elements.includes(element) || MODIFIER_ELEMENTS.includes(element);
  }
  return {
    true: (element: string) => SUMMARY_ELEMENTS.includes(element),
    text: (element: string) => element === "text" || MODIFIER_ELEMENTS.includes(element),
    data: (element: string) => element !== "text",
  }[reduction.summary];
}
