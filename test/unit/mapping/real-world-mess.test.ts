import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import type { DemographicField } from "../../../shared/mapping/demographics.ts";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { DATA_ABSENT, HENRICK, TODAY } from "./made-up-patients.ts";

/**
 * One test for each kind of mess that Patients of public projects hold (examples of FHIR and of US Core, exports of
 * servers and of converters from HL7 v2), on made-up people.
 */
type Parts = Readonly<Record<string, unknown>>;

const HOME: Parts = { ...HENRICK.address?.[0] };
const SSN = "http://hl7.org/fhir/sid/us-ssn";
const V2 = "http://terminology.hl7.org/CodeSystem/v2-0203";
const EXTENSIONS = "http://hl7.org/fhir/StructureDefinition";

const map = (parts: Parts) => patientToParticle({ ...HENRICK, ...parts } as Patient, { today: TODAY });
const named = (...name: Parts[]) => ({ name });
const at = (...address: Parts[]) => ({ address });
const reachedBy = (...telecom: Parts[]) => ({ telecom });
const identifiedBy = (...identifier: Parts[]) => ({ identifier });
const testingson = (more: Parts) => ({ family: "Testingson", given: ["Henrick"], ...more });
const valued = (url: string, valueString: string) => ({ extension: [{ url: `${EXTENSIONS}/${url}`, valueString }] });

type Sent = { readonly [Field in DemographicField]?: unknown };

