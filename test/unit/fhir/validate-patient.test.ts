import { describe, expect, it } from "vitest";
import type { Fault } from "../../../shared/failure/failure.ts";
import { validatePatient } from "../../../shared/fhir/validate-patient.ts";

type Json = Record<string, unknown>;

const div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Henrick <b>Testingson</b></p></div>';
const valid: Json = {
  resourceType: "Patient",
  id: "henrick-1",
  meta: { lastUpdated: "2026-01-02T03:04:05.678Z", profile: ["http://example.org/profile"] },
  text: { status: "generated", div },
  contained: [{ resourceType: "Organization", id: "clinic", name: "Clinic" }],
  extension: [
    { url: "http://example.org/race", extension: [{ url: "text", valueString: "A" }] },
    { url: "http://example.org/age", valueAge: { value: 3, system: "http://unitsofmeasure.org", code: "a" } },
  ],
  identifier: [{ use: "usual", system: "http://example.org/mrn", value: "1", period: { start: "2001-05-06" } }],
  active: true,
  name: [
    {
      use: "official",
      family: "Testingson",
      given: ["Henrick", null],
      _given: [null, { extension: [{ url: "a", valueCode: "masked" }] }],
    },
  ],
  telecom: [{ system: "phone", value: "123-456-7890", use: "home", rank: 1 }],
  gender: "male",
  birthDate: "1972-02-29",
  _birthDate: { extension: [{ url: "http://example.org/time", valueDateTime: "1972-02-29T10:00:00+01:00" }] },
  deceasedBoolean: false,
  address: [{ line: ["1 Main St"], city: "Springfield", state: "MA", postalCode: "01109" }],
  contact: [{ name: { family: "Testingson" }, gender: "female" }],
  managingOrganization: { reference: "#clinic" },
  link: [{ other: { reference: "Patient/2" }, type: "seealso" }],
};

const brief = (faults: readonly Fault[]) => faults.map((fault) => `${fault.code} ${fault.expression}`);
const faultsWith = (change: Json) => brief(validatePatient({ ...valid, ...change }));

describe("a valid Patient", () => {
  it("has no fault", () => expect(validatePatient(valid)).toEqual([]));
  it("may hold nothing but its type", () => expect(validatePatient({ resourceType: "Patient" })).toEqual([]));
  it.each<[string, Json]>([
    ["a birth date without a day", { birthDate: "1972-02" }],
    ["a birth date that is only an extension", { birthDate: undefined }],
    ["blanks around a name", { name: [{ family: " Testingson " }] }],
    ["brackets in a name", { name: [{ text: "<unknown> <henrick@example.org> a < b" }] }],
    ["a leap second", { meta: { lastUpdated: "2016-12-31T23:59:60Z" } }],
    ["a period whose ends cannot be compared", { name: [{ text: "A", period: { start: "2020", end: "2020-03-01" } }] }],
    [
      "a date and a time of nearly the same moment",
      {
        name: [{ text: "A", period: { start: "2020-01-02", end: "2020-01-01T12:00:00Z" } }],
      },
    ],
    ["text alone for a concept", { maritalStatus: { text: "married" } }],
    [
      "a link to the resource around",
      {
        contained: [{ resourceType: "Patient", id: "twin", link: [{ other: { reference: "#" }, type: "refer" }] }],
        managingOrganization: undefined,
      },
    ],
  ])("may have %s", (_case, change) => expect(faultsWith(change)).toEqual([]));
});

describe("what is no Patient", () => {
  it.each([null, 1, "x", [valid]])("is one fault: %j", (value) => {
    expect(brief(validatePatient(value))).toEqual(["structure Patient"]);
  });
  it.each([undefined, "", "Person", 1, { a: 1 }])("names another type or none: %j", (resourceType) => {
    expect(faultsWith({ resourceType, birthDate: "x" })).toEqual(["structure Patient.resourceType"]);
  });
});

