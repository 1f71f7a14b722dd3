import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EchoedDemographics } from "../../../shared/mapping/demographics.ts";
import { particleToPatient } from "../../../shared/mapping/particle-to-patient.ts";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { sourceIdentifiers } from "../../../shared/mapping/source-identifiers.ts";
import { registrablePatients, TODAY } from "./made-up-patients.ts";

const systems = { patient_id: "urn:patient_id", particle_patient_id: "urn:particle_patient_id" };

const held = (demographics: EchoedDemographics) =>
  particleToPatient({
    id: "example",
    versionId: "3",
    lastUpdated: "2026-11-22T10:00:00.000Z",
    demographics,
    identifiers: [
      { use: "usual", system: "urn:mrn", value: "42", type: { coding: [{ system: "urn:types", code: "MR" }] } },
    ],
    patient_id: "examplepatientid1",
    particle_patient_id: "0b54a6a2-0000-4000-8000-000000000000",
    systems,
  });

describe("what Particle holds", () => {
  it("is answered as a FHIR Patient, without the SSN", () => {
    const patient = held({
      given_name: "Henrick",
      family_name: "Testingson",
      date_of_birth: "1957-03-23",
      gender: "MALE",
      postal_code: "12345",
      ssn: "123-45-6789",
      email: "henrick@example.com",
      telephone: "(123) 456-7890",
      address_lines: ["123 Mulberry Court", ""],
      address_city: "Roxbury",
      address_state: "MA",
    });
    expect(patient).toEqual({
      resourceType: "Patient",
      id: "example",
      meta: { versionId: "3", lastUpdated: "2026-11-22T10:00:00.000Z" },
      identifier: [
        { use: "usual", system: "urn:mrn", value: "42", type: { coding: [{ system: "urn:types", code: "MR" }] } },
        { system: "urn:patient_id", value: "examplepatientid1" },
        { system: "urn:particle_patient_id", value: "0b54a6a2-0000-4000-8000-000000000000" },
      ],
      name: [{ use: "official", family: "Testingson", given: ["Henrick"] }],
      telecom: [
        { system: "phone", value: "(123) 456-7890" },
        { system: "email", value: "henrick@example.com" },
      ],
      gender: "male",
      birthDate: "1957-03-23",
      address: [
        { use: "home", line: ["123 Mulberry Court"], city: "Roxbury", state: "MA", postalCode: "12345", country: "US" },
      ],
    });
  });

  it("has no element for what Particle leaves empty or fills with what is not valid FHIR", () => {
    const patient = held({
      family_name: " ",
      gender: "X",
      date_of_birth: "03/23/1957",
      email: "",
      address_lines: [""],
    });
    expect(Object.keys(patient)).toEqual(["resourceType", "id", "meta", "identifier"]);
  });

  it("is the same at Particle again when it is sent back, SSN aside", () => {
    fc.assert(
      fc.property(registrablePatients, (sent) => {
        const { demographics } = patientToParticle(sent, { today: TODAY });
        const { identifiers } = sourceIdentifiers(sent, systems);
        if (demographics === undefined) {
          throw new Error("The patient was to be registrable.");
        }
        const answered = particleToPatient({
          id: "example",
          versionId: "1",
          lastUpdated: "2026-11-22T10:00:00.000Z",
          demographics,
          identifiers,
          patient_id: "examplepatientid1",
          systems,
        });
        const { ssn: _, ...rest } = demographics;
        const again = patientToParticle(answered, { today: TODAY });
        expect(again.demographics).toEqual(rest);
        expect(again.report.warnings).toEqual([]);
        expect(sourceIdentifiers(answered, systems)).toEqual({
          identifiers,
          claimed: {
            patient_id: [{ value: "examplepatientid1", expression: `Patient.identifier[${identifiers.length}]` }],
            particle_patient_id: [],
          },
          faults: [],
        });
      }),
    );
  });
});
