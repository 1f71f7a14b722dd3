import { describe, expect, it } from "vitest";
import { readListAnswer, readPatientAnswer } from "../../../shared/particle/answers.ts";

const documented = {
  given_name: "Henrick",
  family_name: "Testingson",
  date_of_birth: "1957-03-23",
  gender: "MALE",
  postal_code: "12345",
  ssn: "123-45-6789",
  telephone: "(234) 567-8910",
  email: "henrick@example.com",
  address_lines: ["123 Mulberry Court"],
  address_city: "Roxbury",
  address_state: "MA",
};

function patient(body: unknown) {
  return readPatientAnswer(JSON.stringify(body));
}

function list(body: unknown) {
  return readListAnswer(JSON.stringify(body));
}

describe("readPatientAnswer", () => {
  it("reads the documented answer of v1, which has no particle_patient_id", () => {
    expect(patient({ ...documented, patient_id: "p-1" })).toStrictEqual({
      understood: true,
      value: { patient_id: "p-1", demographics: documented },
    });
  });

  it("reads the particle_patient_id and ignores consent and what it does not know", () => {
    const more = { particle_patient_id: "pp-1", consent: null, purpose_of_use: "TREATMENT", nested: { a: [1] } };
    expect(patient({ ...documented, patient_id: "p-1", ...more })).toStrictEqual({
      understood: true,
      value: { patient_id: "p-1", particle_patient_id: "pp-1", demographics: documented },
    });
  });

  it.each([
    { as: "null", absent: null, lines: null },
    { as: "empty", absent: "", lines: [] },
    { as: "empty, with an empty line", absent: "", lines: ["", null] },
    { as: "missing", absent: undefined, lines: undefined },
  ])("leaves out optional fields that come $as", ({ absent, lines }) => {
    const body = {
      ...documented,
      patient_id: "p-1",
      particle_patient_id: absent,
      ssn: absent,
      telephone: absent,
      email: absent,
      address_lines: lines,
    };
    const { ssn: _ssn, telephone: _telephone, email: _email, address_lines: _lines, ...rest } = documented;
    expect(patient(body)).toStrictEqual({ understood: true, value: { patient_id: "p-1", demographics: rest } });
  });

  it.each([
    { body: { ...documented }, faults: "patient_id" },
    { body: { ...documented, patient_id: "" }, faults: "patient_id" },
    { body: { ...documented, patient_id: 7 }, faults: "patient_id" },
    { body: { patient_id: "p-1", given_name: { secret: "Henrick" } }, faults: "given_name" },
    { body: { patient_id: "p-1", address_lines: "123 Mulberry Court" }, faults: "address_lines" },
    { body: null, faults: "the body" },
    { body: "created", faults: "the body" },
    { body: [], faults: "patient_id" },
  ])("names the paths of what departs from it, no values: $faults", ({ body, faults }) => {
    expect(patient(body)).toStrictEqual({ understood: false, faults });
  });

  it("does not understand what is no JSON", () => {
    expect(readPatientAnswer("<html>It works")).toStrictEqual({ understood: false, faults: "the body" });
    expect(readPatientAnswer("")).toStrictEqual({ understood: false, faults: "the body" });
  });
});

describe("readListAnswer", () => {
  it.each([
    { body: { patients: ["a", "b"] }, value: { patient_ids: ["a", "b"] } },
    { body: { patients: ["a"], continuation_token: "t" }, value: { patient_ids: ["a"], continuation_token: "t" } },
    { body: { patients: ["a"], continuation_token: "" }, value: { patient_ids: ["a"] } },
    { body: { patients: ["a"], continuation_token: null }, value: { patient_ids: ["a"] } },
    { body: { patients: null }, value: { patient_ids: [] } },
    { body: { patients: [] }, value: { patient_ids: [] } },
    { body: { patients: ["b", "a", "b"] }, value: { patient_ids: ["b", "a"] } },
    {
      body: {
        patients: [
          { external_patient_id: "a", particle_patient_id: "pp-a", query_status: "COMPLETE" },
          { external_patient_id: "a", particle_patient_id: "pp-a", query_status: "FAILED" },
          { particle_patient_id: "pp-x" },
          { external_patient_id: null },
          { external_patient_id: "b" },
        ],
      },
      value: { patient_ids: ["a", "b"] },
    },
  ])("reads $body", ({ body, value }) => {
    expect(list(body)).toStrictEqual({ understood: true, value });
  });

  it.each([{}, { message: "ok" }, { patients: {} }, { patients: [7] }, { patients: [""] }, [], null])(
    "does not take %j for a list",
    (body) => {
      expect(list(body).understood).toBe(false);
    },
  );
});
