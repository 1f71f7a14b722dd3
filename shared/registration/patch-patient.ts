import type { Patient } from "fhir/r4";
import { canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { EchoedDemographics } from "../mapping/demographics.ts";
import type { Conflict, Mapping } from "../store/mapping-store.ts";
import { uniqueClaims } from "./claims.ts";
import { type Intent, identifiersForm, intentOf } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { inFlight, keptUntil, newOperation } from "./operation.ts";
import type { OverlayReason } from "./overlay-reasons.ts";
import { type Held, heldBy, requireVisible } from "./read-patient.ts";
import type { Registered } from "./registered.ts";
import type { Registration, Task } from "./registration.ts";
import { guardOverlay, type Replacement, replacementOf, sendReplacement } from "./replace-content.ts";
import { requireVersion } from "./require-version.ts";
import { settled } from "./settle.ts";
import { NOTHING_TAKEN, type OpenMapping, opened, rolledBack } from "./transitions.ts";
import { yieldTo } from "./yield-to-holder.ts";

export type PatchRequest = {
  readonly id: string;
  /** The patient as it is to be, from what Particle holds. Whatever it throws, nothing is changed. */
  readonly change: (held: Held) => Patient;
  readonly ifMatch?: string;
  readonly overlayReason?: OverlayReason;
};

const ROUNDS = 5;

/**
 * Changes what Particle holds. The operation is taken before Particle is read, so that nobody changes the patient
 * between the reading and the writing.
 *
 * @throws AdapterError `not-found`, `deleted`, `version-conflict`, `unprocessable`, `overlay-suspected`, `duplicate`,
 *   `in-flight`, whatever `change` throws, or what the gateway and the store throw.
 */
export async function patchPatient(registration: Registration, request: PatchRequest, task: Task): Promise<Registered> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = requireVisible(registration, await settled(registration, request.id, task));
    requireVersion(mapping, request.ifMatch);
    const { identifiers, indexKeys, claims } = mapping;
    // Without a digest: an operation that ends here meant nothing yet, and what Particle holds is as it was.
    const locked = opened(
      mapping,
      "update",
      { identifiers, indexKeys, claims },
      newOperation(registration, task, mapping),
    );
    const conflict = await registration.store.begin({
      next: locked,
      prior: mapping,
      ...NOTHING_TAKEN,
      now: registration.now(),
    });
    if (conflict) {
      continue;
    }
    const attempt = await patchLocked(registration, mapping, locked, request);
    if (!("conflict" in attempt)) {
      return attempt;
    }
    if (attempt.conflict.kind !== "mapping") {
      await yieldTo(registration, { id: request.id }, attempt.conflict, task);
    }
  }
  throw inFlight(1);
}

async function patchLocked(
  registration: Registration,
  mapping: Mapping,
  locked: OpenMapping,
  request: PatchRequest,
): Promise<Registered | { readonly conflict: Conflict }> {
  const prepared = await prepare(registration, mapping, locked, request).catch(async (error: unknown) => {
    await unlock(registration, locked);
    throw error;
  });
  if ("unchanged" in prepared) {
    await unlock(registration, locked);
    return prepared.unchanged;
  }
  const { hash, next, replacement } = prepared;
  const begin = { next, prior: { token: locked.operation.token }, ...replacement.writes, now: registration.now() };
  const conflict = await registration.store.begin(begin).catch(async (error: unknown) => {
    // It may be written all the same: what it would have taken is given back.
    await unlock(registration, next);
    await unlock(registration, locked);
    throw error;
  });
  if (conflict) {
    await unlock(registration, locked);
    return { conflict };
  }
  return sendReplacement(registration, hash, next, replacement);
}

/** Nothing was sent yet. When this fails, the operation stays open and is decided later. */
const unlock = (registration: Registration, locked: OpenMapping): Promise<unknown> =>
  registration.store.finish(rolledBack(locked, keptUntil(registration))).catch(() => undefined);

/**
 * The operation with what it is to do, to be begun anew. Under a token of its own: whoever read the operation before, to
 * decide it, knows nothing of what this takes.
 */
type Prepared = { readonly next: OpenMapping; readonly replacement: Replacement; readonly hash: KeyedHash };

async function prepare(
  registration: Registration,
  mapping: Mapping,
  locked: OpenMapping,
  { change, overlayReason }: PatchRequest,
): Promise<{ readonly unchanged: Registered } | Prepared> {
  const hash = await registration.keyedHash();
  const held = await heldBy(registration, mapping, locked.operation.deadline);
  const intent = withHeldSsn(intentOf(registration, change(held), mapping), held.demographics);
  if (isHeld(mapping, held.demographics, intent)) {
    const { demographics } = held;
    return { unchanged: { outcome: "unchanged", mapping, demographics, report: intent.report } };
  }
  guardOverlay(hash, mapping, intent, overlayReason);
  const claims = uniqueClaims(hash, intent.identifiers, registration.settings.uniqueIdentifierSystems);
  const replacement = replacementOf(registration, hash, mapping, intent, claims);
  const operation = { ...locked.operation, token: registration.newId(), intended: replacement.intended };
  const next: OpenMapping = { ...locked, operation };
  return { next, replacement, hash };
}

/** The FHIR view has no SSN; what Particle holds stays, unless the patch brings another one. */
function withHeldSsn(intent: Intent, { ssn }: EchoedDemographics): Intent {
  if (ssn === undefined || intent.demographics.ssn !== undefined) {
    return intent;
  }
  const demographics = { ...intent.demographics, ssn };
  return { ...intent, demographics, canonical: canonicalDemographics(demographics) };
}

/** Compared with what Particle holds, not with what was sent once: somebody else may have changed it. */
const isHeld = (mapping: Mapping, demographics: EchoedDemographics, { canonical, identifiers }: Intent): boolean =>
  mapping.state === "registered" &&
  JSON.stringify(canonicalDemographics(demographics)) === JSON.stringify(canonical) &&
  identifiersForm(mapping.identifiers) === identifiersForm(identifiers);
