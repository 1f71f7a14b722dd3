import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { DATA_ABSENT, HENRICK, TODAY } from "./made-up-patients.ts";

type Parts = Readonly<Record<string, unknown>>;

const henrickWith = (parts: Parts): Patient => ({ ...HENRICK, ...parts }) as Patient;
const map = (parts: Parts = {}) => patientToParticle(henrickWith(parts), { today: TODAY });
const demographicsOf = (parts: Parts) => map(parts).demographics;
const faultsOf = (parts: Parts) => map(parts).faults.map(({ code, expression }) => [code, expression]);
const warningsOf = (parts: Parts) => map(parts).report.warnings.map(({ expression }) => expression);
const fieldOf = (parts: Parts, name: string) => map(parts).report.fields.find(({ field }) => field === name);

const HOME = HENRICK.address?.[0] ?? {};
const NAME = HENRICK.name?.[0] ?? {};
const SSN_SYSTEM = "http://hl7.org/fhir/sid/us-ssn";
const V2_SS = { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: "SS" }] };

describe("the vendor's sample patient", () => {
  it("becomes the vendor's sample record", () => {
    expect(map()).toMatchObject({
      demographics: {
        given_name: "Henrick",
        family_name: "Testingson",
        date_of_birth: "1957-03-23",
        gender: "MALE",
        postal_code: "12345",
        ssn: "123-45-6789",
        email: "henrick@example.com",
        telephone: "123-456-7890",
        address_lines: ["123 Mulberry Court"],
        address_city: "Roxbury",
        address_state: "MA",
      },
      faults: [],
    });
  });

  it("is reported field by field", () => {
    const { report } = map();
    expect(Object.fromEntries(report.fields.map(({ field, sources }) => [field, sources]))).toEqual({
      given_name: ["Patient.name[0].given[0]"],
      family_name: ["Patient.name[0].family"],
      date_of_birth: ["Patient.birthDate"],
      gender: ["Patient.gender"],
      postal_code: ["Patient.address[0].postalCode"],
      address_city: ["Patient.address[0].city"],
      address_state: ["Patient.address[0].state"],
      address_lines: ["Patient.address[0].line[0]"],
      ssn: ["Patient.identifier[0].value"],
      telephone: ["Patient.telecom[0].value"],
      email: ["Patient.telecom[1].value"],
    });
    expect(report.warnings).toEqual([]);
  });

  it("needs neither telecom nor identifiers nor a street", () => {
    const { line: _, ...address } = HOME;
    expect(demographicsOf({ telecom: undefined, identifier: undefined, address: [address] })).toEqual({
      given_name: "Henrick",
      family_name: "Testingson",
      date_of_birth: "1957-03-23",
      gender: "MALE",
      postal_code: "12345",
      address_city: "Roxbury",
      address_state: "MA",
    });
  });

  it("may be deceased", () => {
    expect(faultsOf({ deceasedDateTime: "2020-01-01" })).toEqual([]);
  });
});

