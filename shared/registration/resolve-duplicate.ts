import type { Patient, PatientLink } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import { unknownMeaning } from "../mapping/obstacles.ts";
import type { Conflict, Content, Mapping } from "../store/mapping-store.ts";
import { findMatch, holderOf } from "./find-match.ts";
import { isPresent } from "./matching.ts";
import { carryOut, newOperation } from "./operation.ts";
import type { Registered } from "./registered.ts";
import type { Registration, Task } from "./registration.ts";
import { settled } from "./settle.ts";
import { NOTHING_TAKEN, opened } from "./transitions.ts";

/**
 * Whether the Patient says that it is a duplicate: inactive, and replaced by another one.
 * https://profiles.ihe.net/ITI/PIXm/ITI-104.html, "Resolve Duplicate Patient"
 */
export const resolvesDuplicate = ({ active, link = [] }: Patient): boolean =>
  active === false && link.filter(isReplacedBy).length === 1;

/** A patient of this server, by whatever version. Another server's patient of the same id is somebody else. */
const LOCAL_PATIENT = /^Patient\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/[^/]+)?$/;

const isReplacedBy = ({ type }: PatientLink): boolean => type === "replaced-by";

/**
 * Marks a registered patient as replaced by the one that the link names, by reference or by identifier. Its identifiers
 * go on leading to it. At Particle it stays untouched, or is deleted where the deployment says so.
 *
 * @throws AdapterError `unprocessable` when the survivor is not registered here, or what the gateway and the store throw.
 */
export async function replacePatient(
  registration: Registration,
  mapping: Mapping,
  patient: Patient,
  task: Task,
): Promise<Registered | { readonly conflict: Conflict }> {
  const faults = unknownMeaning(patient);
  if (faults.length > 0) {
    throw new AdapterError({ kind: "unprocessable", faults }, "The Patient means something that is not known here.");
  }
  const survivor = await survivorOf(registration, mapping, patient, task);
  if (mapping.state === "replaced" && mapping.replacedBy === survivor.id) {
    return { outcome: "unchanged", mapping };
  }
  const { sent, identifiers, indexKeys, claims } = mapping;
  const intended: Content = { identifiers, indexKeys, claims, replacedBy: survivor.id, ...(sent && { sent }) };
  const next = opened(mapping, "replace", intended, newOperation(registration, task, mapping));
  const conflict = await registration.store.begin({
    next,
    prior: mapping,
    ...NOTHING_TAKEN,
    now: registration.now(),
    unchanged: survivor,
  });
  if (conflict) {
    return { conflict };
  }
  const called = await carryOut(registration, next, async (deadline) => {
    return registration.settings.replacedPatients === "delete"
      ? registration.particle.deletePatient(mapping.patient_id, { deadline })
      : {};
  });
  return { outcome: "updated", mapping: called.mapping };
}

async function survivorOf(
  registration: Registration,
  mapping: Mapping,
  { link = [] }: Patient,
  task: Task,
): Promise<Mapping> {
  const index = link.findIndex(isReplacedBy);
  const { reference, identifier } = link[index]?.other ?? {};
  const id = reference === undefined ? undefined : LOCAL_PATIENT.exec(reference)?.[1];
  const found =
    reference === undefined
      ? await findMatch(registration, { system: identifier?.system ?? "", value: identifier?.value ?? "" }, task)
      : id === undefined
        ? undefined
        : await holderOf(registration, id, task);
  const survivor = found?.operation ? await settled(registration, found.id, task) : found;
  if (!survivor || !isPresent(survivor) || survivor.state === "replaced" || survivor.id === mapping.id) {
    throw new AdapterError(
      {
        kind: "unprocessable",
        faults: [
          {
            severity: "error",
            code: "business-rule",
            expression: `Patient.link[${index}].other`,
            diagnostics:
              "The Patient that replaces this one must be another Patient that is registered here and not replaced itself. Register it first, then repeat this request.",
          },
        ],
      },
      "The surviving patient of a resolved duplicate is not registered.",
    );
  }
  return survivor;
}
