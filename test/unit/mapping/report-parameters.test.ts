import fc from "fast-check";
import type { ParametersParameter, Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { demographicsParameter, reportParameters } from "../../../shared/mapping/report-parameters.ts";
import { unusedLeaves } from "../../../shared/mapping/unused-leaves.ts";
import { HENRICK, registrablePatients, TODAY } from "./made-up-patients.ts";

function parametersOf(patient: Patient): ParametersParameter[] {
  const result = patientToParticle(patient, { today: TODAY });
  return [
    ...(result.demographics ? [demographicsParameter(result.demographics)] : []),
    ...reportParameters(result.report.fields, unusedLeaves(patient, result)),
  ];
}

const named = (parameters: readonly ParametersParameter[], name: string) =>
  parameters.filter((parameter) => parameter.name === name);

describe("the report as parameters", () => {
  it("gives the demographics as Particle would be sent them, but for the digits of the SSN", () => {
    expect(demographicsParameter(patientToParticle(HENRICK, { today: TODAY }).demographics!)).toEqual({
      name: "demographics",
      part: [
        { name: "given_name", valueString: "Henrick" },
        { name: "family_name", valueString: "Testingson" },
        { name: "date_of_birth", valueDate: "1957-03-23" },
        { name: "gender", valueString: "MALE" },
        { name: "postal_code", valueString: "12345" },
        { name: "address_city", valueString: "Roxbury" },
        { name: "address_state", valueString: "MA" },
        { name: "address_lines", valueString: "123 Mulberry Court" },
        { name: "ssn", valueString: "***-**-****" },
        { name: "telephone", valueString: "123-456-7890" },
        { name: "email", valueString: "henrick@example.com" },
      ],
    });
  });

  it("has every field once, and every leaf of the Patient either as a source or as unused", () => {
    fc.assert(
      fc.property(registrablePatients, (patient) => {
        const parameters = parametersOf(patient);
        const { report } = patientToParticle(patient, { today: TODAY });
        const parts = (name: string) =>
          named(parameters, "field").flatMap(({ part = [] }) => part.filter((one) => one.name === name));
        expect(parts("field").map(({ valueCode }) => valueCode)).toEqual(report.fields.map(({ field }) => field));
        const leaves = unusedLeaves(patient, { report, faults: [] });
        expect(named(parameters, "unused").map(({ part }) => [part?.[0]?.valueString, part?.[1]?.valueCode])).toEqual(
          leaves.map(({ expression, reason }) => [expression, reason]),
        );
        expect(parts("source").map(({ valueString }) => valueString)).toEqual(
          report.fields.flatMap(({ sources }) => sources),
        );
      }),
      { numRuns: 50 },
    );
  });

  it("never holds the digits of an SSN", () => {
    const identifiers = [
      { system: "http://hl7.org/fhir/sid/us-ssn", value: " 541239876 " },
      { system: "http://hl7.org/fhir/sid/us-ssn", value: "541-23-9876", type: { text: "541-23-9876" } },
      { type: { text: "SSN 541-23-9876" }, value: "541-23-9876", assigner: { display: "541239876" } },
    ];
    const parameters = parametersOf({ ...HENRICK, identifier: identifiers });
    expect(JSON.stringify(parameters)).toContain("***-**-****");
    expect(JSON.stringify(parameters)).not.toMatch(/541|9876/);
  });

  it.each([
    ["many leaves", { name: Array.from({ length: 40 }, () => ({ given: Array.from({ length: 1000 }, () => "a") })) }],
    [
      "many lines",
      { address: [{ ...HENRICK.address![0], line: Array.from({ length: 1000 }, () => '" '.repeat(300)) }] },
    ],
    ["one long line", { address: [{ ...HENRICK.address![0], line: [` ${'"'.repeat(490_000)}`] }] }],
    [
      "many rivals",
      {
        name: [...HENRICK.name!, ...Array.from({ length: 999 }, () => ({ use: "old" as const, family: "a" }))],
        telecom: Array.from({ length: 1000 }, () => ({ system: "phone" as const, value: "1" })),
      },
    ],
    ["deep leaves", { contact: Array.from({ length: 900 }, () => nested(60)) }],
  ])("fits into one answer of Lambda, also pretty-printed: %s", (_, changes) => {
    const patient = { ...HENRICK, ...changes } as Patient;
    expect(JSON.stringify(patient).length).toBeLessThanOrEqual(1_000_000);
    const parameters = parametersOf(patient);
    const answer = JSON.stringify(JSON.stringify({ resourceType: "Parameters", parameter: parameters }, null, 2));
    expect(Buffer.byteLength(answer)).toBeLessThan(5.5 * 1024 * 1024);
  });

  it("says how much it leaves out", () => {
    const given = Array.from({ length: 1000 }, () => "a");
    const patient = { ...HENRICK, name: [...HENRICK.name!, ...Array.from({ length: 20 }, () => ({ given }))] };
    const parameters = parametersOf(patient);
    const leaves = unusedLeaves(patient, patientToParticle(patient, { today: TODAY }));
    const unused = named(parameters, "unused").length;
    expect(unused).toBeGreaterThan(5_000);
    expect(named(parameters, "left-out")).toEqual([{ name: "left-out", valueInteger: leaves.length - unused }]);
  });

  it("shortens what is long before and after a normalisation, without breaking a character", () => {
    const family = ` ${"😀".repeat(2_000)}`;
    const [field] = parametersOf({ ...HENRICK, name: [{ family, given: ["Henrick"] }] }).filter(({ part }) =>
      part?.some(({ valueCode }) => valueCode === "family_name"),
    );
    const texts = field?.part?.find(({ name }) => name === "normalisation")?.part?.slice(1) ?? [];
    expect(texts.map(({ name }) => name)).toEqual(["before", "after"]);
    for (const { valueString = "" } of texts) {
      expect(valueString.isWellFormed()).toBe(true);
      expect(valueString).toMatch(/^ ?(😀){499,500}.?…$/u);
    }
  });
});

function nested(depth: number): object {
  return depth === 0 ? { x: "a" } : { extension: [nested(depth - 1)] };
}