describe("what is sent where a Patient has", () => {
  it.each<[string, Parts, Sent]>([
    ["a city with a blank at its end", at({ ...HOME, city: "Roxbury " }), { address_city: "Roxbury" }],
    [
      "given names with blanks around them",
      named({ family: "Testingson", given: ["Henrick ", " Q "] }),
      { given_name: "Henrick" },
    ],
    ["a name in capitals", named({ family: "TESTINGSON", given: ["HENRICK"] }), { family_name: "TESTINGSON" }],
    ["a name in small letters", named({ family: "testingson", given: ["henrick"] }), { family_name: "testingson" }],
    ["an apostrophe in a name", named(testingson({ family: "O'Test" })), { family_name: "O'Test" }],
    ["a typographic apostrophe", named(testingson({ family: "O\u2019Test" })), { family_name: "O\u2019Test" }],
    ["a name with a hyphen", named(testingson({ family: "Test-Testingson" })), { family_name: "Test-Testingson" }],
    [
      "a family name of several words",
      named(testingson({ family: "van de Testingson" })),
      { family_name: "van de Testingson" },
    ],
    ["letters outside of ASCII", named(testingson({ family: "T\u00e9\u0161t\u00fcng" })), { family_name: "Téštüng" }],
    ["letters that are not Latin", named({ family: "\u5f20", given: ["\u65e0\u5fcc"] }), { family_name: "\u5f20" }],
    [
      "accents as characters of their own",
      named(testingson({ family: "Te\u0301sting" })),
      { family_name: "T\u00e9sting" },
    ],
    ["digits in a name", named(testingson({ family: "Testingson492" })), { family_name: "Testingson492" }],
    ["an asterisk in a name", named(testingson({ given: ["Henrick*"] })), { given_name: "Henrick*" }],
    ["a compound first name", named(testingson({ given: ["Henrick James"] })), { given_name: "Henrick James" }],
    ["several first names", named(testingson({ given: ["Henrick", "James", "Q."] })), { given_name: "Henrick" }],
    ["a first name of one letter", named(testingson({ given: ["H", "James"] })), { given_name: "H" }],
    [
      "an initial that is qualified as one",
      named(testingson({ given: ["H."], _given: [valued("iso21090-EN-qualifier", "IN")] })),
      { given_name: "H." },
    ],
    [
      "a family name with extensions for its parts",
      named(testingson({ family: "van Test", _family: valued("humanname-own-name", "Test") })),
      { family_name: "van Test" },
    ],
    ["a family name of 300 letters", named(testingson({ family: "T".repeat(300) })), { family_name: "T".repeat(300) }],
    [
      "prefixes and suffixes",
      named(testingson({ prefix: ["Dr."], suffix: ["III", "MD"] })),
      { given_name: "Henrick", family_name: "Testingson" },
    ],
    [
      "an official name that has ended beside a usual one",
      named(
        { use: "official", family: "Old", given: ["H"], period: { end: "1924-10-15" } },
        testingson({ use: "usual" }),
      ),
      { family_name: "Testingson" },
    ],
    [
      "an old name that follows a marriage",
      named(testingson({ period: { start: "2020-01-23" } }), { use: "old", family: "Before", given: ["Henrick"] }),
      { family_name: "Testingson" },
    ],
    [
      "a maiden name before its own",
      named({ use: "maiden", family: "Before", given: ["H"] }, testingson({ use: "usual" })),
      { family_name: "Testingson" },
    ],
    [
      "a nickname without a family name",
      named({ use: "usual", given: ["Henny"] }, testingson({ use: "nickname" })),
      { given_name: "Henrick" },
    ],

    ["a state in mixed case", at({ ...HOME, state: "Ma" }), { address_state: "MA" }],
    ["a state spelled out", at({ ...HOME, state: "Massachusetts" }), { address_state: "MA" }],
    ["the District with periods", at({ ...HOME, state: "D.C." }), { address_state: "DC" }],
    ["a territory by its code", at({ ...HOME, state: "PR" }), { address_state: "PR" }],
    ["a territory by its name", at({ ...HOME, state: "Puerto Rico" }), { address_state: "PR" }],
    ["a state of the armed forces", at({ ...HOME, city: "APO", state: "AE" }), { address_state: "AE" }],
    ["a ZIP with its last four", at({ ...HOME, postalCode: "12345-2800" }), { postal_code: "12345" }],
    ["a ZIP of nine digits", at({ ...HOME, postalCode: "123452800" }), { postal_code: "12345" }],
    ["a ZIP with a blank at its end", at({ ...HOME, postalCode: "00000 " }), { postal_code: "00000" }],
    ["the country USA", at({ ...HOME, country: "USA" }), { postal_code: "12345" }],
    ["the country in other spellings", at({ ...HOME, country: "united states of  america " }), { address_state: "MA" }],
    ["the country with periods", at({ ...HOME, country: "U.S.A." }), { address_state: "MA" }],
    ["no country", at({ ...HOME, country: undefined }), { postal_code: "12345" }],
    [
      "several lines, one of them a number",
      at({ ...HOME, line: ["1000", "Hospital Lane", "Ste. 123"] }),
      { address_lines: ["1000", "Hospital Lane", "Ste. 123"] },
    ],
    [
      "a line with extensions",
      at({ ...HOME, line: ["PO Box 1"], _line: [valued("iso21090-ADXP-postBox", "PO Box 1")] }),
      { address_lines: ["PO Box 1"] },
    ],
    ["a district and a text", at({ ...HOME, district: "W", text: "elsewhere" }), { address_city: "Roxbury" }],
    ["only a postal address", at({ ...HOME, type: "postal" }), { address_city: "Roxbury" }],
    ["a geolocation", at({ ...HOME, ...valued("geolocation", "x") }), { address_city: "Roxbury" }],
    [
      "an address abroad before one at home",
      at({ city: "Amsterdam", country: "NL", use: "home" }, HOME),
      { address_city: "Roxbury" },
    ],
    ["a district and nothing else before a whole address", at({ district: "1234" }, HOME), { address_city: "Roxbury" }],
    [
      "an old address that is complete before an incomplete one and a work address",
      at(
        { ...HOME, city: "Before", use: "old" },
        { use: "home", city: "Half" },
        { ...HOME, use: "work", city: "Office" },
      ),
      { address_city: "Office" },
    ],

    ["a phone in parentheses", reachedBy({ system: "phone", value: "(123) 456 7890" }), { telephone: "123-456-7890" }],
    ["a phone in digits alone", reachedBy({ system: "phone", value: "1234567890" }), { telephone: "123-456-7890" }],
    [
      "a phone after a country code",
      reachedBy({ system: "phone", value: "+1(123)456-7890" }),
      { telephone: "123-456-7890" },
    ],
    ["a phone of eleven digits", reachedBy({ system: "phone", value: "11234567890" }), { telephone: "123-456-7890" }],
    [
      "a phone with an extension",
      reachedBy({ system: "phone", value: "123-456-7890 x145" }),
      { telephone: "123-456-7890" },
    ],
    [
      "a phone between marks of the writing direction",
      reachedBy({ system: "phone", value: "\u202a+1 123 456 7890\u202c" }),
      { telephone: "123-456-7890" },
    ],
    [
      "an e-mail address in capitals",
      reachedBy({ system: "email", value: "H@EXAMPLE.COM" }),
      { email: "H@EXAMPLE.COM" },
    ],
    [
      "an old phone before a current one",
      reachedBy({ system: "phone", use: "old", value: "123-456-0000" }, { system: "phone", value: "123-456-7890" }),
      { telephone: "123-456-7890" },
    ],
    [
      "a phone of rank 1 that ended",
      reachedBy(
        { system: "phone", rank: 1, value: "123-456-0000", period: { end: "2014" } },
        { system: "phone", value: "123-456-7890", rank: 18 },
      ),
      { telephone: "123-456-7890" },
    ],

    ["an SSN in digits", identifiedBy({ system: SSN, value: "123456789" }), { ssn: "123-45-6789" }],
    ["an SSN in blanks", identifiedBy({ system: SSN, value: "123 45 6789" }), { ssn: "123-45-6789" }],
    [
      "an SSN by its type, in a system of the sender's",
      identifiedBy({ system: "urn:hospital", type: { coding: [{ system: V2, code: "SS" }] }, value: "123456789" }),
      { ssn: "123-45-6789" },
    ],
    [
      "an SSN whose type is that of a beneficiary number",
      identifiedBy({ system: SSN, type: { coding: [{ system: V2, code: "SB" }] }, value: "123456789" }),
      { ssn: "123-45-6789" },
    ],
    [
      "an SSN after one that is none",
      identifiedBy({ system: SSN, value: "PSSN123121234" }, { system: SSN, value: "123-45-6789" }),
      { ssn: "123-45-6789" },
    ],
    [
      "a birth date with the time of birth",
      { _birthDate: valued("patient-birthTime", "x") },
      { date_of_birth: "1957-03-23" },
    ],
    ["a gender with an extension", { _gender: valued("genderIdentity", "x") }, { gender: "MALE" }],
    ["died", { deceasedDateTime: "2015-02-14T13:42:00+10:00" }, { given_name: "Henrick" }],
    [
      "a link to another record",
      { link: [{ other: { reference: "Patient/1" }, type: "seealso" }] },
      { gender: "MALE" },
    ],
  ])("%s", (_, parts, sent) => {
    const { demographics, faults } = map(parts);
    expect(faults).toEqual([]);
    expect(demographics).toMatchObject(sent);
  });
});

