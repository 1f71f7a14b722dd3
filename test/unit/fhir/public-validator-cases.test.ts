import { describe, expect, it } from "vitest";
import type { Fault } from "../../../shared/failure/failure.ts";
import { parseJson } from "../../../shared/fhir/json.ts";
import { validatePatient } from "../../../shared/fhir/validate-patient.ts";
import { patientFaults } from "../../../shared/http/patient-body.ts";
import { errorsOf, otherValidators } from "../../support/other-validators.ts";

/**
 * What the tests of public FHIR libraries and servers hold about R4 Patients that are not valid, with Patients of our own:
 * the HL7 validator's test cases, Firely's .NET SDK, Google's FHIR library, Microsoft's FHIR server, FHIR Works on AWS.
 */
type Case = {
  readonly name: string;
  /**
   * `must`: it breaks the base specification. `should`: readers may differ. `strict`: only a strict reader refuses it.
   * `never`: it is valid without the profiles and the terminology that a profile-aware validator would bring.
   */
  readonly reject: "must" | "should" | "strict" | "never";
  /** Of the body: an object stands for its JSON. */
  readonly body: object | string | Uint8Array;
  /** Code and expression of each fault. */
  readonly faults: readonly string[];
  /** Whether lenient validation lets it pass. */
  readonly passesLeniently?: boolean;
};

const patient = (members: object) => ({ resourceType: "Patient", ...members });
const div = '<div xmlns="http://www.w3.org/1999/xhtml">Henrick</div>';
const SYNTAX = ["structure undefined"];

const cases: readonly Case[] = [
  { name: "a blank in the id", reject: "must", body: patient({ id: "bad-id 1" }), faults: ["value Patient.id"] },
  { name: "an empty id", reject: "must", body: patient({ id: "" }), faults: ["value Patient.id"] },
  {
    name: "an id of 65 characters",
    reject: "must",
    body: patient({ id: "a".repeat(65) }),
    faults: ["value Patient.id"],
  },
  { name: "a comma after the last member", reject: "must", body: '{"resourceType":"Patient",}', faults: SYNTAX },
  {
    name: "a comma after the last entry",
    reject: "must",
    body: '{"resourceType":"Patient","name":[{"family":"T"},]}',
    faults: SYNTAX,
  },
  {
    name: "no comma between members",
    reject: "must",
    body: '{"resourceType":"Patient" "gender":"male"}',
    faults: SYNTAX,
  },
  { name: "a brace that nothing closes", reject: "must", body: "{", faults: SYNTAX },
  { name: "a text after the resource", reject: "must", body: '{"resourceType":"Patient"}}', faults: SYNTAX },
  { name: "an array for a resource", reject: "must", body: [1, 2, 3], faults: ["structure Patient"] },
  {
    name: "a type of resource that does not exist",
    reject: "must",
    body: { resourceType: "Patient1" },
    faults: ["structure Patient.resourceType"],
  },
  {
    name: "an empty type of resource",
    reject: "must",
    body: { resourceType: "", id: "1" },
    faults: ["structure Patient.resourceType"],
  },
  { name: "no type of resource", reject: "must", body: { id: "1" }, faults: ["structure Patient.resourceType"] },
  { name: "an empty gender", reject: "must", body: patient({ gender: "" }), faults: ["value Patient.gender"] },
  {
    name: "an empty family name",
    reject: "must",
    body: patient({ name: [{ family: "" }] }),
    faults: ["value Patient.name[0].family"],
  },
  {
    name: "a boolean in quotes",
    reject: "must",
    body: patient({ active: "true" }),
    faults: ["structure Patient.active"],
  },
  {
    name: "a value of an extension without its type",
    reject: "must",
    body: patient({ extension: [{ url: "https://example.org/e", value: "x" }] }),
    faults: ["structure Patient.extension[0].value"],
    passesLeniently: true,
  },
  {
    name: "a primitive as an object with a value",
    reject: "must",
    body: patient({ gender: { value: "female" } }),
    faults: ["structure Patient.gender"],
  },
  {
    name: "an element in lower case",
    reject: "must",
    body: patient({ managingorganization: { reference: "Organization/1" } }),
    faults: ["structure Patient.children()[1]"],
    passesLeniently: true,
  },
  {
    name: "an element that does not exist",
    reject: "must",
    body: patient({ nickname: "H" }),
    faults: ["structure Patient.children()[1]"],
    passesLeniently: true,
  },
  {
    name: "family names as DSTU2 has them",
    reject: "must",
    body: patient({ name: [{ family: ["Testingson"], given: ["Henrick"] }] }),
    faults: ["structure Patient.name[0].family"],
  },
  {
    name: "two such names, and a narrative in no namespace",
    reject: "must",
    body: patient({ text: { status: "generated", div: "<div>H</div>" }, name: [{ family: ["A"] }, { family: ["B"] }] }),
    faults: ["invariant Patient.text.div", "structure Patient.name[0].family", "structure Patient.name[1].family"],
  },
  {
    name: "the family name of a contact as DSTU2 has it",
    reject: "must",
    body: patient({ contact: [{ name: { family: ["A"] } }] }),
    faults: ["structure Patient.contact[0].name.family"],
    passesLeniently: true,
  },
  {
    name: "an animal as STU3 has it",
    reject: "must",
    body: patient({ animal: { species: { text: "cat" } } }),
    faults: ["structure Patient.children()[1]"],
    passesLeniently: true,
  },
  {
    name: "an array where one object belongs",
    reject: "must",
    body: patient({ maritalStatus: [{ text: "A" }] }),
    faults: ["structure Patient.maritalStatus"],
    passesLeniently: true,
  },
  {
    name: "a line of an address without its array",
    reject: "must",
    body: patient({ address: [{ line: "123 Mulberry Court" }] }),
    faults: ["structure Patient.address[0].line"],
  },
  {
    name: "an extension without its url",
    reject: "should",
    body: patient({ extension: [{ valueString: "a" }] }),
    faults: ["required Patient.extension[0].url"],
    passesLeniently: true,
  },
  {
    name: "bytes that are no UTF-8",
    reject: "should",
    body: Buffer.concat([
      Buffer.from('{"resourceType":"Patient","name":[{"text":"'),
      Uint8Array.of(0xff),
      Buffer.from('"}]}'),
    ]),
    faults: ["value Patient.name[0].text"],
    // The text of a name feeds nothing: family and given do.
    passesLeniently: true,
  },
  {
    name: "a date that does not exist",
    reject: "should",
    body: patient({ birthDate: "1957-02-29" }),
    faults: ["value Patient.birthDate"],
  },
  {
    name: "a property twice",
    reject: "strict",
    body: '{"resourceType":"Patient","extension":[{"url":"a","url":"a"}]}',
    faults: ["structure Patient.extension[0].url"],
  },
  {
    name: "a script in a text",
    reject: "strict",
    body: patient({ name: [{ text: "Henrick <script>x</script>" }] }),
    faults: ["value Patient.name[0].text"],
    passesLeniently: true,
  },
  {
    name: "a script in the narrative",
    reject: "strict",
    body: patient({ text: { status: "generated", div: div.replace("Henrick", "<script>x</script>") } }),
    faults: ["invariant Patient.text.div"],
    passesLeniently: true,
  },
  {
    name: "a reference to another type",
    reject: "strict",
    body: patient({ managingOrganization: { reference: "Patient/1" } }),
    faults: ["value Patient.managingOrganization.reference"],
    passesLeniently: true,
  },
  {
    name: "an extension that belongs elsewhere",
    reject: "never",
    body: patient({
      meta: { extension: [{ url: "https://example.org/e", valueAnnotation: { text: "A" } }] },
      name: [{ text: "H" }],
    }),
    faults: [],
  },
  {
    name: "an extension whose url has a version",
    reject: "never",
    body: patient({ extension: [{ url: "https://example.org/e|4.0.0", valueString: "A" }] }),
    faults: [],
  },
  {
    name: "profiles that it does not conform to",
    reject: "never",
    body: patient({ meta: { profile: ["https://example.org/a", "https://example.org/b"] }, name: [{ family: "T" }] }),
    faults: [],
  },
  {
    name: "a date that only a profile refuses",
    reject: "never",
    body: patient({ birthDate: "2024-01-01" }),
    faults: [],
  },
  {
    name: "codes of a system that nobody knows",
    reject: "never",
    body: patient({ maritalStatus: { coding: [{ system: "https://example.org/s", code: "x" }] } }),
    faults: [],
  },
];

