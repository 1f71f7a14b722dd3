import { describe, expect, it } from "vitest";
import { fhirPath } from "../../../shared/fhir/fhir-path.ts";
import { parseJson } from "../../../shared/fhir/json.ts";
import { validatePatient } from "../../../shared/fhir/validate-patient.ts";

describe("a path", () => {
  it.each([
    [["Patient"], "Patient"],
    [["Patient", "name", 0, "given", 1], "Patient.name[0].given[1]"],
    [["Patient", "_birthDate", "extension", 0, "value"], "Patient.birthDate.extension[0].value"],
    [["Patient", { name: "_gender", at: 2 }], "Patient.gender"],
    [["Bundle", "entry", 3, "request", "ifNoneExist"], "Bundle.entry[3].request.ifNoneExist"],
    [["Patient", { name: "Testingson", at: 3 }, 2, "given"], "Patient.children()[3][2].given"],
    [["Patient", "name", 0, { name: "Henrick Testingson", at: 1 }], "Patient.name[0].children()[1]"],
    [["Patient", { name: "toString", at: 1 }], "Patient.children()[1]"],
    [["Patient", "name", 0, "Testingson", "given", 0], "Patient.name[0]"],
  ] as const)("of %j is %s", (steps, path) => expect(fhirPath(steps)).toBe(path));
});

describe("a name that R4 does not know", () => {
  const odd = {
    resourceType: "Patient",
    TestingsonHenrick19570323: "x",
    "Henrick Testingson": "x",
    BIRTHDATE: "1957-03-23",
    contact: [{ Testingson: 1 }],
    gender: "man",
    extension: [{ url: "https://synthetic.example/a", valueTestingson: 1 }],
    contained: [
      { resourceType: "Patient", id: "a", deceasedTestingson: true },
      { resourceType: "Organization", id: "b", TestingsonName: [] },
      { resourceType: "Organization", id: "c", testingson: { "x y Testingson": 1, testingson: [null] } },
    ],
  };

  it("is repeated by no fault: the property is counted, and told what there is", () => {
    const faults = validatePatient(odd);
    expect(JSON.stringify(faults)).not.toMatch(/[Tt]estingson|BIRTHDATE/);
    const said = new Map(faults.map(({ expression, diagnostics }) => [expression, diagnostics]));
    expect(said.get("Patient.children()[1]")).toMatch(
      /^Property 2 of the object is no element of Patient.* birthDate, /,
    );
    expect(said.get("Patient.children()[2]")).toMatch(/^Property 3 /);
    expect(said.get("Patient.children()[3]")).toBe("Write birthDate: names of elements are case-sensitive.");
    expect(said.get("Patient.contact[0].children()[0]")).toMatch(/no element of Patient.contact .* gender, /);
    expect(said.get("Patient.extension[0].children()[1]")).toMatch(/write a name such as value/);
    expect(said.get("Patient.contained[0].children()[2]")).toMatch(
      /^Property 3 .* deceasedBoolean or deceasedDateTime/,
    );
    expect(said.get("Patient.contained[1].children()[2]")).toMatch(/^Remove property 3 /);
    expect(said.get("Patient.contained[2].children()[2].children()[0]")).toMatch(/^Remove property 1 /);
    expect(said.get("Patient.contained[2].children()[2].children()[1][0]")).toMatch(/^Give the element a value/);
    expect(said.has("Patient.gender")).toBe(true);
  });

  it("is judged as it was written where faults are told leniently", () => {
    const severities = validatePatient(odd, "lenient").map(({ expression, severity }) => [expression, severity]);
    expect(Object.fromEntries(severities)).toMatchObject({
      "Patient.children()[1]": "warning",
      "Patient.children()[2]": "error",
      "Patient.children()[3]": "error",
      "Patient.contact[0].children()[0]": "warning",
      "Patient.gender": "error",
    });
  });

  it("is not repeated where it stands twice", () => {
    const read = parseJson('{"resourceType": "Patient", "name": [{"Testingson": 1, "Testingson": 2}]}');
    expect(read).toMatchObject({ faults: [{ expression: "Patient.name[0]" }] });
  });

  it("is repeated where R4 has it elsewhere, for it is no data", () => {
    expect(validatePatient({ resourceType: "Patient", family: "x" })).toMatchObject([
      {
        expression: "Patient.family",
        diagnostics: expect.stringMatching(/^family is no element of Patient in FHIR R4/),
      },
    ]);
  });
});
