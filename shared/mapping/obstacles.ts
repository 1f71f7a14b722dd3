import type { Fault } from "../failure/failure.ts";
import { type FhirObject, isDataAbsent, isFhirObject, readList, readString } from "./fhir-element.ts";

/** The elements of Patient that are BackboneElements, the only ones that R4 lets carry a modifierExtension. */
const BACKBONE_ELEMENTS = ["contact", "communication", "link"] as const;

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null && !(Array.isArray(value) && value.length === 0);
}

function modifierExtensions(element: FhirObject, expression: string): Fault[] {
  const extensions = element["modifierExtension"];
  return isPresent(extensions)
    ? (Array.isArray(extensions) ? extensions : [extensions]).map((_, index) => ({
        severity: "error",
        code: "extension",
        expression: `${expression}.modifierExtension[${index}]`,
        diagnostics:
          "This modifier extension is not known here, so the meaning of what it modifies is not either. Send the Patient without it.",
      }))
    : [];
}

function implicitRules(patient: FhirObject): Fault[] {
  return isPresent(patient["implicitRules"])
    ? [
        {
          severity: "error",
          code: "extension",
          expression: "Patient.implicitRules",
          diagnostics:
            "These rules are not known here, and they may change the meaning of the Patient. Send it without.",
        },
      ]
    : [];
}

function inactive(patient: FhirObject): Fault[] {
  // Lenient handling lets a malformed element through, and an inactive patient is not to slip in with it.
  const isInactive = patient["active"] === false || readString(patient, "active") === "false";
  return isInactive && !isDataAbsent(patient["_active"])
    ? [
        {
          severity: "error",
          code: "business-rule",
          expression: "Patient.active",
          diagnostics:
            "This record is not in active use, so it is not registered. Send the active record of the person.",
        },
      ]
    : [];
}

function replaced(patient: FhirObject): Fault[] {
  return readList(patient, "link").flatMap((link, index) =>
    isFhirObject(link) && readString(link, "type") === "replaced-by"
      ? [
          {
            severity: "error",
            code: "business-rule",
            expression: `Patient.link[${index}].type`,
            diagnostics: "Another record replaces this one, so it is not registered. Send the one that replaces it.",
          },
        ]
      : [],
  );
}

/**
 * Content that changes the meaning of a Patient in ways unknown here: it may not be acted on at all.
 *
 * @see http://hl7.org/fhir/R4/extensibility.html#modifierExtension
 */
export function unknownMeaning(patient: unknown): Fault[] {
  if (!isFhirObject(patient)) {
    return [];
  }
  return [
    ...implicitRules(patient),
    ...modifierExtensions(patient, "Patient"),
    ...BACKBONE_ELEMENTS.flatMap((name) =>
      readList(patient, name).flatMap((element, index) =>
        isFhirObject(element) ? modifierExtensions(element, `Patient.${name}[${index}]`) : [],
      ),
    ),
  ];
}

/**
 * What forbids to register a Patient whatever its demographics are: a meaning unknown here, and a record that says it is
 * not the one in use.
 *
 * @see http://hl7.org/fhir/R4/patient.html#links
 */
export const obstacles = (patient: FhirObject): Fault[] => [
  ...unknownMeaning(patient),
  ...inactive(patient),
  ...replaced(patient),
];