describe("one planted fault", () => {
  it.each<[string, Json, string]>([
    ["an unknown element", { nickname: "H" }, "structure Patient.children()[18]"],
    ["an element in the wrong case", { birthdate: "1972-02-29" }, "structure Patient.children()[18]"],
    ["a choice with an unknown type", { deceasedDate: "2020-01-01" }, "structure Patient.children()[18]"],
    [
      "an unknown element inside a type",
      { name: [{ given: ["H"], surname: "T" }] },
      "structure Patient.name[0].children()[1]",
    ],
    [
      "a resourceType inside an element",
      { name: [{ text: "H", resourceType: "Patient" }] },
      "structure Patient.name[0].resourceType",
    ],
    ["the twin of what cannot be extended", { _id: { id: "x" } }, "structure Patient.id"],
    ["__proto__ as a name", JSON.parse('{"__proto__": {"a": 1}}'), "structure Patient.children()[18]"],
    ["an object for an array", { name: { family: "T" } }, "structure Patient.name"],
    ["a string for an array", { name: [{ given: "Henrick" }] }, "structure Patient.name[0].given"],
    ["an array for one value", { name: [{ family: ["T"] }] }, "structure Patient.name[0].family"],
    ["an array for one object", { maritalStatus: [{ text: "A" }] }, "structure Patient.maritalStatus"],
    ["an array in an array", { name: [[{ family: "T" }]] }, "structure Patient.name[0]"],
    ["an empty array", { name: [] }, "structure Patient.name"],
    ["an empty object", { name: [{}] }, "invariant Patient.name[0]"],
    ["an element with an id alone", { name: [{ id: "a" }] }, "invariant Patient.name[0]"],
    ["an empty string", { name: [{ family: "" }] }, "value Patient.name[0].family"],
    ["null for a value", { gender: null }, "structure Patient.gender"],
    ["null for an object", { maritalStatus: null }, "structure Patient.maritalStatus"],
    ["null for an array", { name: null }, "structure Patient.name"],
    ["null in an array of objects", { name: [{ family: "T" }, null] }, "structure Patient.name[1]"],
    ["null in an array of primitives", { name: [{ given: ["H", null] }] }, "structure Patient.name[0].given[1]"],
    [
      "null on both sides",
      { name: [{ given: ["H", null], _given: [{ id: "a" }, null] }] },
      "structure Patient.name[0].given[1]",
    ],
    [
      "two arrays of different lengths",
      { name: [{ given: ["H", "T"], _given: [{ id: "a" }] }] },
      "structure Patient.name[0].given",
    ],
    ["an id alone where there is no value", { gender: undefined, _gender: { id: "a" } }, "invariant Patient.gender"],
    ["an empty twin", { _gender: {} }, "invariant Patient.gender"],
    ["an unknown element in a twin", { _gender: { id: "a", value: "male" } }, "structure Patient.gender.value"],
    [
      "a bad extension of a primitive",
      { _gender: { extension: [{ valueString: "a" }] } },
      "required Patient.gender.extension[0].url",
    ],
    ["two types of one choice", { deceasedDateTime: "2020-01-01" }, "structure Patient.deceased"],
    [
      "two types of a choice, one only extended",
      { _deceasedDateTime: { extension: [{ url: "a", valueCode: "b" }] } },
      "structure Patient.deceased",
    ],
    ["a link without its type", { link: [{ other: { display: "A" } }] }, "required Patient.link[0].type"],
    ["a boolean in quotes", { active: "true" }, "structure Patient.active"],
    ["a number for a string", { name: [{ family: 7 }] }, "structure Patient.name[0].family"],
    ["an object for a primitive", { gender: { value: "male" } }, "structure Patient.gender"],
    ["a number for an object", { maritalStatus: 7 }, "structure Patient.maritalStatus"],
    ["a day that does not exist", { birthDate: "1973-02-29" }, "value Patient.birthDate"],
    ["a malformed id", { id: "bad id" }, "value Patient.id"],
    ["blanks in the id of an element", { name: [{ id: "a b", text: "A" }] }, "value Patient.name[0].id"],
    ["an id of 65 characters", { id: "a".repeat(65) }, "value Patient.id"],
    ["a code outside its value set", { gender: "Male" }, "code-invalid Patient.gender"],
    ["an extension with neither value nor extensions", { extension: [{ url: "a" }] }, "invariant Patient.extension[0]"],
    [
      "an extension with both",
      { extension: [{ url: "a", valueCode: "b", extension: [{ url: "c", valueCode: "d" }] }] },
      "invariant Patient.extension[0]",
    ],
    ["a value without its type", { extension: [{ url: "a", value: "b" }] }, "structure Patient.extension[0].value"],
    [
      "a fault in the value of an extension",
      { extension: [{ url: "a", valueHumanName: { given: [""] } }] },
      "value Patient.extension[0].value.given[0]",
    ],
    ["a half of a surrogate pair", { name: [{ text: "a\ud800" }] }, "value Patient.name[0].text"],
    ["a lost character", { name: [{ text: "Z\ufffd" }] }, "value Patient.name[0].text"],
    ["a control character", { name: [{ text: "a\u0000" }] }, "value Patient.name[0].text"],
    ["a script in a text", { name: [{ text: "H <script>x</script>" }] }, "value Patient.name[0].text"],
    [
      "a script in the narrative",
      { text: { status: "generated", div: div.replace("<p>", "<script>x</script><p>") } },
      "invariant Patient.text.div",
    ],
    [
      "a contained resource that nothing refers to",
      { managingOrganization: undefined },
      "invariant Patient.contained[0]",
    ],
    [
      "a reference to what is not contained",
      { generalPractitioner: [{ reference: "#other" }] },
      "invariant Patient.generalPractitioner[0]",
    ],
    ["too many entries", { name: Array.from({ length: 1001 }, () => ({ family: "T" })) }, "structure Patient.name"],
  ])("%s", (_case, change, expected) => expect(faultsWith(change)).toEqual([expected]));
});