describe("what is left out, with a warning, where a Patient has", () => {
  it.each<[string, Parts, DemographicField, string]>([
    ["a local phone of seven digits", reachedBy({ system: "phone", value: "555-7334" }), "telephone", "unusable"],
    ["a phone of four digits", reachedBy({ system: "phone", value: "7777" }), "telephone", "unusable"],
    ["a phone of another country", reachedBy({ system: "phone", value: "+31 20 123 4567" }), "telephone", "unusable"],
    ["a phone with a trunk prefix", reachedBy({ system: "phone", value: "073 0075 3040" }), "telephone", "unusable"],
    ["a phone in letters", reachedBy({ system: "phone", value: "1-800-FLOWERS" }), "telephone", "unusable"],
    ["two phones in one", reachedBy({ system: "phone", value: "123-456-7890/7891" }), "telephone", "unusable"],
    [
      "an e-mail address as a phone",
      reachedBy({ system: "phone", value: "mailto://henrick@example.com" }),
      "telephone",
      "unusable",
    ],
    ["a number as an e-mail address", reachedBy({ system: "email", value: "89898989" }), "email", "unusable"],
    ["an SSN of eight digits", identifiedBy({ system: SSN, value: "12345679" }), "ssn", "unusable"],
    ["an SSN that begins with 9", identifiedBy({ system: SSN, value: "999-12-7509" }), "ssn", "unusable"],
    ["an SSN of zeros", identifiedBy({ system: SSN, value: "000-00-0000" }), "ssn", "unusable"],
    [
      "another number that is typed as an SSN",
      identifiedBy({ type: { coding: [{ system: "http://hl7.org/fhir/v2/0203", code: "SS" }] }, value: "577496" }),
      "ssn",
      "unusable",
    ],
  ])("%s", (_, parts, field, reason) => {
    const { demographics, report } = map(parts);
    expect(demographics).toBeDefined();
    expect(demographics?.[field]).toBeUndefined();
    expect(report.fields.find((fed) => fed.field === field)?.rivals.map((rival) => rival.reason)).toEqual([reason]);
    expect(report.warnings).toHaveLength(1);
  });

  it.each<[string, Parts]>([
    ["a phone without a number", reachedBy({ system: "phone", use: "home" })],
    ["a phone in parts, in extensions", reachedBy({ system: "phone", ...valued("contactpoint-local", "4567890") })],
    ["a number of no system", reachedBy({ value: "123-456-7890", use: "home" })],
    ["a system that is absent", reachedBy({ _system: DATA_ABSENT, value: "123-456-7890" })],
    ["a text phone", reachedBy({ system: "other", value: "123-456-7890" })],
    ["an SSN that is masked", identifiedBy({ system: SSN, _value: DATA_ABSENT })],
    ["a number of nine digits that nobody calls an SSN", identifiedBy({ value: "123456789" })],
  ])("nothing to use, and none is needed: %s", (_, parts) => {
    const { demographics, report } = map({ telecom: undefined, identifier: undefined, ...parts });
    expect(demographics).toBeDefined();
    expect([demographics?.telephone, demographics?.ssn]).toEqual([undefined, undefined]);
    expect(report.warnings).toEqual([]);
  });
});

