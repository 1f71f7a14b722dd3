import type { Patient } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import { canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { EchoedDemographics } from "../mapping/demographics.ts";
import type { MappingReport } from "../mapping/patient-to-particle.ts";
import type { Claim, Conflict, Mapping, Transaction } from "../store/mapping-store.ts";
import {
  type ClaimIntent,
  claimsKept,
  claimWrites,
  conditionClaim,
  contentClaim,
  decisiveClaim,
  type IdempotencyKey,
  type IdentifierCondition,
  idempotencyClaim,
  isOnIdentifier,
  kindOfClaim,
  uniqueClaims,
} from "./claims.ts";
import { deletePatient } from "./delete-patient.ts";
import { findMatch, holderOf, isPresent } from "./find-match.ts";
import { contentOf, hasContent, type Intent, intentOf } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { type Called, carryOut, inFlight, keptUntil, newOperation } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { opened } from "./transitions.ts";

export type CreateRequest = {
  readonly patient: Patient;
  readonly ifNoneExist?: IdentifierCondition;
  readonly idempotencyKey?: IdempotencyKey;
  readonly member?: Member;
};

/** Makes a create part of a transaction: it registers under an id of the record, and cannot begin any more without it. */
export type Member = { readonly id: string; readonly within: Pick<Transaction, "id" | "token"> };

/** How a write ended. */
export type Registered = {
  /**
   * `created`: there was none before. `repeated`: the answer to an earlier request with the same Idempotency-Key.
   * `existing`: the patient was there already and nothing was done. `updated`, `unchanged`: as they say.
   */
  readonly outcome: "created" | "repeated" | "existing" | "updated" | "unchanged";
  readonly mapping: Mapping;
  /** What Particle holds, where it was said on the way. */
  readonly demographics?: EchoedDemographics;
  /** How the demographics came about; a patient that was resolved as a duplicate is not mapped. */
  readonly report?: MappingReport;
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
  const intent = intentOf(registration, request.patient, undefined);
  const hash = await registration.keyedHash();
  const keyClaims = keyClaimsOf(registration, hash, request);
  if (request.ifNoneExist && !(await isHeld(registration, keyClaims))) {
    const match = await findMatch(registration, request.ifNoneExist, task);
    if (match) {
      return { outcome: "existing", mapping: match, report: intent.report };
    }
  }
  const content = contentClaimsOf(registration, hash, request, intent);
  let claims = [...keyClaims, ...identifierClaimsOf(registration, hash, request, intent), ...content];
  const { member } = request;
  let prior: Prior = member;
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = await beginCreate(registration, hash, intent, claims, prior, task);
    if (!("conflict" in begun)) {
      return begun;
    }
    const { conflict } = begun;
    refuseOtherBody(hash, request, conflict);
    const holder = await holderIn(registration, conflict, task);
    if (holder && isPresent(holder) && request.ifNoneExist && holdsContent(conflict)) {
      // It may have been registered only after we had looked.
      const match = await findMatch(registration, request.ifNoneExist, task);
      if (match) {
        return { outcome: "existing", mapping: match, report: intent.report };
      }
      // Nobody has the identifier any more, so the condition says that this is a new patient.
      claims = claims.filter((claim) => !content.includes(claim));
      prior = member;
      continue;
    }
    if (holder && isPresent(holder)) {
      return answerOfHolder(hash, intent, conflict, holder);
    }
    if (holder?.state === "deleted" && conflict.kind === "patient_id") {
      throw new AdapterError({ kind: "duplicate", holder: holder.id }, "The patient_id is of a deleted patient.");
    }
    // A patient_id that is remembered longer than the registration which was abandoned under it keeps its FHIR id.
    prior = conflict.kind === "patient_id" && !holder ? { id: conflict.id } : member;
    if (holder?.state === "abandoned") {
      if (!member && (intent.patient_id === undefined || intent.patient_id === holder.patient_id)) {
        prior = holder;
      } else {
        await deletePatient(registration, { id: holder.id }, task);
      }
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

/** What the one who holds the identity means for a request to register it again. */
function answerOfHolder(hash: KeyedHash, intent: Intent, conflict: Conflict, mapping: Mapping): Registered {
  const held = conflict.kind === "claims" ? decisiveClaim(conflict.claims) : undefined;
  const kind = held && kindOfClaim(held);
  const { report } = intent;
  if (kind === "IDEMPOTENCY-KEY") {
    return { outcome: "repeated", mapping, report };
  }
  const isRepeat = conflict.kind === "claims" && conflict.claims.some((claim) => isContentOf(mapping, claim));
  if (kind === "IF-NONE-EXIST" || isRepeat || hasContent(hash, mapping, intent)) {
    return { outcome: "existing", mapping, report };
  }
  throw new AdapterError({ kind: "duplicate", holder: mapping.id }, "Another patient holds a unique identity.");
}

/** An abandoned patient to go on with, or the id of the new one; a fresh id without. */
type Prior = Mapping | Member | { readonly id: string } | undefined;

/**
 * One attempt to register under fresh ids, under the id of `prior`, or under those of an abandoned patient.
 *
 * @returns the conflict when nothing was begun.
 */
export async function beginCreate(
  registration: Registration,
  hash: KeyedHash,
  intent: Intent,
  claims: readonly ClaimIntent[],
  prior: Prior,
  task: Task,
): Promise<Registered | { readonly conflict: Conflict }> {
  const { store, newId, now } = registration;
  const abandoned = prior && "state" in prior ? prior : undefined;
  const within = prior && "within" in prior ? prior.within : undefined;
  const ids = abandoned ?? {
    id: prior?.id ?? newId(),
    patient_id: intent.patient_id ?? newId(),
    ...(within && { transaction: within.id }),
  };
  const content = contentOf(registration, hash, intent, ids);
  const kept = abandoned ? claimsToResume(hash, abandoned, intent, now()) : [];
  const held = [...new Set([...kept, ...claims.map(({ key }) => key)])];
  const kind = intent.patient_id === undefined ? "create" : "adopt";
  const next = opened(ids, kind, { ...content, claims: held }, newOperation(registration, task));
  const conflict = await store.begin({
    next,
    prior: abandoned,
    ...claimWrites([...claims, ...claimedAgain(kept, claims)], ids.id),
    indexKeys: content.indexKeys,
    now: now(),
    ...(within && { within }),
  });
  if (conflict) {
    return { conflict };
  }
  const { mapping, patient } = await carryOut(registration, next, (deadline) =>
    kind === "adopt"
      ? adopt(registration, hash, next.patient_id, intent, deadline)
      : put(registration, next.patient_id, intent, deadline),
  );
  return {
    outcome: "created",
    mapping,
    report: intent.report,
    ...(patient && { demographics: patient.demographics }),
  };
}

/**
 * What an abandoned patient still holds and the request goes on with. After its expiry its claims may be others' by now;
 * a claim on an identifier that the request does not bring any more would only keep it from others.
 */
const claimsToResume = (hash: KeyedHash, { claims, expiresAt }: Mapping, intent: Intent, now: number): string[] =>
  expiresAt !== undefined && expiresAt * 1_000 >= now ? claimsKept(hash, claims, intent.identifiers) : [];

/** Claims on identifiers got an expiry when the patient was abandoned; from now on they live as long as it does. */
const claimedAgain = (kept: readonly string[], claims: readonly ClaimIntent[]): ClaimIntent[] =>
  kept
    .filter((key) => isOnIdentifier(key) && !claims.some((claim) => claim.key === key))
    .map((key) => ({ key, olderKeys: [] }));

const put = async (
  { particle }: Registration,
  patient_id: string,
  { demographics }: Intent,
  deadline: number,
): Promise<Called> => ({ patient: await particle.putPatient(patient_id, demographics, { deadline }) });

/** Others may have registered the patient_id with Particle: the same person is taken over, another one is not touched. */
async function adopt(
  registration: Registration,
  hash: KeyedHash,
  patient_id: string,
  intent: Intent,
  deadline: number,
): Promise<Called> {
  const patient = await registration.particle.getPatient(patient_id, { deadline });
  if (patient === undefined) {
    return put(registration, patient_id, intent, deadline);
  }
  const sent = hash.digest(canonicalDemographics(patient.demographics));
  if (!hash.sameContent(sent, intent.canonical)) {
    throw new AdapterError({ kind: "particle-overlay" }, "Particle holds other demographics under the patient_id.");
  }
  return { patient, sent };
}

const keyClaimsOf = (registration: Registration, hash: KeyedHash, { idempotencyKey }: CreateRequest): ClaimIntent[] =>
  idempotencyKey ? [idempotencyClaim(hash, idempotencyKey, keptUntil(registration))] : [];

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
  registration: Registration,
  hash: KeyedHash,
  { idempotencyKey }: CreateRequest,
  intent: Intent,
): ClaimIntent[] =>
  registration.settings.retryWindowMs > 0 && !idempotencyKey
    ? [contentClaim(hash, intent, keptUntil(registration))]
    : [];

const holdsContent = (conflict: Conflict): boolean => {
  const held = conflict.kind === "claims" ? decisiveClaim(conflict.claims) : undefined;
  return held !== undefined && kindOfClaim(held) === "CONTENT";
};

/** An Idempotency-Key that was used before takes precedence over everything else that the request says. */
async function isHeld({ store, now }: Registration, claims: readonly ClaimIntent[]): Promise<boolean> {
  const keys = claims.flatMap(({ key, olderKeys }) => [key, ...olderKeys]);
  const held = keys.length > 0 ? await store.findClaims(keys) : [];
  return held.some(({ expiresAt }) => expiresAt === undefined || expiresAt * 1_000 >= now());
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
