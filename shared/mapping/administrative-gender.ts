import { changed, type Normalised } from "./normalised.ts";

const PARTICLE_GENDERS = new Map([
  ["male", "MALE"],
  ["female", "FEMALE"],
]);

/**
 * `male` or `female` as Particle writes it. Particle documents no other gender; none is guessed, nor taken from the sex
 * at birth.
 *
 * @see http://hl7.org/fhir/R4/valueset-administrative-gender.html
 */
export function normaliseGender(text: string): Normalised {
  const gender = PARTICLE_GENDERS.get(text);
  return gender === undefined
    ? { problem: "is neither male nor female" }
    : changed("letter-case-changed", text, gender);
}

/** Particle's gender, in any case, as FHIR's code; undefined for what Particle does not document. */
export function fhirGender(gender: string): "male" | "female" | undefined {
  const code = gender.trim().toLowerCase();
  return code === "male" || code === "female" ? code : undefined;
}