describe("formats of primitives", () => {
  const faultsOfValue = (type: string, value: unknown) =>
    brief(validatePatient({ resourceType: "Patient", extension: [{ url: "a", [`value${type}`]: value }] }));
  it.each<[string, readonly unknown[], readonly unknown[]]>([
    [
      "Base64Binary",
      ["AAAA", "AA==", "AAA=", "AAAA\n BBBB", "AAAA".repeat(100_000)],
      ["A", "AAA", "A===", "AAAA=", "a_b-", "=AAA", " \n ", "AA AA"],
    ],
    ["Boolean", [true, false], ["true", 0]],
    ["Canonical", ["http://a/b|1.0"], ["a b"]],
    ["Code", ["a", "a b"], [" a", "a ", "a  b", "\t"]],
    [
      "Date",
      ["1972", "1972-12", "1972-12-31", "2000-02-29"],
      ["72", "1972-13", "1972-00", "1900-02-29", "2026-04-31", "1972-1-1", "0000", "1972-12-31T00:00:00Z", "19721231"],
    ],
    [
      "DateTime",
      ["1972", "1972-12-31", "1972-12-31T24:00:00Z".replace("24", "23"), "1972-12-31T10:00:00.123+14:00"],
      [
        "1972-12-31T24:00:00Z",
        "1972-12-31T10:00Z",
        "1972-12-31T10:00:00",
        "1972-02-30T10:00:00Z",
        "1972-12-31T10:00:00+14:30",
        "1972-12-31 10:00:00Z",
        "1972-12T10:00:00Z",
      ],
    ],
    ["Decimal", [0, -1.5, 1e20], ["1", Number.POSITIVE_INFINITY]],
    ["Id", ["a-B.9"], ["a_b", "ä"]],
    ["Instant", ["2026-01-01T00:00:00Z"], ["2026-01-01", "2026-01-01T00:00:00"]],
    ["Integer", [-2_147_483_648, 0, 2_147_483_647], [1.5, 2_147_483_648, "1"]],
    ["UnsignedInt", [0], [-1]],
    ["PositiveInt", [1], [0]],
    ["Oid", ["urn:oid:2.16.840"], ["2.16.840", "urn:oid:3.1", "urn:oid:1.02"]],
    ["Time", ["23:59:59", "10:00:00.5"], ["24:00:00", "10:00", "10:00:00Z"]],
    ["Uri", ["urn:x:y", "a"], ["a b", "\u00a0"]],
    ["Url", ["http://a"], ["http://a b"]],
    [
      "Uuid",
      ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
      ["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"],
    ],
    ["Markdown", ["# a <b>"], ["<iframe src='x'>"]],
  ])("%s", (type, good, bad) => {
    for (const value of good)
      expect(faultsOfValue(type, value), `${type} takes ${String(value).slice(0, 40)}`).toEqual([]);
    for (const value of bad) {
      const faults = faultsOfValue(type, value);
      expect(faults, `${type} refuses ${String(value)}`).toHaveLength(1);
      expect(faults[0]).toMatch(/^(value|structure) Patient\.extension\[0\]\.value$/);
    }
  });
});