describe("what is refused, with its element, is a Patient with", () => {
  it.each<[string, Parts, string[]]>([
    [
      "a name in one text",
      named({ use: "official", text: "\u5f20\u65e0\u5fcc" }),
      ["Patient.name[0].given", "Patient.name[0].family"],
    ],
    ["a family name alone", named({ family: "Testingson" }), ["Patient.name[0].given"]],
    ["a first name alone", named({ use: "usual", given: ["Henny"] }), ["Patient.name[0].family"]],
    [
      "a family name in extensions alone",
      named({ given: ["Henrick"], _family: valued("humanname-own-name", "Test") }),
      ["Patient.name[0].family"],
    ],
    ["a family name that shows nothing", named(testingson({ family: "\u200b" })), ["Patient.name[0].family"]],
    [
      "a first name that is absent",
      named(testingson({ given: [null], _given: [DATA_ABSENT] })),
      ["Patient.name[0].given"],
    ],
    ["names that have all ended", named(testingson({ period: { end: "2021-12-31" } })), ["Patient.name"]],
    ["no name", { name: undefined }, ["Patient.name"]],
    ["a birth year", { birthDate: "1970" }, ["Patient.birthDate"]],
    ["a birth date to come", { birthDate: "2053-11-07" }, ["Patient.birthDate"]],
    ["a gender that is unknown", { gender: "unknown" }, ["Patient.gender"]],
    ["a gender that is absent", { gender: undefined, _gender: DATA_ABSENT }, ["Patient.gender"]],
    ["an address without a ZIP", at({ ...HOME, postalCode: undefined }), ["Patient.address[0].postalCode"]],
    ["a ZIP without its first zero", at({ ...HOME, postalCode: "1234" }), ["Patient.address[0].postalCode"]],
    ["a ZIP that breaks off", at({ ...HOME, postalCode: "12345-" }), ["Patient.address[0].postalCode"]],
    ["a ZIP with a blank in it", at({ ...HOME, postalCode: "12345 6789" }), ["Patient.address[0].postalCode"]],
    ["a state by its FIPS number", at({ ...HOME, state: "37" }), ["Patient.address[0].state"]],
    ["a state with its country", at({ ...HOME, state: "US-MA" }), ["Patient.address[0].state"]],
    ["a state that is shortened by hand", at({ ...HOME, state: "Wash. D.C." }), ["Patient.address[0].state"]],
    [
      "an address of another country that does not say so",
      at({ ...HOME, state: "Vic", postalCode: "3999" }),
      ["Patient.address[0].postalCode", "Patient.address[0].state"],
    ],
    ["an address abroad", at({ ...HOME, country: "GBR" }), ["Patient.address[0].country"]],
    ["the country by its number", at({ ...HOME, country: "840" }), ["Patient.address[0].country"]],
    [
      "an address in one text",
      at({ text: "123 Mulberry Court, Roxbury" }),
      ["Patient.address[0].postalCode", "Patient.address[0].city", "Patient.address[0].state"],
    ],
    ["no address", { address: undefined }, ["Patient.address"]],
    ["a record that is not active", { active: false }, ["Patient.active"]],
  ])("%s", (_, parts, expressions) => {
    const { demographics, faults } = map(parts);
    expect(demographics).toBeUndefined();
    expect(faults.map(({ expression }) => expression)).toEqual(expressions);
  });
});