describe("the name", () => {
  const named = (family: string, more: Parts = {}) => ({ family, given: ["Henrick"], ...more });
  const familyOf = (...name: Parts[]) => demographicsOf({ name })?.family_name;

  it("is the official, else the usual, else one without use, a temporary, a nickname", () => {
    const ranked = ["official", "usual", undefined, "temp", "nickname"].map((use) => named(use ?? "none", { use }));
    for (let best = 0; best < ranked.length; best += 1) {
      expect(familyOf(...ranked.slice(best).reverse())).toBe(ranked[best]?.family);
    }
  });

  it("is a current one before one to come, then the one that began last", () => {
    const name = [
      named("Future", { period: { start: "2027-01-01" } }),
      named("Undated"),
      named("Earlier", { period: { start: "2019" } }),
      named("Later", { period: { start: "2020-06" } }),
    ];
    expect(familyOf(...name)).toBe("Later");
    expect(fieldOf({ name }, "family_name")?.rivals).toEqual([
      { expression: "Patient.name[0]", reason: "not-begun" },
      { expression: "Patient.name[1]", reason: "earlier-start" },
      { expression: "Patient.name[2]", reason: "earlier-start" },
    ]);
  });

  it("is never old, maiden, anonymous, ended, marked as absent or of an unknown use", () => {
    const name = [
      named("Old", { use: "old" }),
      named("Maiden", { use: "maiden" }),
      named("Anonymous", { use: "anonymous" }),
      named("Ended", { use: "official", period: { end: "2020" } }),
      named("Absent", { use: "official", ...DATA_ABSENT }),
      named("Unknown", { use: "constructor" }),
    ];
    expect(faultsOf({ name })).toEqual([["required", "Patient.name"]]);
    expect(fieldOf({ name }, "family_name")?.rivals.map(({ reason }) => reason)).toEqual([
      "old",
      "old",
      "anonymous",
      "ended",
      "data-absent",
      "unknown-use",
    ]);
  });

  it("is a less preferred one when the preferred one lacks a part", () => {
    const name = [{ use: "official", text: "Henrick Testingson" }, named("Testingson", { use: "nickname" })];
    expect(familyOf(...name)).toBe("Testingson");
    expect(fieldOf({ name }, "given_name")?.rivals).toEqual([{ expression: "Patient.name[0]", reason: "incomplete" }]);
  });

  it("is refused part by part, and never split out of text", () => {
    expect(faultsOf({ name: [{ text: "Henrick Testingson" }] })).toEqual([
      ["required", "Patient.name[0].given"],
      ["required", "Patient.name[0].family"],
    ]);
    expect(faultsOf({ name: [{ use: "nickname" }, { use: "official", family: "Testingson" }] })).toEqual([
      ["required", "Patient.name[1].given"],
    ]);
    expect(faultsOf({ name: [{ given: ["Henrick"], family: "  " }] })).toEqual([
      ["required", "Patient.name[0].family"],
    ]);
    expect(faultsOf({ name: undefined })).toEqual([["required", "Patient.name"]]);
  });

  it("takes the first given name, and no prefix or suffix", () => {
    const name = [{ family: "Testingson", given: [" Henrick ", "Q."], prefix: ["Dr."], suffix: ["Jr."] }];
    expect(demographicsOf({ name })).toMatchObject({ given_name: "Henrick", family_name: "Testingson" });
    expect(fieldOf({ name }, "given_name")?.normalisations).toEqual([
      { kind: "blanks-trimmed", before: " Henrick ", after: "Henrick" },
    ]);
  });

  it("does not take a middle name for a first name that is not told", () => {
    const name = [{ family: "Testingson", given: [null, "Q."], _given: [DATA_ABSENT, null] }];
    expect(faultsOf({ name })).toEqual([["required", "Patient.name[0].given"]]);
    expect(faultsOf({ name: [{ ...name[0], given: [" ", "Q."] }] })).toEqual([["required", "Patient.name[0].given"]]);
    expect(demographicsOf({ name: [{ family: "Testingson", given: [" ", "Henrick"] }] })?.given_name).toBe("Henrick");
  });

  it("is absent where data-absent-reason says so, whatever else is there", () => {
    expect(faultsOf({ name: [{ ...NAME, _family: DATA_ABSENT }] })).toEqual([["required", "Patient.name[0].family"]]);
  });

  it("is the first of two equals, with a warning when they differ", () => {
    const differing = { name: [named("One"), named("Two")] };
    expect(demographicsOf(differing)?.family_name).toBe("One");
    expect(warningsOf(differing)).toEqual(["Patient.name[1]"]);
    expect(fieldOf(differing, "family_name")?.rivals).toEqual([
      { expression: "Patient.name[1]", reason: "tie-decided-by-order" },
    ]);
    const same = { name: [named("One"), named("One ", { suffix: ["Jr."] })] };
    expect(warningsOf(same)).toEqual([]);
    expect(fieldOf(same, "family_name")?.rivals).toEqual([{ expression: "Patient.name[1]", reason: "same-value" }]);
  });
});

