import type { Patient } from "fhir/r4";

export const MRN_SYSTEM = "https://hospital.example/fhir/sid/mrn";
export const MRN = "examplepatientid1";

/** The example of Particle's own page on its Patients API, as a FHIR client would send it. */
export const EXAMPLE_PATIENT: Patient = {
  resourceType: "Patient",
  identifier: [
    { system: MRN_SYSTEM, value: MRN },
    { system: "http://hl7.org/fhir/sid/us-ssn", value: "123-45-6789" },
  ],
  name: [{ use: "official", family: "Testingson", given: ["Henrick"] }],
  gender: "male",
  birthDate: "1957-03-23",
  telecom: [
    { system: "phone", value: "123-456-7890", use: "home" },
    { system: "email", value: "henrick@testingson.example" },
  ],
  address: [
    { use: "home", line: ["123 Mulberry Court"], city: "Roxbury", state: "MA", postalCode: "12345", country: "US" },
  ],
};

/** The same made-up person as records of many years look: rivals, periods, former names, things nobody asked for. */
const YEARS_OF_RECORDS: Patient = {
  resourceType: "Patient",
  id: "years-of-records",
  active: true,
  name: [
    { use: "maiden", family: "Formerly", given: ["Henrick"] },
    { use: "official", family: "Testingson ", given: ["Henrick", "James"], prefix: ["Mr."] },
    { use: "nickname", given: ["Ricky"] },
    { use: "official", family: "Testing", given: ["Henrick"], period: { end: "2019-05-31" } },
  ],
  gender: "male",
  birthDate: "1957-03-23",
  address: [
    { use: "old", line: ["9 Former Street"], city: "Salem", state: "MA", postalCode: "01970" },
    {
      use: "home",
      type: "physical",
      line: ["123 Mulberry Court", "Apt 4"],
      city: "Roxbury",
      state: "Massachusetts",
      postalCode: "12345-6789",
      country: "USA",
      period: { start: "2019-06-01" },
    },
    { use: "work", line: ["1 Example Plaza"], city: "Boston", state: "MA", postalCode: "02215" },
  ],
  telecom: [
    { system: "phone", value: "555-7334", use: "home", rank: 1 },
    { system: "phone", value: "+1 (123) 456-7890 ext. 12", use: "mobile", rank: 2 },
    { system: "phone", value: "123-456-7899", use: "work", rank: 3 },
    { system: "email", value: "mailto:henrick@testingson.example" },
    { system: "fax", value: "123-456-7898" },
  ],
  identifier: [
    { use: "usual", system: MRN_SYSTEM, value: MRN },
    { use: "old", system: "urn:oid:2.16.840.1.113883.4.1", value: "999-12-3456" },
    { system: "http://hl7.org/fhir/sid/us-ssn", value: "123456789" },
  ],
  _birthDate: {
    extension: [
      { url: "http://hl7.org/fhir/StructureDefinition/patient-birthTime", valueDateTime: "1957-03-23T14:35:00-05:00" },
    ],
  },
  maritalStatus: {
    coding: [{ system: "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", code: "M", display: "Married" }],
  },
  contact: [
    {
      relationship: [{ text: "Wife" }],
      name: { family: "Testingson", given: ["Example"] },
      telecom: [{ system: "phone", value: "123-456-7891" }],
    },
  ],
  communication: [{ language: { coding: [{ system: "urn:ietf:bcp:47", code: "en" }] }, preferred: true }],
  extension: [
    { url: "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", valueString: "Examplesdottir" },
  ],
  meta: { versionId: "41", lastUpdated: "2026-03-02T08:15:00Z" },
};

/** Entries between which nothing decides but their order. */
const TIES: Patient = {
  ...EXAMPLE_PATIENT,
  name: [
    { use: "official", family: "Testingson", given: ["Henrick"] },
    { use: "official", family: "Testingson", given: ["Henry"] },
  ],
  telecom: [
    { system: "phone", value: "123-456-7890", use: "home" },
    { system: "phone", value: "123-456-7891", use: "mobile" },
    { system: "phone", value: "(123) 456-7890", use: "home" },
  ],
};

/** Valid FHIR that Particle cannot hold. */
const NOT_FOR_PARTICLE: Patient = {
  resourceType: "Patient",
  name: [{ use: "official", text: "Henrick Testingson", family: "Testingson" }],
  gender: "unknown",
  birthDate: "1957-03",
  telecom: [
    { system: "phone", value: "123-456-7890", use: "home" },
    { system: "email", value: "henrick at testingson" },
  ],
  address: [{ use: "home", line: ["1 Voorbeeldstraat"], city: "Utrecht", postalCode: "3511 AB", country: "NL" }],
};

/** Not FHIR R4. */
const NOT_VALID = {
  resourceType: "Patient",
  nmae: [{ family: "Testingson" }],
  name: [{ use: "offical", family: "Testingson", given: "Henrick" }],
  gender: "Male",
  birthDate: "1957-02-30",
  deceasedBoolean: false,
  deceasedDateTime: "2020-01-01",
  telecom: [],
  address: [{ line: ["123 Mulberry Court", ""], city: "Roxbury", state: "MA", postalCode: 12345 }],
  contact: [{ gender: "female" }],
};

/** Made-up Patients, each for what it shows. */
export const EXAMPLE_PATIENTS: readonly { readonly title: string; readonly patient: unknown }[] = [
  { title: "Years of records: rivals, periods, former names", patient: YEARS_OF_RECORDS },
  { title: "Particle's own example", patient: EXAMPLE_PATIENT },
  { title: "Ties, decided by order", patient: TIES },
  { title: "Valid FHIR that Particle cannot hold", patient: NOT_FOR_PARTICLE },
  { title: "Not valid FHIR", patient: NOT_VALID },
];
