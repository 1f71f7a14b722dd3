import type { SubmittedPatient } from "./patient-fields.ts";

/** The vendor documents this text word for word. */
export const overlayMessage = "Overlay detected. Please verify the patient_id and demographics";

const identityFields = ["given_name", "family_name", "date_of_birth", "gender", "ssn"] as const;

/**
 * Whether `after` looks like another person than `before`: at least `threshold` identity fields that both have are
 * different, case aside. A value that appears or goes away says nothing about the person.
 * @param threshold 0 = nothing is an overlay
 */
export function isOverlay(before: SubmittedPatient, after: SubmittedPatient, threshold: number): boolean {
  if (threshold === 0) return false;
  const changed = identityFields.filter((field) => {
    const [old, now] = [before[field], after[field]];
    return old !== undefined && now !== undefined && old.toLowerCase() !== now.toLowerCase();
  });
  return changed.length >= threshold;
}
