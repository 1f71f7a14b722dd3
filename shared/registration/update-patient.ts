import type { Patient } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import type { Conflict, Mapping } from "../store/mapping-store.ts";
import { beginCreate } from "./begin-create.ts";
import { conditionClaim, type IdentifierCondition, uniqueClaims } from "./claims.ts";
import { stillMatches } from "./find-match.ts";
import { hasContent, intentOf } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { isPresent } from "./matching.ts";
import { inFlight, newOperation } from "./operation.ts";
import type { OverlayReason } from "./overlay-reasons.ts";
import type { Registered } from "./registered.ts";
import type { Registration, Task } from "./registration.ts";
import { guardOverlay, replacementOf, sendReplacement } from "./replace-content.ts";
import { requireVersion } from "./require-version.ts";
import { replacePatient, resolvesDuplicate } from "./resolve-duplicate.ts";
import { settled } from "./settle.ts";
import { opened } from "./transitions.ts";
import { yieldTo } from "./yield-to-holder.ts";

export type UpdateRequest = {
  readonly id: string;
  readonly patient: Patient;
  /** The version that the client believes to be current; `*` = any that exists. */
  readonly ifMatch?: string;
  /** Creates and revives, and changes nobody who is there. */
  readonly mustBeNew?: boolean;
  /** Calls Particle although nothing has changed. */
  readonly force?: boolean;
  readonly overlayReason?: OverlayReason;
  /** The identifier under which no patient was found: nobody else may come to hold it meanwhile. */
  readonly condition?: IdentifierCondition;
  /** The identifier under which the patient was found: without it by now, it is not who is meant. */
  readonly foundBy?: IdentifierCondition;
};

const ROUNDS = 5;

/**
 * Makes Particle hold what the Patient says: creates it under an id that was never used, revives a deleted one with its
 * old patient_id, resolves a duplicate, and does nothing where nothing has changed.
 *
 * @returns undefined when what the condition said is not so any more.
 * @throws AdapterError `unprocessable`, `version-conflict`, `already-there`, `overlay-suspected`, `duplicate`,
 *   `in-flight`, or what the gateway and the store throw.
 */
export async function tryUpdatePatient(
  registration: Registration,
  request: UpdateRequest,
  task: Task,
): Promise<Registered | undefined> {
  const hash = await registration.keyedHash();
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = await settled(registration, request.id, task);
    const { foundBy } = request;
    if (foundBy && !(mapping && (await stillMatches(registration, foundBy, mapping)))) {
      return undefined;
    }
    requireVersion(mapping, request.ifMatch);
    if (request.mustBeNew && mapping && isPresent(mapping)) {
      throw new AdapterError({ kind: "already-there" }, "If-None-Match asks for a patient that is not there.");
    }
    const attempt: Attempt =
      mapping && isPresent(mapping) && resolvesDuplicate(request.patient)
        ? await replacePatient(registration, mapping, request.patient, task)
        : await register(registration, hash, mapping, request, task);
    if (!("conflict" in attempt)) {
      return attempt;
    }
    const { conflict } = attempt;
    if (
      conflict.kind !== "mapping" &&
      (await yieldTo(registration, { id: request.id, patient_id: attempt.patient_id }, conflict, task)) === "lost"
    ) {
      return undefined;
    }
  }
  throw inFlight(1);
}

/** As {@link tryUpdatePatient}, where the request has no condition. */
export async function updatePatient(
  registration: Registration,
  request: Omit<UpdateRequest, "condition" | "foundBy">,
  task: Task,
): Promise<Registered> {
  const registered = await tryUpdatePatient(registration, request, task);
  if (!registered) {
    throw inFlight(1);
  }
  return registered;
}

/** A conflict, and the patient_id where the data names it. */
type Attempt = Registered | { readonly conflict: Conflict; readonly patient_id?: string | undefined };

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
    const isOther =
      mapping !== undefined && intent.patient_id !== undefined && intent.patient_id !== mapping.patient_id;
    if (isOther) {
      await registration.store.forgetAbandoned(mapping);
    }
    const prior = mapping === undefined || isOther ? { id: request.id } : mapping;
    const begun = await beginCreate(registration, hash, intent, claims, prior, task);
    return "conflict" in begun ? { ...begun, patient_id: intent.patient_id } : begun;
  }
  if (hasContent(hash, mapping, intent) && !request.force) {
    return { outcome: "unchanged", mapping, demographics: intent.demographics, report: intent.report };
  }
  guardOverlay(hash, mapping, intent, request.overlayReason);
  const replacement = replacementOf(registration, hash, mapping, intent, claims);
  const next = opened(mapping, replacement.kind, replacement.intended, newOperation(registration, task, mapping));
  const conflict = await registration.store.begin({
    next,
    prior: mapping,
    ...replacement.writes,
    now: registration.now(),
  });
  return conflict
    ? { conflict, patient_id: intent.patient_id }
    : sendReplacement(registration, hash, next, replacement);
}
