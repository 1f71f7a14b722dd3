import type { Parameters, ParametersParameter, Patient } from "fhir/r4";
import type { Fault } from "../failure/failure.ts";
import { operationOutcome } from "../fhir/operation-outcome.ts";
import { requireParameters } from "../http/general-parameters.ts";
import { ID_RULE, isResourceId } from "../http/path.ts";
import { patientFaults } from "../http/patient-body.ts";
import { type FhirRequest, invalid, type Respond, requestFault } from "../http/request.ts";
import { remarksOf } from "../mapping/report-issues.ts";
import { demographicsParameter, reportParameters } from "../mapping/report-parameters.ts";
import { unusedLeaves } from "../mapping/unused-leaves.ts";
import { type Foreseeing, type Foreseen, foreseeUpdate } from "../registration/foresee-update.ts";
import { type JudgedPatient, judgedPatient } from "../registration/intent.ts";
import { noPatient, operationInputOf } from "./operation-input.ts";
import { NO_FAULT } from "./validate-operation.ts";

const PARAMETERS = { patient: ["valueId", "valueString"] } as const;

/**
 * POST /Patient/$to-particle: what the Patient would be at Particle, what each field is made of, and what becomes of
 * every other element; with `patient`, what a PUT of it to that id would do. Nothing is sent to Particle and nothing is
 * stored. The answer is 200 also where the Patient cannot be registered.
 */
export const toParticleOperation =
  (foreseeing: Foreseeing): Respond =>
  async (request) => {
    requireParameters(request, Object.keys(PARAMETERS));
    const { resource, id } = questionOf(request);
    const structure = patientFaults(resource, request.preferences);
    // Mapping presumes a valid Patient.
    const parameter = structure.some(({ severity }) => severity === "error")
      ? [...(id === undefined ? [] : [updateParameter(REFUSED)]), outcomeParameter(structure)]
      : await answerTo(foreseeing, resource as Patient, id, structure);
    const answer: Parameters = { resourceType: "Parameters", parameter };
    return { status: 200, resource: answer };
  };

type Question = { readonly resource: unknown; readonly id: string | undefined };

/** @throws AdapterError `invalid` where it is not clear what is asked. */
function questionOf(request: FhirRequest): Question {
  const { resource, values } = operationInputOf(request, PARAMETERS);
  const id = values.patient;
  if (id !== undefined && !isResourceId(id)) {
    throw invalid(requestFault(`The parameter patient must be the id of a Patient: ${ID_RULE}.`));
  }
  if (resource === undefined) {
    throw noPatient();
  }
  return { resource, id };
}

const REFUSED: Foreseen = { action: "refuse", changes: [] };

async function answerTo(
  foreseeing: Foreseeing,
  patient: Patient,
  id: string | undefined,
  structure: readonly Fault[],
): Promise<ParametersParameter[]> {
  const mapping = id === undefined ? undefined : await foreseeing.store.find(id);
  const judged = judgedPatient(foreseeing, patient, mapping);
  const { result, intent } = judged;
  const otherId = id === undefined || patient.id === undefined || patient.id === id ? [] : [OTHER_ID];
  const foreseen =
    id === undefined
      ? undefined
      : otherId.length > 0
        ? REFUSED
        : await foreseeUpdate(foreseeing, mapping, patient, intent);
  return [
    ...(result.demographics === undefined ? [] : [demographicsParameter(result.demographics)]),
    ...(foreseen === undefined ? [] : [updateParameter(foreseen)]),
    outcomeParameter(
      foreseen?.action === "replace"
        ? [...structure, REPLACED]
        : [...otherId, ...judged.faults, ...structure, ...remarksAbout(judged)],
    ),
    ...reportParameters(result.report.fields, unusedLeaves(patient, result)),
  ];
}

const OTHER_ID: Fault = {
  severity: "error",
  code: "value",
  expression: "Patient.id",
  diagnostics: "The id of the Patient must equal the parameter patient, or be left out here.",
};

const REPLACED: Fault = {
  severity: "information",
  code: "informational",
  expression: "Patient.link",
  diagnostics: "An update marks the Patient as replaced and maps nothing of it.",
};

const remarksAbout = ({ intent, result }: JudgedPatient): readonly Fault[] =>
  intent === undefined ? result.report.warnings : remarksOf(intent.report);

function outcomeParameter(issues: readonly Fault[]): ParametersParameter {
  const isClean = issues.every(({ severity }) => severity === "information");
  return { name: "outcome", resource: operationOutcome(isClean ? [...issues, NO_FAULT] : issues) };
}

const updateParameter = ({ action, changes }: Foreseen): ParametersParameter => ({
  name: "update",
  part: [
    { name: "action", valueCode: action },
    ...changes.map((change) => ({ name: "changed-field", valueCode: change })),
  ],
});
