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
    "Patient.name[0]",
    "Patient.name[0].period.start",
    "Patient.name[0].extension",
    "Patient.name[0].given[1].extension[0].url",
    "Patient.identifier[0].type.coding[0].code",
    "Patient.identifier[0].extension[0]",
    "Patient.modifierExtension[0].value",
    "Patient.name[0].Use",
    "Patient.name[0].modifierExtension",
    "Patient.telecom[1].modifierExtension[0].url",
    "Patient.address[0].ModifierExtension",
    "Patient.identifier[0].modifierextension[0].value",
    "Patient.birthDate.modifierExtension",
    "Patient.identifier[0].type.modifierExtension",
    "Patient.name[0].period.modifierExtension",
    "Patient.birthdate",
    "Patient.Active",
  ])("decides about the registration: %s", (expression) => expect(isMappedElement(expression)).toBe(true));
  it.each([
    "Patient.meta.source",
    "Patient.contact[0].name",
    "Patient.contained[0].birthDate",
    "Patient.extension[0].url",
    "Patient.nameless",
    "Patient.text.div",
    "Patient.name[0].text",
    "Patient.name[0].id",
    "Patient.address[0].buildingNumber",
    "Patient.identifier[0].extension[0].value",
    "Patient.gender.extension[0].extension[1].url",
    "Patient.address[0].line[0].extension[0].value.family",
    "Patient.constructor",
  ])("does not: %s", (expression) => expect(isMappedElement(expression)).toBe(false));
});
