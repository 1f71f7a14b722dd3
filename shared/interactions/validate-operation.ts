import type { Patient } from "fhir/r4";
import type { Fault } from "../failure/failure.ts";
import { operationOutcome } from "../fhir/operation-outcome.ts";
import { requireParameters } from "../http/general-parameters.ts";
import type { Preferences } from "../http/negotiation.ts";
import { resourceIdOf } from "../http/path.ts";
import { patientFaults } from "../http/patient-body.ts";
import { type FhirRequest, invalid, type Respond, requestFault } from "../http/request.ts";
import { unknownMeaning } from "../mapping/obstacles.ts";
import { patientToParticle } from "../mapping/patient-to-particle.ts";
import { sourceIdentifiers } from "../mapping/source-identifiers.ts";
import { foreignId, namedPatientId } from "../registration/intent.ts";
import type { ContentRules } from "../registration/registration.ts";
import { resolvesDuplicate } from "../registration/resolve-duplicate.ts";
import { noPatient, operationInputOf } from "./operation-input.ts";

const MODES = ["create", "update", "delete", "profile"] as const;
type Mode = (typeof MODES)[number];

type Question = {
  /** Undefined where none was sent. */
  readonly resource: unknown;
  readonly mode: Mode | undefined;
  readonly profile: string | undefined;
  /** Of an operation on one Patient. */
  readonly id: string | undefined;
};

const PATIENT_PROFILE = /^http:\/\/hl7\.org\/fhir\/StructureDefinition\/Patient(\|4\.0(\.1)?)?$/;

/**
 * POST /Patient/$validate and /Patient/{id}/$validate: whether a create or an update of the content would be accepted, as
 * far as the content says. Nothing is sent to Particle, stored or looked up. The answer is 200 also where the resource is
 * not valid: http://hl7.org/fhir/R4/resource-operation-validate.html
 */
export const validateOperation =
  (rules: ContentRules): Respond =>
  async (request) => {
    requireParameters(request, Object.keys(PARAMETERS));
    const issues = issuesOf(rules, questionOf(request), request.preferences);
    const isClean = issues.every(({ severity }) => severity === "information");
    return { status: 200, resource: operationOutcome(isClean ? [...issues, NO_FAULT] : issues) };
  };

export const NO_FAULT: Fault = { severity: "information", code: "informational", diagnostics: "No fault was found." };

/** `profile` is a uri in R4 and a canonical in what some clients send. */
const PARAMETERS = {
  mode: ["valueCode", "valueString"],
  profile: ["valueUri", "valueCanonical", "valueString"],
} as const;

/** @throws AdapterError `invalid` where it is not clear what is asked. */
function questionOf(request: FhirRequest): Question {
  const { resource, values } = operationInputOf(request, PARAMETERS);
  const question = {
    resource,
    mode: modeOf(values.mode),
    profile: values.profile,
    id: request.pathParameters["id"] === undefined ? undefined : resourceIdOf(request),
  };
  if (question.resource === undefined && question.mode !== "delete") {
    throw noPatient();
  }
  if (question.mode === "profile" && question.profile === undefined) {
    throw invalid(requestFault("The mode profile needs the parameter profile."));
  }
  return question;
}

function modeOf(given: string | undefined): Mode | undefined {
  const mode = MODES.find((known) => known === given);
  if (given !== undefined && mode === undefined) {
    throw invalid(requestFault(`The mode must be ${MODES.join(", ")}.`));
  }
  return mode;
}

function issuesOf(
  rules: ContentRules,
  { resource, mode, profile, id }: Question,
  preferences: Preferences,
): readonly Fault[] {
  const isOtherProfile = profile !== undefined && !PATIENT_PROFILE.test(profile);
  const issues: Fault[] = isOtherProfile ? [OTHER_PROFILE] : [];
  if (mode === "delete") {
    issues.push(DELETING);
  }
  if (resource === undefined) {
    return issues;
  }
  const structure = patientFaults(resource, preferences);
  issues.push(...structure);
  // Mapping presumes a valid Patient. Neither a profile nor a deletion asks what Particle can hold.
  if (mode === "profile" || mode === "delete" || structure.some(({ severity }) => severity === "error")) {
    return issues;
  }
  const patient = resource as Patient;
  const isUpdate = mode === "update" || (mode === undefined && id !== undefined);
  return [...issues, ...(isUpdate ? updateIssues(rules, patient, id) : mappingIssues(rules, patient, false))];
}

const OTHER_PROFILE: Fault = {
  severity: "error",
  code: "not-supported",
  diagnostics: "This server validates against the Patient of FHIR R4 itself and knows no other profile.",
};

const DELETING: Fault = {
  severity: "information",
  code: "informational",
  diagnostics: "Nothing in the content of a Patient stands against its deletion. Particle drops its documents then.",
};

/** Nothing of a duplicate that is resolved is mapped. */
function updateIssues(rules: ContentRules, patient: Patient, id: string | undefined): readonly Fault[] {
  const content = resolvesDuplicate(patient) ? resolvingIssues(patient) : mappingIssues(rules, patient, true);
  return [...idFaults(patient, id), ...content];
}

function resolvingIssues(patient: Patient): readonly Fault[] {
  const faults = unknownMeaning(patient);
  return faults.length > 0 ? faults : [RESOLVING];
}

const RESOLVING: Fault = {
  severity: "information",
  code: "informational",
  expression: "Patient.link",
  diagnostics:
    "An update of a registered Patient marks it as replaced by the one that the link names, which must be registered too, and maps nothing of it. Where this Patient is not registered, the update is refused.",
};

function idFaults({ id }: Patient, wanted: string | undefined): readonly Fault[] {
  const fault = { severity: "error", expression: "Patient.id" } as const;
  if (id === undefined) {
    return [{ ...fault, code: "required", diagnostics: "An update needs the id of the Patient in the body." }];
  }
  return wanted === undefined || wanted === id
    ? []
    : [{ ...fault, code: "value", diagnostics: "The id of the Patient must equal the id in the path." }];
}

/** As registration would say, but for what only a look at the registered patient can tell. */
function mappingIssues({ now, settings }: ContentRules, patient: Patient, isUpdate: boolean): readonly Fault[] {
  const { faults, report } = patientToParticle(patient, { today: new Date(now()).toISOString().slice(0, 10) });
  const recorded = sourceIdentifiers(patient, settings.systems);
  const claimed = isUpdate ? [] : Object.values(recorded.claimed).flat().map(foreignId);
  const named = namedPatientId(settings.patientIdSystem, recorded.identifiers, undefined);
  return [...faults, ...recorded.faults, ...claimed, ...("fault" in named ? [named.fault] : []), ...report.warnings];
}
