import type { Patient } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import type { Claim, Conflict, Mapping } from "../store/mapping-store.ts";
import { beginCreate, type Member } from "./begin-create.ts";
import {
  type ClaimIntent,
  claimWrites,
  conditionClaim,
  contentClaim,
  decisiveClaim,
  type IdempotencyKey,
  type IdentifierCondition,
  idempotencyClaim,
  kindOfClaim,
  takenFrom,
  uniqueClaims,
} from "./claims.ts";
import { findMatch, holderOf } from "./find-match.ts";
import { hasContent, type Intent, intentOf } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { inFlight, keptUntil } from "./operation.ts";
import type { Registered } from "./registered.ts";
import type { Registration, Task } from "./registration.ts";
import { suspectedOverlay } from "./replace-content.ts";
import { settled } from "./settle.ts";

export type CreateRequest = {
  readonly patient: Patient;
  readonly ifNoneExist?: IdentifierCondition;
  readonly idempotencyKey?: IdempotencyKey;
  readonly member?: Member;
};

const ROUNDS = 5;

/**
 * Registers a patient under a fresh id, or that of its member in a transaction, unless an identity that the request claims is held already.
 *
 * @throws AdapterError `unprocessable`, `multiple-matches`, `duplicate`, `in-flight`, or what the gateway and the store
 *   throw.
 */
export async function createPatient(
  registration: Registration,
  request: CreateRequest,
  task: Task,
): Promise<Registered> {
  const { member, ifNoneExist } = request;
  const intent = intentOf(registration, request.patient, undefined);
  const hash = await registration.keyedHash();
  let keyClaims = keyClaimsOf(hash, request);
  const identifierClaims = identifierClaimsOf(registration, hash, request, intent);
  let contentClaims = contentClaimsOf(registration, hash, request, intent);
  let resumed: Mapping | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    let conflict: Conflict | undefined;
    if (ifNoneExist) {
      const held = await keysHeld(registration, keyClaims);
      keyClaims = takenFrom(keyClaims, held.byDeleted);
      const byOthers = held.byOthers.filter(({ id }) => id !== resumed?.id);
      if (byOthers.length > 0) {
        conflict = { kind: "claims", claims: byOthers };
      } else {
        // What was registered only after we had looked shows up as a conflict, and then here.
        const match = await findMatch(registration, ifNoneExist, task);
        if (match) {
          if (resumed) {
            await registration.store.forgetAbandoned(resumed);
          }
          return existing(registration, keyClaims, intent, match);
        }
      }
    }
    if (!conflict) {
      const claims = [...keyClaims, ...identifierClaims, ...contentClaims];
      const begun = await beginCreate(registration, hash, intent, claims, resumed ?? member, task);
      if (!("conflict" in begun)) {
        return begun;
      }
      ({ conflict } = begun);
    }
    const holder = await holderIn(registration, conflict, task);
    if (holder?.state === "deleted") {
      if (conflict.kind === "patient_id") {
        throw new AdapterError({ kind: "duplicate", holder: holder.id }, "The patient_id is of a deleted patient.");
      }
      const held = conflict.kind === "claims" ? conflict.claims : [];
      keyClaims = takenFrom(
        keyClaims,
        held.filter(({ id }) => id === holder.id),
      );
      continue;
    }
    refuseOtherBody(hash, request, conflict);
    if (holder?.state === "abandoned") {
      const isAnother = resumed !== undefined && resumed.id !== holder.id;
      const isNamed = intent.patient_id === undefined || intent.patient_id === holder.patient_id;
      if (member || isAnother || !isNamed) {
        await registration.store.forgetAbandoned(holder);
      } else {
        resumed = holder;
      }
    } else if (holder && ifNoneExist && holdsContent(conflict)) {
      // Unless it is found under the identifier now, the condition says that this is a new patient.
      contentClaims = [];
    } else if (holder) {
      const answer = await answerOfHolder(registration, hash, keyClaims, request, intent, conflict, holder);
      if (answer) {
        return answer;
      }
      if (!holder.operation) {
        throw new AdapterError({ kind: "duplicate", holder: holder.id }, "Another patient holds a unique identity.");
      }
      // It may be about to give the identity up, or to become what this request says.
      await settled(registration, holder.id, task);
    } else if (conflict.kind === "mapping") {
      resumed = undefined;
    }
  }
  throw inFlight(1);
}

/** Who stands in the way. */
async function holderIn(registration: Registration, conflict: Conflict, task: Task): Promise<Mapping | undefined> {
  switch (conflict.kind) {
    case "claims": {
      const held = decisiveClaim(conflict.claims);
      return held && holderOf(registration, held.id, task);
    }
    case "patient_id":
      return holderOf(registration, conflict.id, task);
    case "mapping":
      return undefined;
  }
}

/** The holder was registered with this very content, whatever became of its state since. */
const isContentOf = ({ id }: Mapping, claim: Claim): boolean => claim.id === id && kindOfClaim(claim) === "CONTENT";

