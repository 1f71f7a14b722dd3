import type { Patient } from "fhir/r4";
import { applyPatch, type Operation } from "rfc6902";
import * as v from "valibot";
import { AdapterError, type Fault } from "../failure/failure.ts";
import { parseJson } from "../fhir/json.ts";
import { requireParameters } from "../http/general-parameters.ts";
import { type Preferences, requireContentType } from "../http/negotiation.ts";
import { resourceIdOf } from "../http/path.ts";
import { limitBody, patientFaults } from "../http/patient-body.ts";
import { patientOf } from "../http/patient-response.ts";
import { requirePreconditions } from "../http/preconditions.ts";
import { type FhirRequest, invalid, type Respond, taskOf } from "../http/request.ts";
import { patchPatient } from "../registration/patch-patient.ts";
import type { Held } from "../registration/read-patient.ts";
import type { Registration } from "../registration/registration.ts";
import { canAddAt, valueAt } from "./json-pointer.ts";
import { howToUpdate, updatedResponse } from "./update-patient.ts";

/**
 * PATCH /Patient/{id} with a JSON Patch (RFC 6902) on the Patient as this server answers it. The result is validated and
 * mapped like an update; a patch that is stale or cannot be applied changes nothing.
 * http://hl7.org/fhir/R4/http.html#patch
 */
export const patchInteraction =
  (registration: Registration): Respond =>
  async (request) => {
    requireParameters(request);
    requirePreconditions(request, ["If-Match"]);
    const id = resourceIdOf(request);
    const operations = operationsOf(request);
    const { force: _, ...how } = howToUpdate(request);
    let warnings: readonly Fault[] = [];
    const change = (held: Held): Patient => {
      const result = patched(patientOf(held, registration.settings.systems), operations, request.preferences);
      warnings = result.warnings;
      return result.patient;
    };
    const registered = await patchPatient(registration, { id, change, ...how }, taskOf(request));
    return updatedResponse(registration, request, registered, warnings);
  };

/** Names that would reach beyond the Patient into every object of the process. */
const RESERVED = ["__proto__", "constructor", "prototype"];

const pointer = v.pipe(
  v.string(),
  v.regex(/^(\/([^~/]|~[01])*)+$/, "must be a JSON Pointer to an element, such as /birthDate"),
  v.check((path) => !path.split("/").some((name) => RESERVED.includes(name)), "names no element of a Patient"),
);

/** Far more than there is to change in a Patient. */
const MOST_OPERATIONS = 1_000;

const operations = v.pipe(
  v.array(v.unknown(), "must be an array of operations"),
  v.nonEmpty("must have at least one operation"),
  v.maxLength(MOST_OPERATIONS, `must have at most ${MOST_OPERATIONS} operations`),
  v.array(
    v.variant("op", [
      v.object({ op: v.picklist(["add", "replace", "test"]), path: pointer, value: v.unknown() }),
      v.object({ op: v.literal("remove"), path: pointer }),
      v.object({ op: v.picklist(["move", "copy"]), path: pointer, from: pointer }),
    ]),
  ),
);

/** @throws AdapterError `unsupported-media-type`, `too-large`, or `invalid` with every fault of the patch. */
function operationsOf({ headers, body: text = "" }: FhirRequest): Operation[] {
  requireContentType(headers, ["application/json-patch+json"]);
  limitBody(text);
  const parsed = parseJson(text);
  if ("faults" in parsed) {
    throw invalid(...parsed.faults);
  }
  const result = v.safeParse(operations, parsed.value);
  if (!result.success) {
    throw invalid(
      ...result.issues.map(
        (issue): Fault => ({
          severity: "error",
          code: "structure",
          diagnostics: `${whereOf(issue)} of the JSON Patch ${messageOf(issue)}.`,
        }),
      ),
    );
  }
  return result.output as Operation[];
}

type Issue = v.BaseIssue<unknown>;

const whereOf = ({ path }: Issue): string =>
  path === undefined
    ? "The body"
    : path.map(({ key }) => (typeof key === "number" ? `Operation ${key}` : key)).join(", ");

/** Messages of our own say what is expected; those of the library may quote what was sent. */
const messageOf = ({ message, kind }: Issue): string =>
  kind === "validation" || /^must /.test(message) ? message : "is not what RFC 6902 asks for";

/**
 * Characters of JSON that the copies of one patch may have together: each may double what is there, so a few dozen would
 * fill any memory.
 */
const MOST_COPIED = 1_000_000;

/** Whether what an operation names is there, or can be put there: http://tools.ietf.org/html/rfc6902, section 4. */
function canBeApplied(document: unknown, operation: Operation): boolean {
  switch (operation.op) {
    case "add":
      return canAddAt(document, operation.path);
    case "move":
    case "copy":
      return (
        valueAt(document, operation.from) !== undefined &&
        canAddAt(document, operation.path) &&
        !(operation.op === "move" && operation.path.startsWith(`${operation.from}/`))
      );
    default:
      return valueAt(document, operation.path) !== undefined;
  }
}

const sizeOf = (value: unknown): number => JSON.stringify(value)?.length ?? 0;

/** @throws AdapterError `unprocessable` when an operation cannot be applied, or when the result is no valid Patient. */
function patched(
  patient: Patient,
  patch: readonly Operation[],
  preferences: Preferences,
): { readonly patient: Patient; readonly warnings: readonly Fault[] } {
  const result: unknown = structuredClone(patient);
  let copied = 0;
  patch.forEach((operation, index) => {
    copied += operation.op === "copy" ? sizeOf(valueAt(result, operation.from)?.value) : 0;
    if (copied > MOST_COPIED) {
      throw unprocessable([
        { severity: "error", code: "too-costly", diagnostics: "The JSON Patch copies more than a Patient may hold." },
      ]);
    }
    // The library would follow inherited properties, and take any text for the place in a list.
    const error = canBeApplied(result, operation) ? applyPatch(result, [operation])[0] : undefined;
    if (error !== null) {
      throw unprocessable([
        {
          severity: "error",
          code: "value",
          diagnostics: `Operation ${index} of the JSON Patch cannot be applied to the Patient as it is now. Read the Patient, and patch what it says.`,
        },
      ]);
    }
  });
  const faults = patientFaults(result, preferences);
  if (faults.some(({ severity }) => severity === "error")) {
    throw unprocessable(faults);
  }
  const changed = result as Patient;
  if (changed.id !== patient.id) {
    throw unprocessable([
      { severity: "error", code: "value", expression: "Patient.id", diagnostics: "A patch cannot change the id." },
    ]);
  }
  return { patient: changed, warnings: faults };
}

const unprocessable = (faults: readonly Fault[]): AdapterError =>
  new AdapterError({ kind: "unprocessable", faults }, "The patch cannot be applied.");
