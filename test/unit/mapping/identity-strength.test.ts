import type { Identifier, Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import type { Demographics } from "../../../shared/mapping/demographics.ts";
import { identityStrength, identityStrengthIssue } from "../../../shared/mapping/identity-strength.ts";
import { DATA_ABSENT } from "./made-up-patients.ts";

const REQUIRED: Demographics = {
  given_name: "Henrick",
  family_name: "Testingson",
  date_of_birth: "1957-03-23",
  gender: "MALE",
  postal_code: "12345",
  address_city: "Roxbury",
  address_state: "MA",
};
const STREET = { address_lines: ["123 Mulberry Court"] };
const PHONE = { telephone: "123-456-7890" };
const EMAIL = { email: "henrick@example.com" };

const typed = (code: string, more: Partial<Identifier> = {}): Identifier => ({
  type: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code }] },
  system: "urn:assigner",
  value: "1",
  ...more,
});
const strengthOf = (more: Partial<Demographics>, ...identifier: unknown[]) =>
  identityStrength({ resourceType: "Patient", identifier } as Patient, { ...REQUIRED, ...more });

describe("the strength of an identity", () => {
  it.each([
    ["what Particle requires", {}, 5, undefined],
    ["a street line", STREET, 9, "L0"],
    ["a phone in place of the street", PHONE, 9, "L0"],
    ["a street line and a phone", { ...STREET, ...PHONE }, 10, "L1"],
    ["a street line and an e-mail address", { ...STREET, ...EMAIL }, 10, "L1"],
    ["all three, which weigh no more than two", { ...STREET, ...PHONE, ...EMAIL }, 10, "L1"],
    ["a whole SSN, which weighs nothing", { ...STREET, ssn: "123-45-6789" }, 9, "L0"],
  ])("with %s", (_, more, weight, level) => {
    expect(strengthOf(more)).toEqual({ weight, level });
  });

  it.each([
    ["a record number", [typed("MR")], 9, "L0"],
    ["two record numbers", [typed("MR"), typed("MR", { value: "2" })], 10, "L1"],
    ["a record number with an assigner", [typed("MR", { system: undefined, assigner: { display: "A" } })], 9, "L0"],
    ["a passport", [typed("PPN")], 15, "L1"],
    ["a driver's licence and a passport", [typed("DL"), typed("PPN")], 15, "L1"],
    ["three documents, which weigh no more than one", [typed("DL"), typed("PPN"), typed("STID")], 15, "L1"],
    [
      "a digital identifier",
      [{ system: "http://hl7.org/fhir/us/identity-matching/ns/HL7PersonIdentifier", value: "1" }],
      15,
      "L1",
    ],
  ])("counts %s", (_, identifiers, weight, level) => {
    expect(strengthOf({}, ...identifiers)).toEqual({ weight, level });
  });

  it.each([
    ["without a type", { system: "urn:assigner", value: "1" }],
    ["that nobody is said to have assigned", typed("MR", { system: undefined })],
    ["that is a passport of nobody", typed("PPN", { system: undefined })],
    ["without a value", typed("MR", { value: undefined })],
    ["that is old", typed("MR", { use: "old" })],
    ["that is absent", { ...typed("MR"), ...DATA_ABSENT }],
    ["that is an SSN", typed("SS")],
    ["of no shape", "1"],
  ])("does not count an identifier %s", (_, identifier) => {
    expect(strengthOf({}, identifier).weight).toBe(5);
  });

  it("is told as information, without a value of the person", () => {
    for (const more of [{}, STREET, { ...STREET, ...PHONE }]) {
      const issue = identityStrengthIssue(strengthOf(more));
      expect(issue).toMatchObject({ severity: "information", code: "informational" });
      expect(issue.diagnostics).toContain(`weighs ${strengthOf(more).weight},`);
      expect(issue.diagnostics).not.toMatch(/Henrick|Mulberry|123/);
    }
  });
});