/** What the one who holds the identity means for a request to register it again; undefined where it is a duplicate. */
async function answerOfHolder(
  registration: Registration,
  hash: KeyedHash,
  keyClaims: readonly ClaimIntent[],
  { ifNoneExist }: CreateRequest,
  intent: Intent,
  conflict: Conflict,
  mapping: Mapping,
): Promise<Registered | undefined> {
  const claims = conflict.kind === "claims" ? conflict.claims : [];
  const held = decisiveClaim(claims);
  const kind = held && kindOfClaim(held);
  if (kind === "IDEMPOTENCY-KEY") {
    return { outcome: held?.met ? "existing" : "repeated", mapping, report: intent.report };
  }
  // A condition on an identifier says more about who is meant than the content does, and so does what the patient that was
  // registered with this content has become since.
  const isRepeat =
    !ifNoneExist &&
    claims.some((claim) => isContentOf(mapping, claim)) &&
    suspectedOverlay(hash, mapping, intent).length === 0;
  return (kind === "IF-NONE-EXIST" && ifNoneExist) || isRepeat || hasContent(hash, mapping, intent)
    ? existing(registration, keyClaims, intent, mapping)
    : undefined;
}

/**
 * The patient that was there already. An Idempotency-Key is recorded for it, so that a repetition gets the same answer
 * whatever becomes of the identifiers.
 *
 * @throws AdapterError `in-flight` when another request took the key meanwhile.
 */
async function existing(
  registration: Registration,
  keyClaims: readonly ClaimIntent[],
  { report }: Intent,
  mapping: Mapping,
): Promise<Registered> {
  const { claims, unclaimed } = claimWrites(keyClaims, mapping.id);
  const expiresAt = keptUntil(registration);
  if (claims.some(({ key }) => mapping.claims.includes(key))) {
    return { outcome: "repeated", mapping, report };
  }
  for (const claim of claims) {
    if (!(await registration.store.addClaim({ ...claim, met: true, expiresAt }, unclaimed, registration.now()))) {
      throw inFlight(1);
    }
  }
  return { outcome: "existing", mapping, report };
}

const keyClaimsOf = (hash: KeyedHash, { idempotencyKey }: CreateRequest): ClaimIntent[] =>
  idempotencyKey ? [idempotencyClaim(hash, idempotencyKey)] : [];

const identifierClaimsOf = (
  { settings }: Registration,
  hash: KeyedHash,
  { ifNoneExist }: CreateRequest,
  { identifiers }: Intent,
): ClaimIntent[] => [
  ...(ifNoneExist ? [conditionClaim(hash, ifNoneExist)] : []),
  ...uniqueClaims(hash, identifiers, settings.uniqueIdentifierSystems),
];

/** A new Idempotency-Key says that the request is no retry, whatever its content. */
const contentClaimsOf = (
  { settings }: Registration,
  hash: KeyedHash,
  { idempotencyKey }: CreateRequest,
  intent: Intent,
): ClaimIntent[] => (settings.retryWindowMs > 0 && !idempotencyKey ? [contentClaim(hash, intent)] : []);

const holdsContent = (conflict: Conflict): boolean => {
  const held = conflict.kind === "claims" ? decisiveClaim(conflict.claims) : undefined;
  return held !== undefined && kindOfClaim(held) === "CONTENT";
};

/**
 * Who holds the Idempotency-Key. That of a patient who is not deleted takes precedence over everything else that the
 * request says.
 */
async function keysHeld({ store, now }: Registration, claims: readonly ClaimIntent[]) {
  const keys = claims.flatMap(({ key, olderKeys }) => [key, ...olderKeys]);
  const found = keys.length > 0 ? await store.findClaims(keys) : [];
  const held = found.filter(({ expiresAt }) => expiresAt === undefined || expiresAt * 1_000 >= now());
  const holders = held.length > 0 ? await store.findMany(held.map(({ id }) => id)) : [];
  const deleted = new Set(holders.filter(({ state }) => state === "deleted").map(({ id }) => id));
  const { byDeleted = [], byOthers = [] } = Object.groupBy(held, ({ id }) =>
    deleted.has(id) ? "byDeleted" : "byOthers",
  );
  return { byDeleted, byOthers };
}

function refuseOtherBody(hash: KeyedHash, { idempotencyKey }: CreateRequest, conflict: Conflict): void {
  const held = conflict.kind === "claims" ? decisiveClaim(conflict.claims) : undefined;
  if (idempotencyKey && held?.body !== undefined && hash.matches(held.body, "body", idempotencyKey.body) === false) {
    const diagnostics =
      "The Idempotency-Key was used before with another body. Use a new key for a new request, and the same body for a retry.";
    throw new AdapterError(
      { kind: "unprocessable", faults: [{ severity: "error", code: "business-rule", diagnostics }] },
      "Idempotency-Key used with another body.",
    );
  }
}
