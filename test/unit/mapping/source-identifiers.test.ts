import fc from "fast-check";
import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { sourceIdentifiers } from "../../../shared/mapping/source-identifiers.ts";
import { DATA_ABSENT, patients } from "./made-up-patients.ts";

const systems = { patient_id: "urn:patient_id", particle_patient_id: "urn:particle_patient_id" };
const V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203";

const of = (...identifier: unknown[]) => sourceIdentifiers({ resourceType: "Patient", identifier } as Patient, systems);
const valuesOf = (...identifier: unknown[]) => of(...identifier).identifiers.map(({ value }) => value);

describe("the identifiers that are recorded", () => {
  it("keep system, value, use and the codes of their type, old and ended ones too", () => {
    const { identifiers } = of(
      {
        use: "old",
        type: { coding: [{ system: V2_0203, code: "MR", display: "Medical record number" }], text: "MRN" },
        system: "urn:b",
        value: " 2 ",
        period: { end: "2020" },
        assigner: { display: "Hospital" },
      },
      { system: "urn:a", value: "1", type: { text: "local" } },
      { value: "3" },
    );
    expect(identifiers).toEqual([
      { value: "3" },
      { system: "urn:a", value: "1" },
      { use: "old", type: { coding: [{ system: V2_0203, code: "MR" }] }, system: "urn:b", value: "2" },
    ]);
  });

  it.each([
    { system: "http://hl7.org/fhir/sid/us-ssn", value: "123-45-6789" },
    { system: "https://HL7.org/fhir/sid/us-ssn/", value: "123-45-6789" },
    { system: "urn:oid:2.16.840.1.113883.4.1", value: "123-45-6789" },
    { system: "2.16.840.1.113883.4.1", value: "123-45-6789" },
    { system: "http://hl7.org/fhir/sid/us-ssn", value: "999-45-6789" },
    { system: "urn:state", type: { coding: [{ system: V2_0203, code: "SS" }] }, value: "123-45-6789" },
    { type: { coding: [{ system: "http://hl7.org/fhir/v2/0203", code: "SS" }] }, value: "junk" },
    { type: { coding: [{ code: "MR" }, { code: "SS" }] }, value: "123-45-6789" },
    { system: "urn:a", type: { text: "SSN" }, value: "123456789" },
    { type: { coding: [{ display: "Social Security Number" }] }, value: "123456789" },
    { system: "urn:a", assigner: { display: "US Social Security Administration" }, value: "123456789" },
    { value: "123-45-6789" },
  ])("are never a Social Security number, such as %j", (ssn) => {
    expect(valuesOf(ssn)).toEqual([]);
  });

  it("are never one that repeats the number under another label", () => {
    const ssn = { system: "http://hl7.org/fhir/sid/us-ssn", value: "123-45-6789" };
    expect(valuesOf({ system: "urn:mrn", value: "123456789" }, ssn, { system: "urn:mrn", value: "123456780" })).toEqual(
      ["123456780"],
    );
    expect(valuesOf({ system: "urn:mrn", value: "n/a" }, { ...ssn, value: "n/a" })).toEqual(["n/a"]);
  });

  it("lack those without a value", () => {
    expect(
      valuesOf(
        { system: "urn:a" },
        { system: "urn:a", value: " " },
        { system: "urn:a", value: "1", _value: DATA_ABSENT },
        { system: "urn:a", value: "2", ...DATA_ABSENT },
        { system: "urn:a", value: 3 },
        null,
      ),
    ).toEqual([]);
  });

  it("come once each, with the better use and with a type if there is one", () => {
    const type = { coding: [{ system: V2_0203, code: "MR" }] };
    const { identifiers } = of(
      { system: "urn:a", value: "1", use: "old" },
      { system: "urn:a", value: "1", use: "official" },
      { system: "urn:a", value: "1", use: "official", type },
      { system: "urn:b", value: "1" },
    );
    expect(identifiers).toEqual([
      { system: "urn:a", value: "1", use: "official", type },
      { system: "urn:b", value: "1" },
    ]);
  });

  it("do not depend on the order in which they are sent", () => {
    const coding = fc.record({ code: fc.constantFrom("MR", "PI"), system: fc.constantFrom(V2_0203, "urn:types") });
    const identifier = fc.record({
      system: fc.constantFrom("urn:a", "urn:b", undefined),
      value: fc.constantFrom("1", "2", "123-45-6789"),
      use: fc.constantFrom("old", "usual", "official", undefined),
      type: fc.option(fc.record({ coding: fc.array(coding, { maxLength: 3 }) }), { nil: undefined }),
    });
    const both = fc
      .array(identifier, { maxLength: 8 })
      .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
    fc.assert(
      fc.property(both, ([list, shuffled]) => {
        expect(of(...shuffled)).toEqual(of(...list));
      }),
    );
  });

  it("are at most thirty different ones", () => {
    const many = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ system: "urn:a", value: `${index}` }));
    expect(of(...many(30), ...many(30)).faults).toEqual([]);
    expect(of(...many(31)).faults).toMatchObject([{ code: "too-costly", expression: "Patient.identifier" }]);
    expect(of({ value: "x".repeat(200_000) }).faults).toMatchObject([{ code: "too-costly" }]);
  });
});

describe("Particle's own ids in a Patient", () => {
  it("are told apart, with where they stand, and never recorded", () => {
    expect(
      of(
        { system: "urn:mrn", value: "1" },
        { system: "urn:patient_id", value: "p1" },
        { system: "urn:particle_patient_id", value: "pp1" },
        { system: "urn:patient_id", value: "p2", use: "old" },
      ),
    ).toEqual({
      identifiers: [{ system: "urn:mrn", value: "1" }],
      claimed: {
        patient_id: [
          { value: "p1", expression: "Patient.identifier[1]" },
          { value: "p2", expression: "Patient.identifier[3]" },
        ],
        particle_patient_id: [{ value: "pp1", expression: "Patient.identifier[2]" }],
      },
      faults: [],
    });
  });

  it("are looked for in any Patient without throwing", () => {
    fc.assert(
      fc.property(fc.oneof(patients, fc.record({ identifier: fc.jsonValue() })), (patient) => {
        sourceIdentifiers(patient as Patient, systems);
      }),
    );
  });
});
