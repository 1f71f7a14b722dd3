import { describe, expect, it } from "vitest";
import { isMappedElement } from "../../../shared/fhir/mapped-elements.ts";

describe("an element", () => {
  it.each([
    "Patient",
    "Patient.name[0].family",
    "Patient.birthDate",
    "Patient.gender.extension[0].url",
    "Patient.address",
    "Patient.modifierExtension[0].url",
    "Patient.implicitRules",
    "Patient.link[0].type",
    "Patient.resourceType",
    "Bundle.entry[0]",
  ])("decides about the registration: %s", (expression) => expect(isMappedElement(expression)).toBe(true));
  it.each([
    "Patient.meta.source",
    "Patient.contact[0].name",
    "Patient.contained[0].birthDate",
    "Patient.extension[0].url",
    "Patient.nameless",
    "Patient.text.div",
  ])("does not: %s", (expression) => expect(isMappedElement(expression)).toBe(false));
});
