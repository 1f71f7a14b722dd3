import { expect, test } from "vitest";
import { parseJson } from "../../shared/fhir/json.ts";
import { validatePatient } from "../../shared/fhir/validate-patient.ts";

/** About 2 KB, as an EHR sends it. */
const patient = {
  resourceType: "Patient",
  id: "henrick-1",
  meta: { profile: ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"] },
  text: {
    status: "generated",
    div: '<div xmlns="http://www.w3.org/1999/xhtml"><p><b>Henrick Testingson</b></p><p>Male, 1957-03-23</p></div>',
  },
  extension: ["race", "ethnicity"].map((kind) => ({
    url: `http://hl7.org/fhir/us/core/StructureDefinition/us-core-${kind}`,
    extension: [
      { url: "ombCategory", valueCoding: { system: "urn:oid:2.16.840.1.113883.6.238", code: "a", display: "A" } },
      { url: "text", valueString: "A" },
    ],
  })),
  identifier: ["MR", "SS"].map((code) => ({
    type: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code }], text: code },
    system: `http://example.org/fhir/sid/${code}`,
    value: "123-45-6789",
    period: { start: "2001-05-06" },
  })),
  active: true,
  name: [{ use: "official", family: "Testingson", given: ["Henrick", "H."], period: { start: "1957-03-23" } }],
  telecom: [
    { system: "phone", value: "123-456-7890", use: "home" },
    { system: "email", value: "henrick@example.org", rank: 1 },
  ],
  gender: "male",
  birthDate: "1957-03-23",
  deceasedBoolean: false,
  address: [
    { use: "home", line: ["123 Mulberry Court"], city: "Roxbury", state: "MA", postalCode: "12345", country: "US" },
  ],
  maritalStatus: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", code: "M" }] },
  contact: [
    { name: { family: "Testingson", given: ["Henrietta"] }, telecom: [{ system: "phone", value: "123-456-7891" }] },
  ],
  communication: [{ language: { coding: [{ system: "urn:ietf:bcp:47", code: "en-US" }] }, preferred: true }],
};
const text = JSON.stringify(patient);

test(`reading a Patient of ${text.length} characters`, async ({ bench }) => {
  expect(validatePatient(patient)).toEqual([]);
  await bench.compare(
    bench("validatePatient", () => {
      validatePatient(patient);
    }),
    bench("parseJson", () => {
      parseJson(text);
    }),
    bench("JSON.parse alone, for comparison", () => {
      JSON.parse(text);
    }),
  );
});
