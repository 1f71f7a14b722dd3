import fc from "fast-check";
import type { Patient } from "fhir/r4";

export const TODAY = "2026-11-22";

/** The made-up person of the vendor's Patients API page. */
export const HENRICK: Patient = {
  resourceType: "Patient",
  identifier: [{ system: "http://hl7.org/fhir/sid/us-ssn", value: "123-45-6789" }],
  name: [{ use: "official", family: "Testingson", given: ["Henrick"] }],
  telecom: [
    { system: "phone", value: "123-456-7890" },
    { system: "email", value: "henrick@example.com" },
  ],
  gender: "male",
  birthDate: "1957-03-23",
  address: [{ use: "home", line: ["123 Mulberry Court"], city: "Roxbury", state: "MA", postalCode: "12345" }],
};

export const DATA_ABSENT = {
  extension: [{ url: "http://hl7.org/fhir/StructureDefinition/data-absent-reason", valueCode: "unknown" }],
};

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });

/** Drops what is undefined, as JSON does. */
const compact = <T extends object>(record: T) =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<T>;

const word = fc.constantFrom(
  ...["Ann", "Bo", " Lee ", "O'Neil", "de la  Cruz", "Ng", "Smith"],
  ...["Zo\u00eb", "Zoe\u0308", "\u200eLee\u200b"],
);

const period = fc
  .record({
    start: optional(fc.constantFrom("1999", "2019-04", "2020-01-01", "2024-02-29T10:00:00-05:00", "2027-01-01")),
    end: optional(fc.constantFrom("2028", "2999-12-31", "9999-12-31T23:59:59-05:00")),
  })
  .map(compact);

const endedPeriod = fc.constantFrom(
  { end: "2025" },
  { start: "2000-01-01", end: "2026-10" },
  { end: "2026-11-21" },
  { end: "2026-11-21T23:59:59Z" },
  { start: "1990", end: "2026-11-22T01:00:00+02:00" },
);

const nameParts = fc.record({
  family: optional(word),
  given: optional(fc.array(word, { minLength: 1, maxLength: 3 })),
  text: optional(word),
});

const addressParts = fc.record({
  type: optional(fc.constantFrom("physical" as const, "postal" as const, "both" as const)),
  line: optional(fc.array(fc.constantFrom("1 Main St", "Apt 2 ", "PO Box 7"), { minLength: 1, maxLength: 2 })),
  city: optional(fc.constantFrom("Boston", "New  York", " Salem")),
  state: optional(fc.constantFrom("MA", "ny", "Massachusetts", "district of columbia", "PR", "Zeeland", "AE")),
  postalCode: optional(fc.constantFrom("02115", "02115-1234", "021151234", "2115", "1012 AB")),
  country: optional(fc.constantFrom("US", "usa", "United States", "NL")),
});

const PHONES = ["123-456-7890", "+1 (234) 567-8910", "1-234-567-8910", "tel:2345678910 x12", "555-7334"];

const V2_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203";

const telecomParts = fc.oneof(
  fc.record({ system: fc.constantFrom("phone" as const, "sms" as const), value: optional(fc.constantFrom(...PHONES)) }),
  fc.record({
    system: fc.constant("email" as const),
    value: optional(fc.constantFrom("a@example.com", "b.c@example.org", "nobody")),
  }),
  fc.record({ system: fc.constant("fax" as const), value: fc.constantFrom(...PHONES) }),
);

const identifierParts = fc.oneof(
  fc.record({
    system: fc.constantFrom("http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"),
    value: fc.constantFrom("123-45-6789", "234567890", "999-12-3456", "none"),
  }),
  fc.record({
    type: fc.constantFrom(
      { coding: [{ system: V2_TYPES, code: "SS" }] },
      {
        coding: [
          { system: "urn:types", code: "social" },
          { system: V2_TYPES, code: "SS" },
        ],
      },
    ),
    value: fc.constantFrom("123-45-6789", "345-67-8901"),
  }),
  fc.record({ system: fc.constantFrom("urn:mrn", "urn:other"), value: fc.constantFrom("1", "2", "3") }),
);

