import { describe, expect, it } from "vitest";
import { knownPath, withoutUnknownNames } from "../../../shared/fhir/known-names.ts";
import { validatePatient } from "../../../shared/fhir/validate-patient.ts";

describe("a path that repeats no unknown name", () => {
  it.each([
    ["Patient", "Patient"],
    ["Patient.name[0].given[1]", "Patient.name[0].given[1]"],
    ["Patient.name[0].period.start.extension[0].value.code", "Patient.name[0].period.start.extension[0].value.code"],
    ["Patient.children()[3].children()[0]", "Patient.children()[3].children()[0]"],
    ["Patient.deceased", "Patient.deceased"],
    ["Patient.TestingsonHenrick19570323", "Patient"],
    ["Patient.name[0].TestingsonHenrick[2].given[0]", "Patient.name[0]"],
    ["Patient.contained[0].TestingsonHenrick", "Patient.contained[0]"],
    ["Patient.toString", "Patient"],
  ])("%s is %s", (expression, known) => expect(knownPath(expression)).toBe(known));
});

describe("a fault that repeats no unknown name", () => {
  it("tells of an unknown element without its name, and of others as they are", () => {
    const faults = validatePatient({
      resourceType: "Patient",
      TestingsonHenrick19570323: "x",
      contact: [{ Testingson: 1 }],
      gender: "man",
      contained: [{ resourceType: "Patient", id: "a", deceasedTestingson: true }],
    });
    expect(JSON.stringify(faults)).toMatch(/TestingsonHenrick19570323.*Testingson/);
    const told = faults.map(withoutUnknownNames);
    expect(JSON.stringify(told)).not.toContain("Testingson");
    expect(told.map(({ expression }) => expression)).toEqual(
      faults.map(({ expression = "" }) => expression.replace(/\.\w*Testingson\w*$/, "")),
    );
    expect(told.filter(({ expression }) => expression === "Patient.gender")).toEqual(
      faults.filter(({ expression }) => expression === "Patient.gender"),
    );
  });
});