describe("the day", () => {
  it("is the one that it is told: the next one, a name that ended is used no more", () => {
    const married = {
      ...HENRICK,
      name: [
        { ...NAME, period: { end: TODAY } },
        { ...NAME, use: "usual", family: "New" },
      ],
    };
    const familyOn = (today: string) => patientToParticle(married as Patient, { today }).demographics?.family_name;
    expect([TODAY, "2026-11-23"].map(familyOn)).toEqual(["Testingson", "New"]);
  });
});

describe("two spellings that are one text in Unicode", () => {
  it("are one name: sent composed, told as a normalisation, and no tie", () => {
    const name = [
      { family: "Zoe\u0308son", given: ["Henrick"] },
      { family: "Zo\u00ebson", given: ["Henrick"] },
    ];
    expect(demographicsOf({ name })?.family_name).toBe("Zo\u00ebson");
    expect(demographicsOf({ name: name.toReversed() })?.family_name).toBe("Zo\u00ebson");
    expect(warningsOf({ name })).toEqual([]);
    expect(fieldOf({ name }, "family_name")).toMatchObject({
      rivals: [{ expression: "Patient.name[1]", reason: "same-value" }],
      normalisations: [{ kind: "characters-composed", before: "Zoe\u0308son", after: "Zo\u00ebson" }],
    });
  });
});