describe("contained resources", () => {
  const contained = (resource: unknown) => faultsWith({ contained: [(valid["contained"] as unknown[])[0], resource] });
  const other = (change: Json) =>
    contained({ resourceType: "Group", id: "g", member: [{ entity: { reference: "#" } }], ...change });
  it.each<[string, Json, string[]]>([
    ["of another type are checked for their shape only", { anything: [{ goes: 1 }] }, []],
    ["have a type", { resourceType: "Clinic" }, ["structure Patient.contained[1].resourceType"]],
    ["have a sound id", { id: "a b" }, ["value Patient.contained[1].id"]],
    ["contain nothing (dom-2)", { contained: [{}] }, ["invariant Patient.contained[1].contained"]],
    [
      "have no version (dom-4)",
      { meta: { versionId: "1", lastUpdated: "2020-01-01T00:00:00Z" } },
      ["invariant Patient.contained[1].meta.versionId", "invariant Patient.contained[1].meta.lastUpdated"],
    ],
    [
      "have no security labels (dom-5)",
      { meta: { security: [{ code: "a" }] } },
      ["invariant Patient.contained[1].meta.security"],
    ],
    [
      "hold nothing empty",
      { a: "", b: [], c: {}, d: null, e: [null], f: ["f", null], _f: [null, null] },
      [
        "value Patient.contained[1].children()[3]",
        "structure Patient.contained[1].children()[4]",
        "invariant Patient.contained[1].children()[5]",
        "structure Patient.contained[1].children()[6]",
        "structure Patient.contained[1].children()[7][0]",
        "structure Patient.contained[1].children()[8][1]",
        "structure Patient.contained[1].children()[9][1]",
      ],
    ],
    ["may align null with what only the other array has", { f: ["f", null], _f: [null, { id: "a" }] }, []],
    [
      "keep to the JSON of any resource",
      JSON.parse('{"a": [[1]], "b": 1e999, "_c": "x", "D": 1, "__proto__": {"e": 1}, "constructor": {"f": "\\ud800"}}'),
      [
        "structure Patient.contained[1].children()[3][0]",
        "value Patient.contained[1].children()[4]",
        "structure Patient.contained[1].children()[5]",
        "structure Patient.contained[1].children()[6]",
        "structure Patient.contained[1].children()[7]",
        "value Patient.contained[1].children()[8].children()[0]",
      ],
    ],
    [
      "have sound elements where every resource has them",
      { language: 1, extension: [{ url: "a" }], meta: { tag: {} }, text: { status: "generated", div: "<div/>" } },
      [
        "structure Patient.contained[1].language",
        "invariant Patient.contained[1].extension[0]",
        "structure Patient.contained[1].meta.tag",
        "invariant Patient.contained[1].meta.tag",
        "invariant Patient.contained[1].text.div",
        "invariant Patient.contained[1].text.div",
      ],
    ],
    ["have ids of their own", { id: "clinic" }, ["value Patient.contained[1].id"]],
  ])("%s", (_rule, change, expected) => expect(other(change)).toEqual(expected));

  it("need a reference to them or from them (dom-3)", () => {
    expect(other({ member: undefined })).toEqual(["invariant Patient.contained[1]"]);
    expect(contained({ resourceType: "Group" })).toEqual(["invariant Patient.contained[1]"]);
  });
  it("are checked like any Patient if they are one", () => {
    const patient = { resourceType: "Patient", id: "p", link: [{ other: { reference: "#" }, type: "refer" }] };
    expect(contained({ ...patient, birthDate: "x", name: [{}], contact: [{ gender: "male" }] })).toEqual([
      "value Patient.contained[1].birthDate",
      "invariant Patient.contained[1].name[0]",
      "invariant Patient.contained[1].contact[0]",
    ]);
  });
  it("are of a type that can have instances", () => {
    expect(other({ resourceType: "DomainResource" })).toEqual(["structure Patient.contained[1].resourceType"]);
  });
  it("need no id if they refer to the resource around them", () => {
    const group = { resourceType: "Group", member: [{ entity: { reference: "#" } }] };
    expect(faultsWith({ contained: [group, group], managingOrganization: undefined })).toEqual([]);
  });
  it("are objects in an array", () => {
    expect(contained("x")).toEqual(["structure Patient.contained[1]"]);
    expect(faultsWith({ contained: { resourceType: "Group" }, managingOrganization: undefined })).toEqual([
      "structure Patient.contained",
    ]);
  });
});

