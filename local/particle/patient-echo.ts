import type { PatientRecord } from "./patient-records.ts";
import type { Switches } from "./switches.ts";

/** `1-234-567-8910` comes back as `(234) 567-8910` in the vendor's samples. */
function normaliseTelephone(telephone: string): string {
  const digits = telephone.replaceAll(/\D/g, "").slice(-10);
  return `(${digits.slice(0, 3)}) ${digits.slice(3, 6)}-${digits.slice(6)}`;
}

const absences = {
  empty: { text: "", list: [] },
  null: { text: null, list: null },
  omitted: { text: undefined, list: undefined },
} as const satisfies Record<Switches["absentOptionals"], unknown>;

/** The patient as POST and GET answer it, in the order of fields of the vendor's sample. */
export function echoPatient(record: PatientRecord, switches: Switches) {
  const absent = absences[switches.absentOptionals];
  const { telephone } = record;
  return {
    given_name: record.given_name,
    family_name: record.family_name,
    date_of_birth: record.date_of_birth,
    gender: record.gender,
    ssn: record.ssn ?? absent.text,
    email: record.email ?? absent.text,
    address_lines: record.address_lines ?? absent.list,
    address_state: record.address_state,
    address_city: record.address_city,
    postal_code: record.postal_code,
    telephone:
      telephone === undefined || !switches.echoTelephoneNormalised
        ? (telephone ?? absent.text)
        : normaliseTelephone(telephone),
    patient_id: record.patient_id,
    ...(switches.echoParticlePatientId && { particle_patient_id: record.particle_patient_id }),
    ...(switches.echoConsent && { consent: record.consent ?? null }),
  };
}