function faultsOf(body: Case["body"], validation: "strict" | "lenient"): readonly Fault[] {
  const text = body instanceof Uint8Array ? Buffer.from(body).toString("utf8") : body;
  const parsed = parseJson(typeof text === "string" ? text : JSON.stringify(text));
  return "faults" in parsed ? parsed.faults : patientFaults(parsed.value, { validation });
}

describe.each(["must", "should", "strict", "never"] as const)("what validators %s reject", (reject) => {
  it.each(cases.filter((one) => one.reject === reject))("$name", ({ body, faults, passesLeniently }) => {
    expect(faultsOf(body, "strict").map(({ code, expression }) => `${code} ${expression}`)).toEqual(faults);
    const isRefused = faultsOf(body, "lenient").some(({ severity }) => severity === "error");
    expect(isRefused).toBe(faults.length > 0 && !passesLeniently);
  });
});

/** Nine faults of a Patient that names, dates and codes can have, and who finds them. */
const planted: readonly [name: string, members: object, fault: string, alsoFoundBy: readonly string[]][] = [
  ["a malformed id", { id: "bad id" }, "value Patient.id", []],
  ["both types of deceased", { deceasedBoolean: true, deceasedDateTime: "2020" }, "structure Patient.deceased", []],
  ["a date that does not exist", { birthDate: "1957-02-30" }, "value Patient.birthDate", []],
  ["a gender of no code", { gender: "man" }, "code-invalid Patient.gender", ["fhir"]],
  ["an element that does not exist", { nickname: "H" }, "structure Patient.children()[2]", ["@medplum/core", "fhir"]],
  [
    "a link without its type",
    { link: [{ other: { display: "A" } }] },
    "required Patient.link[0].type",
    ["@medplum/core", "fhir"],
  ],
  ["a contact of nobody (pat-1)", { contact: [{ gender: "male" }] }, "invariant Patient.contact[0]", ["@medplum/core"]],
  [
    "an extension of nothing (ext-1)",
    { extension: [{ url: "https://example.org/e" }] },
    "invariant Patient.extension[0]",
    ["@medplum/core"],
  ],
  ["an array without entries", { name: [] }, "structure Patient.name", []],
];

describe("nine planted faults", () => {
  it.each(planted)("%s", (_name, members, fault, alsoFoundBy) => {
    const faulty = patient({ active: true, ...members });
    expect(validatePatient(faulty).map(({ code, expression }) => `${code} ${expression}`)).toEqual([fault]);
    expect(otherValidators.filter((other) => errorsOf[other](faulty).length > 0)).toEqual(alsoFoundBy);
  });
});
