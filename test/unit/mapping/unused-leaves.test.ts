import fc from "fast-check";
import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { unusedLeaves } from "../../../shared/mapping/unused-leaves.ts";
import { validPatient } from "../../support/patient-arbitrary.ts";
import { DATA_ABSENT, HENRICK, patients, TODAY } from "./made-up-patients.ts";

/** Every leaf is in one of the two lists, once. */
function expectAllAccounted(patient: unknown) {
  const result = patientToParticle(patient as Patient, { today: TODAY });
  const paths = [
    ...result.report.fields.flatMap(({ sources }) => sources),
    ...unusedLeaves(patient as Patient, result).map(({ expression }) => expression),
  ];
  expect(new Set(paths).size).toBe(paths.length);
  expect(paths.length).toBe(leafCount(patient));
}

function leafCount(value: unknown): number {
  if (Array.isArray(value)) {
    return value.reduce((sum: number, entry) => sum + leafCount(entry), 0);
  }
  return typeof value === "object" && value !== null
    ? Object.entries(value).reduce((sum, [key, part]) => sum + (key === "resourceType" ? 0 : leafCount(part)), 0)
    : Number(value !== null && value !== undefined);
}

const reasonsOf = (parts: Readonly<Record<string, unknown>>) => {
  const patient = { ...HENRICK, ...parts } as Patient;
  const unused = unusedLeaves(patient, patientToParticle(patient, { today: TODAY }));
  return Object.fromEntries(unused.map(({ expression, reason }) => [expression, reason]));
};

describe("the leaves that feed nothing", () => {
  it("are listed with why", () => {
    expect(
      reasonsOf({
        id: "example",
        active: true,
        deceasedBoolean: false,
        _birthDate: { extension: [{ url: "urn:time", valueDateTime: "1957-03-23T14:00:00Z" }] },
        name: [
          { use: "official", family: "Testingson", given: ["Henrick", "Q.", " "], prefix: ["Dr."] },
          { use: "old", family: "Formerly" },
        ],
        identifier: [
          { system: "http://hl7.org/fhir/sid/us-ssn", value: "123-45-6789" },
          { system: "urn:mrn", value: "1" },
        ],
        telecom: [
          { system: "phone", value: "123-456-7890", rank: 1 },
          { system: "phone", value: "911" },
          { system: "fax", value: "123-456-7890" },
        ],
        contact: [{ name: { family: "Other" } }],
        link: [{ other: { reference: "Patient/1" }, type: "seealso" }],
      }),
    ).toEqual({
      "Patient.id": "not-carried",
      "Patient.active": "decided-only",
      "Patient.deceased": "not-carried",
      "Patient.birthDate.extension[0].url": "not-carried",
      "Patient.birthDate.extension[0].value": "not-carried",
      "Patient.name[0].use": "decided-only",
      "Patient.name[0].given[1]": "middle-name",
      "Patient.name[0].given[2]": "blank",
      "Patient.name[0].prefix[0]": "not-carried",
      "Patient.name[1].use": "old",
      "Patient.name[1].family": "old",
      "Patient.identifier[0].system": "decided-only",
      "Patient.identifier[1].system": "identifier",
      "Patient.identifier[1].value": "identifier",
      "Patient.telecom[0].system": "decided-only",
      "Patient.telecom[0].rank": "decided-only",
      "Patient.telecom[1].system": "unusable",
      "Patient.telecom[1].value": "unusable",
      "Patient.telecom[2].system": "not-carried",
      "Patient.telecom[2].value": "not-carried",
      "Patient.contact[0].name.family": "someone-else",
      "Patient.link[0].other.reference": "not-carried",
      "Patient.link[0].type": "decided-only",
      "Patient.address[0].use": "decided-only",
    });
  });

  it("are those that a Patient is refused for, too", () => {
    expect(
      reasonsOf({
        name: [{ text: "Henrick Testingson" }],
        address: [{ city: "Roxbury", state: "Zeeland" }],
        gender: "other",
        identifier: [],
        telecom: [],
        modifierExtension: [{ url: "urn:not", valueBoolean: true }],
      }),
    ).toEqual({
      "Patient.name[0].text": "faulty",
      "Patient.address[0].state": "faulty",
      "Patient.gender": "faulty",
      "Patient.modifierExtension[0].url": "faulty",
      "Patient.modifierExtension[0].value": "faulty",
    });
  });

  it("are found however deep the Patient is nested", () => {
    const depth = 50_000;
    const contained = JSON.parse(`${"[".repeat(depth)}1${"]".repeat(depth)}`);
    expect(Object.values(reasonsOf({ contained }))).toContain("not-carried");
  });

  it("are, with the sources, every leaf of any Patient exactly once: extensions, contained resources, gaps in lists", () => {
    fc.assert(
      fc.property(validPatient, (patient) => {
        expectAllAccounted(patient);
        expectAllAccounted({ ...patient, ...HENRICK });
      }),
      { numRuns: 60 },
    );
    fc.assert(fc.property(patients, expectAllAccounted));
  });

  it("are that, too, where lenient handling let malformed elements through", () => {
    const key = fc.constantFrom(
      ...["deceasedBoolean", "deceasedDateTime", "_deceasedBoolean", "language", "_language", "photo", "extension"],
      ...[
        "valueString",
        "valueCode",
        "_valueCode",
        "url",
        "a.b",
        "a",
        "b",
        "",
        "_",
        "__proto__",
        "constructor",
        "x[0]",
      ],
    );
    const odd = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<unknown>(null, true, 1, "", "text", {}, []),
        fc.array(tie("json"), { maxLength: 3 }),
        fc.array(fc.tuple(key, tie("json")), { maxLength: 6 }).map((parts) => Object.fromEntries(parts)),
      ),
    })).json;
    fc.assert(
      fc.property(fc.array(fc.tuple(key, odd), { maxLength: 8 }), (parts) => {
        expectAllAccounted({ ...HENRICK, ...Object.fromEntries(parts) });
      }),
      { numRuns: 300 },
    );
  });

  it("have no name in their path that may be a value", () => {
    expect(
      Object.keys(
        reasonsOf({
          communication: [{ "Henrick Testingson": "x", language: { text: "en" } }],
          deceasedBoolean: true,
          deceasedDateTime: "2020-01-01",
          language: "en",
          _language: "de",
        }),
      ).filter((path) => /^Patient\.(communication|deceased|language|children)/.test(path)),
    ).toEqual([
      "Patient.communication[0].children()[0]",
      "Patient.communication[0].language.text",
      "Patient.deceased",
      "Patient.children()[9]",
      "Patient.language",
      "Patient.children()[11]",
    ]);
  });

  it("say of a value that a data-absent-reason makes it absent", () => {
    const address = [{ ...HENRICK.address?.[0], line: ["123 Mulberry Court", "Apt 2"], _line: [null, DATA_ABSENT] }];
    expect(reasonsOf({ address })).toMatchObject({
      "Patient.address[0].line[1]": "data-absent",
      "Patient.address[0].line[1].extension[0].url": "not-carried",
    });
  });
});
