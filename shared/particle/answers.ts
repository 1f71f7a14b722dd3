import * as v from "valibot";
import type { ParticlePatient, PatientIdPage } from "./particle-gateway.ts";

/** What an answer says, or where it departs from the documented shape (paths, never values). */
export type Reading<Value> =
  | { readonly understood: true; readonly value: Value }
  | { readonly understood: false; readonly faults: string };

// "" and null and absent are one: optional fields come back in each of these ways.
const optionalText = v.pipe(
  v.nullish(v.string()),
  v.transform((value) => (value === null || value === "" ? undefined : value)),
);

const optionalLines = v.pipe(
  v.nullish(v.array(v.nullable(v.string()))),
  v.transform((lines) => {
    const filled = (lines ?? []).filter((line) => line !== null).filter((line) => line !== "");
    return filled.length > 0 ? filled : undefined;
  }),
);

const patientId = v.pipe(v.string(), v.nonEmpty());

/**
 * "Response Model" of the vendor's Patients API page. `particle_patient_id` and `consent` came with v1.3 of that page;
 * consent and whatever else Particle adds is ignored.
 */
const patientAnswer = v.pipe(
  v.object({
    patient_id: patientId,
    particle_patient_id: optionalText,
    given_name: optionalText,
    family_name: optionalText,
    date_of_birth: optionalText,
    gender: optionalText,
    postal_code: optionalText,
    address_city: optionalText,
    address_state: optionalText,
    address_lines: optionalLines,
    ssn: optionalText,
    telephone: optionalText,
    email: optionalText,
  }),
  v.transform(
    ({ patient_id, particle_patient_id, ...demographics }): ParticlePatient => ({
      patient_id,
      ...withoutAbsent({ particle_patient_id }),
      demographics: withoutAbsent(demographics),
    }),
  ),
);

/**
 * "List Patients" of the same page names the items as strings; the vendor's generated client has objects in which
 * every field is optional. An object without `external_patient_id` names no patient and is left out.
 */
const listAnswer = v.pipe(
  v.object({
    continuation_token: optionalText,
    // Null is how an empty list comes; without the key it is not a list, and must not pass for an empty one.
    patients: v.nullable(v.array(v.union([patientId, v.object({ external_patient_id: optionalText })]))),
  }),
  v.transform(({ continuation_token, patients }): PatientIdPage => {
    const ids = (patients ?? []).map((item) => (typeof item === "string" ? item : item.external_patient_id));
    return {
      patient_ids: [...new Set(ids.filter((id) => id !== undefined))],
      ...withoutAbsent({ continuation_token }),
    };
  }),
);

/** Reads the answer of POST and GET of one patient. */
export function readPatientAnswer(body: string): Reading<ParticlePatient> {
  return read(patientAnswer, body);
}

/** Reads the answer of the list; an empty `continuation_token` is left out. */
export function readListAnswer(body: string): Reading<PatientIdPage> {
  return read(listAnswer, body);
}

function read<Value>(schema: v.GenericSchema<unknown, Value>, body: string): Reading<Value> {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), schema), body);
  if (result.success) {
    return { understood: true, value: result.output };
  }
  // The messages of the issues repeat what was received; their paths do not.
  return { understood: false, faults: result.issues.map((issue) => v.getDotPath(issue) ?? "the body").join(", ") };
}

function withoutAbsent<Fields extends Record<string, unknown>>(
  fields: Fields,
): { [Key in keyof Fields]?: Fields[Key] } {
  const present: { [Key in keyof Fields]?: Fields[Key] } = {};
  for (const key in fields) {
    if (fields[key] !== undefined) {
      present[key] = fields[key];
    }
  }
  return present;
}