describe("a reference", () => {
  const organization = (reference: Json) => faultsWith({ contained: undefined, managingOrganization: reference });
  it.each([
    { reference: "Organization/1" },
    { reference: "https://example.org/fhir/Organization/1/_history/2" },
    { reference: "urn:uuid:c757873d-ec9a-4326-a141-556f43239520" },
    { reference: "https://example.org/Unknown/1" },
    { identifier: { value: "1" }, type: "Organization" },
    { display: "Clinic" },
  ])("may be %o", (reference) => expect(organization(reference)).toEqual([]));
  it.each<[Json, string]>([
    [{ reference: "Patient/1" }, "reference"],
    [{ reference: "https://example.org/fhir/Practitioner/1/_history/2" }, "reference"],
    [{ reference: "#" }, "reference"],
    [{ identifier: { value: "1" }, type: "Location" }, "type"],
  ])("may not be to what the element cannot refer to: %o", (reference, name) => {
    expect(organization(reference)).toEqual([`value Patient.managingOrganization.${name}`]);
  });
  it("may not be to a contained resource of another type either", () => {
    const contained = [{ resourceType: "Location", id: "clinic" }];
    expect(faultsWith({ contained })).toEqual(["value Patient.managingOrganization.reference"]);
  });
  it("of an extension may be to any", () => {
    expect(faultsWith({ extension: [{ url: "a", valueReference: { reference: "Location/1" } }] })).toEqual([]);
  });
});