function entriesOf<T extends object, U extends string>(parts: fc.Arbitrary<T>, uses: readonly U[]) {
  return fc
    .tuple(parts, optional(fc.constantFrom(...uses)), optional(period))
    .map(([own, use, own_period]) => compact({ ...own, use, period: own_period }));
}

const NAME_USES = ["official", "usual", "temp", "nickname"] as const;
const ADDRESS_USES = ["home", "temp", "work", "billing"] as const;
const TELECOM_USES = ["home", "mobile", "work", "temp"] as const;
const IDENTIFIER_USES = ["official", "usual", "secondary", "temp"] as const;

const rankedTelecoms = fc
  .tuple(entriesOf(telecomParts, TELECOM_USES), optional(fc.integer({ min: 1, max: 3 })))
  .map(([telecom, rank]) => compact({ ...telecom, rank }));

const lists = {
  name: fc.array(entriesOf(nameParts, NAME_USES), { maxLength: 4 }),
  address: fc.array(entriesOf(addressParts, ADDRESS_USES), { maxLength: 4 }),
  telecom: fc.array(rankedTelecoms, { maxLength: 5 }),
  identifier: fc.array(entriesOf(identifierParts, IDENTIFIER_USES), { maxLength: 4 }),
};

/** Valid Patients, among them many that can be registered and many that cannot. */
export const patients: fc.Arbitrary<Patient> = fc
  .record({
    resourceType: fc.constant("Patient" as const),
    ...lists,
    gender: fc.constantFrom("male", "female", "female", "male", "other", undefined),
    birthDate: fc.constantFrom("1957-03-23", "2026-11-22", "2026-11-23", "1957-03", undefined),
  })
  .map((patient) => compact(patient) as Patient);

/** Patients that can be registered: a complete person, with whatever rivals. */
export const registrablePatients: fc.Arbitrary<Patient> = patients.map((patient) => ({
  ...patient,
  gender: HENRICK.gender,
  birthDate: HENRICK.birthDate,
  name: [...(patient.name ?? []), ...(HENRICK.name ?? [])],
  address: [...(patient.address ?? []), ...(HENRICK.address ?? [])],
}));

/** Complete entries that are over: old by their use, ended by their period, or of nobody in particular. */
export const entriesThatAreOver = fc.oneof(
  fc.record({
    element: fc.constant("name" as const),
    entry: fc.oneof(
      fc.record({ use: fc.constantFrom("old", "maiden", "anonymous"), family: word, given: fc.tuple(word) }),
      fc.record({ use: fc.constant("official"), family: word, given: fc.tuple(word), period: endedPeriod }),
    ),
  }),
  fc.record({
    element: fc.constant("address" as const),
    entry: fc
      .oneof(fc.constant({ use: "old" }), fc.record({ use: fc.constant("home"), period: endedPeriod }))
      .map((over) => ({ ...over, city: "Salem", state: "OR", postalCode: "97301" })),
  }),
  fc.record({
    element: fc.constant("telecom" as const),
    entry: fc
      .oneof(fc.constant({ use: "old" }), fc.record({ use: fc.constant("home"), period: endedPeriod }))
      .chain((over) =>
        fc.constantFrom(
          { ...over, system: "phone", value: "987-654-3210", rank: 1 },
          { ...over, system: "email", value: "over@example.com", rank: 1 },
        ),
      ),
  }),
  fc.record({
    element: fc.constant("identifier" as const),
    entry: fc
      .oneof(fc.constant({ use: "old" }), fc.record({ period: endedPeriod }))
      .map((over) => ({ ...over, system: "http://hl7.org/fhir/sid/us-ssn", value: "456-78-9012" })),
  }),
);