describe("a Patient of extremes", () => {
  it("is mapped in a moment with thousands of names", () => {
    const name = Array.from({ length: 5000 }, (_, index) => ({ family: `Family${index}`, given: ["Henrick"] }));
    const started = performance.now();
    expect(demographicsOf({ name })?.family_name).toBe("Family0");
    expect(fieldOf({ name }, "family_name")?.rivals).toHaveLength(4999);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it("is mapped in a moment with thousands of names beside a very long one", () => {
    const short = Array.from({ length: 3000 }, (_, index) => ({ family: `Family${index}`, given: ["Henrick"] }));
    const started = performance.now();
    expect(warningsOf({ name: [{ family: "F".repeat(300_000), given: ["Henrick"] }, ...short] })).toHaveLength(3000);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it.each([
    { name: [{ ...NAME, use: "__proto__" }] },
    { address: [{ ...HOME, state: "__proto__" }] },
    { gender: "constructor" },
  ])("takes no name of JavaScript's for a code: %j", (parts) => {
    expect(map(parts).faults).toHaveLength(1);
  });

  it("takes nothing from a key that is called __proto__", () => {
    const parts = JSON.parse('{"name": [{"__proto__": {"family": "Testingson", "given": ["Henrick"]}}]}');
    expect(faultsOf(parts)).toEqual([
      ["required", "Patient.name[0].given"],
      ["required", "Patient.name[0].family"],
    ]);
  });
});

describe("the birth date and the gender", () => {
  it.each([
    [{ birthDate: undefined }, "required", "Patient.birthDate"],
    [{ birthDate: "1957" }, "business-rule", "Patient.birthDate"],
    [{ birthDate: "1957-03" }, "business-rule", "Patient.birthDate"],
    [{ birthDate: "2026-11-23" }, "business-rule", "Patient.birthDate"],
    [{ _birthDate: DATA_ABSENT }, "required", "Patient.birthDate"],
    [{ gender: undefined }, "required", "Patient.gender"],
    [{ gender: "other" }, "business-rule", "Patient.gender"],
    [{ gender: "unknown" }, "business-rule", "Patient.gender"],
  ])("%j is refused as %s", (parts, code, expression) => {
    expect(faultsOf(parts)).toEqual([[code, expression]]);
  });
});

describe("the address", () => {
  const inCity = (city: string, more: Parts = {}) => ({ ...HOME, use: undefined, city, ...more });
  const cityOf = (...address: Parts[]) => demographicsOf({ address })?.address_city;

  it("is the home one, else one without use, a temporary, work, billing", () => {
    const ranked = ["home", undefined, "temp", "work", "billing"].map((use) => inCity(use ?? "none", { use }));
    for (let best = 0; best < ranked.length; best += 1) {
      expect(cityOf(...ranked.slice(best).reverse())).toBe(ranked[best]?.city);
    }
  });

  it("is a physical one before a postal one, a current one before one to come, then the latest", () => {
    const future = { start: "2027-01-01" };
    expect(cityOf(inCity("Postal", { type: "postal" }), inCity("Future", { type: "both", period: future }))).toBe(
      "Future",
    );
    expect(cityOf(inCity("Future", { period: future }), inCity("Now"))).toBe("Now");
    expect(cityOf(inCity("Undated"), inCity("Since", { period: { start: "2001" } }))).toBe("Since");
  });

  it("is complete and in the United States, however preferred another is", () => {
    const address = [
      inCity("Amsterdam", { use: "home", country: "NL", state: "NH", postalCode: "1012 AB" }),
      inCity("Utrecht", { use: "home", state: "Utrecht" }),
      inCity("Boston", { use: "home", postalCode: "2115" }),
      inCity("Roxbury", { use: "billing", type: "postal" }),
    ];
    expect(cityOf(...address)).toBe("Roxbury");
    expect(fieldOf({ address }, "address_city")?.rivals.map(({ reason }) => reason)).toEqual([
      "abroad",
      "incomplete",
      "incomplete",
    ]);
  });

  it("is refused with everything that the best one lacks", () => {
    expect(faultsOf({ address: [{ text: "123 Mulberry Court, Roxbury MA 12345" }] })).toEqual([
      ["required", "Patient.address[0].postalCode"],
      ["required", "Patient.address[0].city"],
      ["required", "Patient.address[0].state"],
    ]);
    expect(faultsOf({ address: [{ use: "work" }, { ...HOME, state: "Zeeland", postalCode: "2115" }] })).toEqual([
      ["business-rule", "Patient.address[1].postalCode"],
      ["business-rule", "Patient.address[1].state"],
    ]);
    expect(faultsOf({ address: [{ ...HOME, country: "NL" }] })).toEqual([
      ["business-rule", "Patient.address[0].country"],
    ]);
    expect(faultsOf({ address: undefined })).toEqual([["required", "Patient.address"]]);
    expect(faultsOf({ address: [{ ...HOME, use: "old" }] })).toEqual([["required", "Patient.address"]]);
    expect(faultsOf({ address: [{ ...HOME, period: { end: "2020" } }] })).toEqual([["required", "Patient.address"]]);
  });

  it("points to an address at home that lacks something rather than to one abroad", () => {
    const { city: _, ...incomplete } = HOME;
    expect(
      faultsOf({
        address: [
          { ...HOME, country: "NL" },
          { ...incomplete, use: "work" },
        ],
      }),
    ).toEqual([["required", "Patient.address[1].city"]]);
  });

  it("keeps its lines in order, without the blank and the absent ones", () => {
    const address = [{ ...HOME, line: ["Apt 2 ", " ", null, "1 Main St"], _line: [null, null, DATA_ABSENT, null] }];
    expect(demographicsOf({ address })?.address_lines).toEqual(["Apt 2", "1 Main St"]);
    expect(fieldOf({ address }, "address_lines")?.sources).toEqual([
      "Patient.address[0].line[0]",
      "Patient.address[0].line[3]",
    ]);
  });

  it("reports how its parts were normalised", () => {
    const address = [{ ...HOME, state: "massachusetts", postalCode: " 12345-6789" }];
    expect(fieldOf({ address }, "address_state")?.normalisations).toEqual([
      { kind: "state-name-abbreviated", before: "massachusetts", after: "MA" },
    ]);
    expect(fieldOf({ address }, "postal_code")?.normalisations).toEqual([
      { kind: "blanks-trimmed", before: " 12345-6789", after: "12345-6789" },
      { kind: "plus-four-dropped", before: "12345-6789", after: "12345" },
    ]);
  });
});

describe("the phone and the e-mail", () => {
  const phone = (last: number, more: Parts = {}) => ({ system: "phone", value: `123-456-789${last}`, ...more });
  const phoneOf = (...telecom: Parts[]) => demographicsOf({ telecom })?.telephone;

  it("is the one of the lowest rank, wherever it stands", () => {
    const unranked = phone(0, { use: "home" });
    expect(phoneOf(unranked, phone(2, { rank: 2 }), phone(1, { rank: 1, use: "work" }))).toBe("123-456-7891");
  });

  it("is mobile or home before none, work and temporary, a current one before one to come", () => {
    const mobile = phone(1, { use: "mobile" });
    expect(phoneOf(phone(4, { use: "temp" }), phone(3, { use: "work" }), phone(2), mobile)).toBe("123-456-7891");
    expect(phoneOf(phone(4, { use: "temp" }), phone(3, { use: "work" }), phone(2))).toBe("123-456-7892");
    expect(phoneOf(phone(1, { use: "home", period: { start: "2027" } }), phone(4, { use: "temp" }))).toBe(
      "123-456-7894",
    );
  });

  it("is an sms only where there is no usable phone", () => {
    const sms = { system: "sms", value: "234-567-8910", rank: 1 };
    expect(phoneOf(sms, phone(1, { use: "temp" }))).toBe("123-456-7891");
    expect(phoneOf(sms, phone(1, { use: "old" }))).toBe("234-567-8910");
    expect(phoneOf(sms, { system: "phone", value: "555-7334" })).toBe("234-567-8910");
    expect(
      phoneOf({ system: "fax", value: "123-456-7890" }, { system: "pager", value: "123-456-7890" }),
    ).toBeUndefined();
  });

  it("passes an unusable entry over, says so, and takes the next", () => {
    const telecom = [
      { system: "phone", use: "home", rank: 1, value: "911" },
      { system: "phone", use: "home" },
      phone(0, { use: "temp" }),
      { system: "email", value: "nobody" },
      { system: "email", value: "henrick@example.com", use: "work" },
    ];
    expect(demographicsOf({ telecom })).toMatchObject({ telephone: "123-456-7890", email: "henrick@example.com" });
    expect(warningsOf({ telecom })).toEqual(["Patient.telecom[0].value", "Patient.telecom[3].value"]);
    expect(fieldOf({ telecom }, "telephone")?.rivals).toEqual([
      { expression: "Patient.telecom[0]", reason: "unusable" },
      { expression: "Patient.telecom[1]", reason: "no-value" },
    ]);
  });

  it("is nobody else's", () => {
    expect(phoneOf()).toBeUndefined();
    expect(demographicsOf({ telecom: [], contact: [{ telecom: [phone(1)], name: NAME }] })?.telephone).toBeUndefined();
  });
});

describe("the Social Security number", () => {
  const ssnOf = (...identifier: Parts[]) => demographicsOf({ identifier })?.ssn;

  it.each([
    [{ system: SSN_SYSTEM, value: "123456789" }],
    [{ system: "urn:oid:2.16.840.1.113883.4.1", value: "123-45-6789" }],
    [{ system: "urn:state", type: V2_SS, value: "123-45-6789" }],
    [{ type: { coding: [{ system: "http://hl7.org/fhir/v2/0203", code: "SS" }] }, value: "123 45 6789" }],
  ])("is found in %j", (identifier) => {
    expect(ssnOf(identifier)).toBe("123-45-6789");
  });

  it.each([
    [{ system: "urn:mrn", value: "123-45-6789" }],
    [{ value: "123-45-6789" }],
    [{ system: "urn:mrn", type: { coding: [{ system: "urn:other", code: "SS" }] }, value: "123-45-6789" }],
    [{ system: SSN_SYSTEM, value: "123-45-6789", use: "old" }],
    [{ system: SSN_SYSTEM, value: "123-45-6789", period: { end: "2020" } }],
    [{ system: SSN_SYSTEM, value: "123-45-6789", _value: DATA_ABSENT }],
  ])("is not found in %j", (identifier) => {
    expect(ssnOf(identifier)).toBeUndefined();
  });

  it("is left out with a warning when it cannot have been assigned", () => {
    const identifier = [{ system: SSN_SYSTEM, value: "999-12-3456" }];
    expect(ssnOf(...identifier)).toBeUndefined();
    expect(warningsOf({ identifier })).toEqual(["Patient.identifier[0].value"]);
  });

  it("is the first of several that differ, with a warning", () => {
    const identifier = [
      { system: SSN_SYSTEM, value: "999-12-3456" },
      { type: V2_SS, value: "234-56-7890" },
      { system: SSN_SYSTEM, value: "123-45-6789", use: "official" },
      { system: SSN_SYSTEM, value: "234567890" },
    ];
    expect(ssnOf(...identifier)).toBe("234-56-7890");
    expect(warningsOf({ identifier })).toEqual(["Patient.identifier[0].value", "Patient.identifier[2]"]);
  });

  it("is a current one before one to come", () => {
    const toCome = { system: SSN_SYSTEM, value: "234-56-7890", period: { start: "2027" } };
    expect(ssnOf(toCome, { system: SSN_SYSTEM, value: "123-45-6789" })).toBe("123-45-6789");
  });

  it("never shows in the report", () => {
    const { report } = map({ identifier: [{ system: SSN_SYSTEM, value: " 123456789" }] });
    expect(report.fields.find(({ field }) => field === "ssn")?.normalisations).toEqual([
      { kind: "blanks-trimmed", before: " *********", after: "*********" },
      { kind: "punctuation-changed", before: "*********", after: "***-**-****" },
    ]);
    expect(JSON.stringify(report)).not.toContain("6789");
  });
});

describe("a record that is not to be registered", () => {
  it.each([
    [{ active: false }, "business-rule", "Patient.active"],
    [{ active: "false" }, "business-rule", "Patient.active"],
    [
      {
        link: [
          { other: { reference: "Patient/1" }, type: "seealso" },
          { other: { reference: "Patient/2" }, type: "replaced-by" },
        ],
      },
      "business-rule",
      "Patient.link[1].type",
    ],
    [{ implicitRules: "urn:rules" }, "extension", "Patient.implicitRules"],
    [{ modifierExtension: [{ url: "urn:not" }] }, "extension", "Patient.modifierExtension[0]"],
    [
      { contact: [{}, { modifierExtension: [{ url: "urn:x" }] }] },
      "extension",
      "Patient.contact[1].modifierExtension[0]",
    ],
    [
      { communication: [{ modifierExtension: [{ url: "urn:x" }] }] },
      "extension",
      "Patient.communication[0].modifierExtension[0]",
    ],
    [{ link: [{ modifierExtension: [{ url: "urn:x" }] }] }, "extension", "Patient.link[0].modifierExtension[0]"],
  ])("%j is refused as %s", (parts, code, expression) => {
    expect(faultsOf(parts)).toEqual([[code, expression]]);
  });

  it("says all that stands in the way at once", () => {
    const parts = { active: false, name: undefined, gender: "other", birthDate: "1957", address: undefined };
    expect(faultsOf(parts)).toEqual([
      ["business-rule", "Patient.active"],
      ["required", "Patient.name"],
      ["business-rule", "Patient.birthDate"],
      ["business-rule", "Patient.gender"],
      ["required", "Patient.address"],
    ]);
  });

  it("is not one that is active, replaces another, or has extensions of its own", () => {
    const link = [{ other: { reference: "Patient/1" }, type: "replaces" }];
    expect(faultsOf({ active: true, link, extension: [{ url: "urn:x" }], modifierExtension: [] })).toEqual([]);
    expect(faultsOf({ active: false, _active: DATA_ABSENT })).toEqual([]);
  });
});
