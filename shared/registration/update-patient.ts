import type { Patient } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import type { Conflict, Mapping } from "../store/mapping-store.ts";
import { conditionClaim, decisiveClaim, type IdentifierCondition, kindOfClaim, uniqueClaims } from "./claims.ts";
import { beginCreate, type Registered } from "./create-patient.ts";
import { inFlight, settled } from "./decide.ts";
import { deletePatient } from "./delete-patient.ts";
import { holderOf, isPresent } from "./find-match.ts";
import { hasContent, intentOf } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { newOperation } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { guardOverlay, type OverlayReason, replacementOf, sendReplacement } from "./replace-content.ts";
import { requireVersion } from "./require-version.ts";
import { replacePatient, resolvesDuplicate } from "./resolve-duplicate.ts";
import { opened } from "./transitions.ts";

export type UpdateRequest = {
  readonly id: string;
  readonly patient: Patient;
  /** The version that the client believes to be current; `*` = any that exists. */
  readonly ifMatch?: string;
  /** Calls Particle although nothing has changed. */
  readonly force?: boolean;
  readonly overlayReason?: OverlayReason;
  /** The identifier under which no patient was found: nobody else may come to hold it meanwhile. */
  readonly condition?: IdentifierCondition;
};

const ROUNDS = 5;

/**
 * Makes Particle hold what the Patient says: creates it under an id that was never used, revives a deleted one with its
 * old patient_id, resolves a duplicate, and does nothing where nothing has changed.
 *
 * @returns undefined when somebody else came to hold the identifier of the condition.
 * @throws AdapterError `unprocessable`, `version-conflict`, `overlay-suspected`, `duplicate`, `in-flight`, or what the
 *   gateway and the store throw.
 */
export async function tryUpdatePatient(
  registration: Registration,
  request: UpdateRequest,
  task: Task,
): Promise<Registered | undefined> {
  const hash = await registration.keyedHash();
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = await settled(registration, request.id, task);
    requireVersion(mapping, request.ifMatch);
    const attempt =
      mapping && isPresent(mapping) && resolvesDuplicate(request.patient)
        ? await replacePatient(registration, mapping, request.patient, task)
        : await register(registration, hash, mapping, request, task);
    if (!("conflict" in attempt)) {
      return attempt;
    }
    if ((await yieldTo(registration, request, attempt.conflict, task)) === "lost") {
      return undefined;
    }
  }
  throw inFlight(1);
}

/** As {@link tryUpdatePatient}, where the request has no condition. */
export async function updatePatient(
  registration: Registration,
  request: Omit<UpdateRequest, "condition">,
  task: Task,
): Promise<Registered> {
  const registered = await tryUpdatePatient(registration, request, task);
  if (!registered) {
    throw inFlight(1);
  }
  return registered;
}

type Attempt = Registered | { readonly conflict: Conflict };

async function register(
  registration: Registration,
  hash: KeyedHash,
  mapping: Mapping | undefined,
  request: UpdateRequest,
  task: Task,
): Promise<Attempt> {
  const intent = intentOf(registration, request.patient, mapping);
  const claims = [
    ...(request.condition ? [conditionClaim(hash, request.condition)] : []),
    ...uniqueClaims(hash, intent.identifiers, registration.settings.uniqueIdentifierSystems),
  ];
  if (mapping === undefined || mapping.state === "abandoned") {
    return beginCreate(registration, hash, intent, claims, mapping ?? { id: request.id }, task);
  }
  if (hasContent(hash, mapping, intent) && !request.force) {
    return { outcome: "unchanged", mapping, demographics: intent.demographics, report: intent.report };
  }
  guardOverlay(hash, mapping, intent, request.overlayReason);
  const replacement = replacementOf(registration, hash, mapping, intent, claims);
  const next = opened(mapping, replacement.kind, replacement.intended, newOperation(registration, task));
  const conflict = await registration.store.begin({
    next,
    prior: mapping,
    ...replacement.writes,
    now: registration.now(),
  });
  return conflict ? { conflict } : sendReplacement(registration, hash, next, replacement);
}

/**
 * What to do about somebody in the way: try again, or give the condition up as `lost`. A registration that was abandoned
 * blocks nobody.
 *
 * @throws AdapterError `duplicate` when another patient holds a unique identifier or the patient_id.
 */
async function yieldTo(
  registration: Registration,
  { id }: UpdateRequest,
  conflict: Conflict,
  task: Task,
): Promise<"again" | "lost"> {
  if (conflict.kind === "mapping") {
    return "again";
  }
  const held = conflict.kind === "claims" ? decisiveClaim(conflict.claims) : conflict;
  const holder = held && (await holderOf(registration, held.id, task));
  if (!holder || holder.id === id) {
    return "again";
  }
  if (holder.state === "abandoned") {
    await deletePatient(registration, { id: holder.id }, task);
    return "again";
  }
  if (conflict.kind === "claims" && held && "key" in held && kindOfClaim(held) === "IF-NONE-EXIST") {
    return isPresent(holder) ? "lost" : "again";
  }
  throw new AdapterError({ kind: "duplicate", holder: holder.id }, "Another patient holds a unique identity.");
}
