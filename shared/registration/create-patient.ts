import type { Patient } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import type { EchoedDemographics } from "../mapping/demographics.ts";
import type { MappingReport } from "../mapping/patient-to-particle.ts";
import type { Claim, Mapping } from "../store/mapping-store.ts";
import {
  CLAIM_KINDS,
  type ClaimIntent,
  claimOf,
  contentClaim,
  type IdempotencyKey,
  type IfNoneExist,
  idempotencyClaim,
  ifNoneExistClaim,
  kindOfClaim,
} from "./claims.ts";
import { inFlight, settled } from "./decide.ts";
import { contentOf, type Intent, intentOf } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { carryOut, keptUntil, newOperation } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { VISIBILITY } from "./states.ts";
import { opened } from "./transitions.ts";

export type CreateRequest = {
  readonly patient: Patient;
  readonly ifNoneExist?: IfNoneExist;
  readonly idempotencyKey?: IdempotencyKey;
};

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
  readonly report: MappingReport;
};

const ROUNDS = 5;

/**
 * Registers a patient under a fresh id and patient_id, unless an identity that the request claims is held already.
 *
 * @throws AdapterError `unprocessable`, `multiple-matches`, `in-flight`, or what the gateway and the store throw.
 */
export async function createPatient(
  registration: Registration,
  request: CreateRequest,
  task: Task,
): Promise<Registered> {
  const intent = intentOf(registration, request.patient, undefined);
  const hash = await registration.keyedHash();
  const claims = claimsOf(registration, hash, request, intent);
  if (request.ifNoneExist && !(await keyIsHeld(registration, claims))) {
    const match = await findMatch(registration, hash, request.ifNoneExist, task);
    if (match) {
      return { outcome: "existing", mapping: match, report: intent.report };
    }
  }
  let prior: Mapping | undefined;
  for (let round = 0; round < ROUNDS; round += 1) {
    const begun = await begin(registration, hash, intent, claims, prior, task);
    if (!("conflict" in begun)) {
      return begun;
    }
    prior = undefined;
    const { conflict } = begun;
    if (conflict.kind === "claims") {
      const held = decisive(conflict.claims);
      refuseOtherBody(hash, request, held);
      const holder = await holderOf(registration, held.id, task);
      if (holder && VISIBILITY[holder.state] === "present") {
        const outcome = kindOfClaim(held) === "IDEMPOTENCY-KEY" ? "repeated" : "existing";
        return { outcome, mapping: holder, report: intent.report };
      }
      prior = holder?.state === "abandoned" ? holder : undefined;
    }
  }
  throw inFlight(1);
}

/**
 * Registers the patient under an id that the client chose, or goes on with one that was abandoned.
 *
 * @returns undefined when the id is in use by now.
 */
export async function createPatientWithId(
  registration: Registration,
  hash: KeyedHash,
  id: string,
  prior: Mapping | undefined,
  intent: Intent,
  task: Task,
): Promise<Registered | undefined> {
  const begun = await begin(registration, hash, intent, [], prior ?? { id }, task);
  return "conflict" in begun ? undefined : begun;
}

async function begin(
  registration: Registration,
  hash: KeyedHash,
  intent: Intent,
  claims: readonly ClaimIntent[],
  prior: Mapping | { readonly id: string } | undefined,
  task: Task,
) {
  const { store, particle, newId, now } = registration;
  const abandoned = prior && "state" in prior ? prior : undefined;
  const ids = abandoned ?? { id: prior?.id ?? newId(), patient_id: newId() };
  const content = contentOf(registration, hash, intent, ids);
  const held = [...new Set([...(abandoned?.claims ?? []), ...claims.map(({ key }) => key)])];
  const next = opened(ids, "create", { ...content, claims: held }, newOperation(registration, task));
  const conflict = await store.begin({
    next,
    prior: abandoned,
    claims: claims.map((claim) => claimOf(claim, ids.id)),
    unclaimed: claims.flatMap(({ olderKeys }) => olderKeys),
    indexKeys: content.indexKeys,
    now: now(),
  });
  if (conflict) {
    return { conflict };
  }
  const { mapping, patient } = await carryOut(registration, next, async (deadline) => ({
    patient: await particle.putPatient(ids.patient_id, intent.demographics, { deadline }),
  }));
  const registered: Registered = {
    outcome: "created",
    mapping,
    report: intent.report,
    ...(patient && { demographics: patient.demographics }),
  };
  return registered;
}

function claimsOf(
  registration: Registration,
  hash: KeyedHash,
  { ifNoneExist, idempotencyKey }: CreateRequest,
  intent: Intent,
): ClaimIntent[] {
  const expiresAt = keptUntil(registration);
  const recognisesContent = registration.settings.retryWindowMs > 0 && !idempotencyKey;
  return [
    ...(idempotencyKey ? [idempotencyClaim(hash, idempotencyKey, expiresAt)] : []),
    ...(ifNoneExist ? [ifNoneExistClaim(hash, ifNoneExist)] : []),
    ...(recognisesContent ? [contentClaim(hash, intent, expiresAt)] : []),
  ];
}

/** An Idempotency-Key that was used before takes precedence over everything else that the request says. */
async function keyIsHeld({ store, now }: Registration, claims: readonly ClaimIntent[]): Promise<boolean> {
  const keys = claims
    .filter(({ kind }) => kind === "IDEMPOTENCY-KEY")
    .flatMap(({ key, olderKeys }) => [key, ...olderKeys]);
  const held = keys.length > 0 ? await store.findClaims(keys) : [];
  return held.some(({ expiresAt }) => expiresAt === undefined || expiresAt * 1_000 >= now());
}

/** The one patient that is recorded with the identifier. */
async function findMatch(
  registration: Registration,
  hash: KeyedHash,
  { system, value }: IfNoneExist,
  task: Task,
): Promise<Mapping | undefined> {
  const { store } = registration;
  const found = await store.findMany(await store.findIdsByIndexKeys(hash.indexKeysToFind(system, value)));
  const matches = found.filter(({ state }) => VISIBILITY[state] === "present");
  if (matches.length > 1) {
    throw new AdapterError({ kind: "multiple-matches" }, "Several patients are recorded with the identifier.");
  }
  const [match] = matches;
  const unsettled = found.find(({ state }) => state === "registering" || state === "deleting");
  if (match || !unsettled) {
    return match;
  }
  const mapping = await settled(registration, unsettled.id, task);
  return mapping && VISIBILITY[mapping.state] === "present" ? mapping : undefined;
}

/** The claim that decides where several are held: by the order of precedence of their kinds. */
function decisive(claims: readonly Claim[]): Claim {
  const [first] = CLAIM_KINDS.flatMap((kind) => claims.filter((claim) => kindOfClaim(claim) === kind));
  if (!first) {
    throw inFlight(1);
  }
  return first;
}

function refuseOtherBody(hash: KeyedHash, { idempotencyKey }: CreateRequest, held: Claim): void {
  if (idempotencyKey && held.body !== undefined && hash.matches(held.body, "body", idempotencyKey.body) === false) {
    const diagnostics =
      "The Idempotency-Key was used before with another body. Use a new key for a new request, and the same body for a retry.";
    throw new AdapterError(
      { kind: "unprocessable", faults: [{ severity: "error", code: "business-rule", diagnostics }] },
      "Idempotency-Key used with another body.",
    );
  }
}

/** An update in flight does not hide the patient; any other open operation has to end first. */
async function holderOf(registration: Registration, id: string, task: Task): Promise<Mapping | undefined> {
  const mapping = await registration.store.find(id);
  return mapping?.state === "updating" ? mapping : settled(registration, id, task);
}