describe("a long text", () => {
  it.each<[string, string]>([
    ["Base64Binary", `AAAA${" ".repeat(200_000)}!`],
    ["Base64Binary", `${" ".repeat(200_000)}!`],
    ["Base64Binary", `${"AAAA ".repeat(100_000)}!`],
    ["Code", `${"a ".repeat(100_000)} `],
    ["Oid", `urn:oid:1${".1".repeat(100_000)}x`],
    ["Instant", `2020-01-01T10:00:00.${"1".repeat(200_000)}x`],
  ])("is judged in linear time: %s", (type, value) => {
    const started = performance.now();
    expect(
      brief(validatePatient({ resourceType: "Patient", extension: [{ url: "a", [`value${type}`]: value }] })),
    ).toEqual(["value Patient.extension[0].value"]);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe("many faults", () => {
  it.each<[string, Json, string[]]>([
    ["of a list and what is in it", { name: { family: "" } }, ["structure Patient.name", "value Patient.name.family"]],
    [
      "of a list of primitives that is extended",
      { name: [{ given: ["", ""], _given: [{ id: "a" }, { id: "b" }] }] },
      ["value Patient.name[0].given[0]", "value Patient.name[0].given[1]"],
    ],
    [
      "of a value and its extension, when they are the same",
      { name: [{ family: ["T"], _family: [{ id: "a" }] }] },
      ["structure Patient.name[0].family"],
    ],
    [
      "of one element",
      { text: { status: "generated", div: "<div></div>" } },
      ["invariant Patient.text.div", "invariant Patient.text.div"],
    ],
  ])("%s are told once each", (_case, change, expected) => expect(faultsWith(change)).toEqual(expected));
  it("are all found at once, each with its expression", () => {
    expect(
      faultsWith({
        id: "a b",
        gender: "m",
        birthDate: "1972-02-30",
        deceasedDateTime: "2020-01-01",
        telecom: [{ value: "1" }, { system: "tel", value: "1", use: "mobile" }],
        contact: [{ relationship: [{ text: "A" }] }],
        link: [{}],
      }).sort(),
    ).toEqual([
      "code-invalid Patient.gender",
      "code-invalid Patient.telecom[1].system",
      "invariant Patient.contact[0]",
      "invariant Patient.link[0]",
      "invariant Patient.telecom[0]",
      "structure Patient.deceased",
      "value Patient.birthDate",
      "value Patient.id",
    ]);
  });
  it("are listed up to 100, and the last one says that there are more", () => {
    const faults = validatePatient({ ...valid, name: Array.from({ length: 1000 }, () => ({ family: "" })) });
    expect(faults).toHaveLength(101);
    expect(faults.at(-1)).toMatchObject({ severity: "error", code: "structure", expression: "Patient" });
    expect(faults.at(-1)?.diagnostics).toContain("Only the first 100");
  });
  it("that are exactly 100 need no such word", () => {
    const faults = validatePatient({ ...valid, name: Array.from({ length: 100 }, () => ({ family: "" })) });
    expect(faults).toHaveLength(100);
  });
  it("are not searched for in endless depth", () => {
    let extension: Json = { url: "a", valueCode: "b" };
    for (let depth = 0; depth < 100_000; depth++) extension = { url: "a", extension: [extension] };
    const faults = validatePatient({ ...valid, extension: [extension] });
    expect(faults).toHaveLength(1);
    expect(faults[0]?.diagnostics).toContain("64 deep");
    let list: unknown = "a";
    for (let depth = 0; depth < 100_000; depth++) list = { list: [list] };
    const contained = [{ resourceType: "Organization", id: "clinic", list }];
    expect(validatePatient({ ...valid, contained })).toHaveLength(1);
  });
});

describe("a message", () => {
  it("never repeats a value of the input, nor a name that may be one", () => {
    const secret = "Secretperson";
    const faults = validatePatient({
      resourceType: "Patient",
      id: `${secret} x`,
      gender: secret,
      birthDate: secret,
      [`${secret} 1972-01-01`]: 1,
      name: [{ use: secret, family: [secret], [`a.${secret}`]: 1 }],
      text: { status: secret, div: `<${secret}>` },
      active: secret,
      extension: [{ url: `${secret} `, valueDate: secret, valueTime: secret }],
      contained: [{ resourceType: secret, id: `${secret} x`, [`${secret} x`]: 1 }],
    });
    expect(faults.length).toBeGreaterThan(12);
    expect(JSON.stringify(faults)).not.toContain(secret);
  });
  it("offers the name that was meant", () => {
    const messages = (change: Json) => validatePatient({ ...valid, ...change }).map((fault) => fault.diagnostics);
    expect(messages({ managingorganization: 1 })).toEqual([
      "Write managingOrganization: names of elements are case-sensitive.",
    ]);
    expect(messages({ deceasedDate: 1 })[0]).toContain("deceasedBoolean or deceasedDateTime");
    expect(messages({ gender: "m" })[0]).toContain("male, female, other, unknown");
  });
});
