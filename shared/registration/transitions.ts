import type { Begin, Content, Digest, Finish, Mapping, Operation, OperationKind } from "../store/mapping-store.ts";
import { isOnIdentifier } from "./claims.ts";
import { MOVES } from "./states.ts";

/** A mapping whose operation is open. */
export type OpenMapping = Mapping & { readonly operation: Operation };

export const NO_CONTENT: Content = { identifiers: [], indexKeys: [], claims: [] };

/** Only these take claims that stand for a whole request. */
const CREATES: readonly OperationKind[] = ["create", "adopt"];

/** What a begin writes besides the mapping, where it takes no identity. */
export const NOTHING_TAKEN: Pick<Begin, "claims" | "unclaimed" | "indexKeys"> = {
  claims: [],
  unclaimed: [],
  indexKeys: [],
};

/** The mapping with an operation in flight; until that completes, it goes on saying what it said before. */
export function opened(
  prior: Mapping | { readonly id: string; readonly patient_id: string; readonly transaction?: string },
  kind: OperationKind,
  intended: Content,
  operation: Pick<Operation, "token" | "owner" | "deadline" | "actionableAt">,
): OpenMapping {
  const { expiresAt: _, ...mapping }: Mapping =
    "state" in prior
      ? prior
      : { ...prior, ...NO_CONTENT, state: MOVES[kind].during, version: 0, lastUpdated: new Date(0).toISOString() };
  const priorState = "state" in prior ? prior.state : "none";
  const allowed: readonly string[] = MOVES[kind].from;
  if (!allowed.includes(priorState)) {
    throw new Error(`A ${kind} cannot begin in the state ${priorState}.`);
  }
  return { ...mapping, state: MOVES[kind].during, operation: { ...operation, kind, priorState, intended } };
}

export type Completion = {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Epoch seconds until which the claims are kept that stand for the whole request. */
  readonly keptUntil: number;
  readonly echo?: Digest;
  /** Of what was sent, where that became known only after the operation began. */
  readonly sent?: Digest;
  readonly particle_patient_id?: string;
  /** Epoch milliseconds until which an earlier attempt may still arrive. */
  readonly unsettledUntil?: number;
  /** Index keys of Particle's own id, known only now. */
  readonly particleIndexKeys?: readonly string[];
  /** Index keys of Particle's own id before, where it is another now. */
  readonly formerIndexKeys?: readonly string[];
};

/** Particle did what the operation meant. */
export function completed(mapping: OpenMapping, completion: Completion): Finish {
  const { intended, kind } = mapping.operation;
  const particle_patient_id = completion.particle_patient_id ?? mapping.particle_patient_id;
  // A duplicate that is resolved is not sent: who it is is known from before.
  const echo = completion.echo ?? (kind === "replace" ? mapping.echo : undefined);
  return concluded(mapping, "completed", completion, {
    ...intended,
    state: MOVES[kind].completed,
    ...(particle_patient_id !== undefined && { particle_patient_id }),
    ...(echo && { echo }),
    ...(completion.sent && { sent: completion.sent }),
  });
}

/**
 * Particle holds something that we did not send: the version counts on, and nothing counts as sent. A
 * patient that was not registered before keeps what was meant for it, since nothing else is known.
 */
export function drifted(mapping: OpenMapping, completion: Completion): Finish {
  const { priorState, intended } = mapping.operation;
  const wasRegistered = mapping.version > 0 && priorState !== "deleted";
  const { identifiers, indexKeys, claims } = wasRegistered ? mapping : intended;
  const particle_patient_id = completion.particle_patient_id ?? mapping.particle_patient_id;
  // Where Particle holds nobody any more, who it was is known from before.
  const echo = completion.echo ?? (wasRegistered ? (mapping.sent ?? mapping.echo) : undefined);
  return concluded(mapping, "drifted", completion, {
    state: "drifted",
    identifiers,
    indexKeys,
    claims,
    ...(particle_patient_id !== undefined && { particle_patient_id }),
    ...(echo && { echo }),
  });
}

function concluded(
  mapping: OpenMapping,
  result: "completed" | "drifted",
  { now, keptUntil, particleIndexKeys = [], formerIndexKeys = [], unsettledUntil }: Completion,
  content: Content & Pick<Mapping, "state" | "particle_patient_id" | "echo">,
): Finish {
  const { id, patient_id, version, operation, transaction } = mapping;
  const indexKeys = [...new Set([...without(content.indexKeys, formerIndexKeys), ...particleIndexKeys])];
  const next: Mapping = {
    ...content,
    id,
    patient_id,
    indexKeys,
    version: version + 1,
    lastUpdated: new Date(now).toISOString(),
    ...(unsettledUntil !== undefined && { unsettledUntil }),
    lastOperation: { token: operation.token, result },
    // Nothing but the end of the transaction, or of the patient, takes it out of the transaction.
    ...(transaction !== undefined && operation.kind !== "delete" && { transaction }),
  };
  const reserved = reservedBy(mapping);
  const ofRequest = CREATES.includes(operation.kind) ? content.claims.filter((key) => !isOnIdentifier(key)) : [];
  return {
    id,
    token: operation.token,
    next,
    index: without(particleIndexKeys, reserved.indexKeys),
    release: {
      indexKeys: without(reserved.indexKeys, indexKeys),
      claims: without(reserved.claims, content.claims),
    },
    ...(ofRequest.length > 0 && { expire: { claims: ofRequest, indexKeys: [], at: keptUntil } }),
  };
}

/**
 * Particle refused for certain: everything is as it was before the operation began. What was abandoned before is kept
 * until `expiresAt` (epoch seconds).
 */
export function rolledBack(mapping: OpenMapping, expiresAt: number): Finish {
  const { operation, ...prior } = mapping;
  const { token, priorState, intended } = operation;
  if (priorState === "none") {
    return {
      id: mapping.id,
      token,
      next: undefined,
      index: [],
      release: { indexKeys: intended.indexKeys, claims: intended.claims, patient_id: mapping.patient_id },
    };
  }
  return {
    id: mapping.id,
    token,
    next: {
      ...prior,
      state: priorState,
      ...(priorState === "abandoned" && { expiresAt }),
      lastOperation: { token, result: "rolled-back" },
    },
    index: [],
    release: {
      indexKeys: without(intended.indexKeys, mapping.indexKeys),
      claims: without(intended.claims, mapping.claims),
    },
    ...(priorState === "abandoned" && {
      expire: { indexKeys: mapping.indexKeys, claims: mapping.claims, patient_id: mapping.patient_id, at: expiresAt },
    }),
  };
}

/**
 * A create that nobody saw arrive: its ids and claims are kept until `expiresAt` (epoch seconds), so that a retry under
 * any of its claims goes on with the same patient_id. What an earlier attempt held and this one did not want any more goes.
 */
export function abandoned(mapping: OpenMapping, expiresAt: number): Finish {
  const { operation, ...prior } = mapping;
  const { indexKeys, claims } = operation.intended;
  return {
    id: mapping.id,
    token: operation.token,
    next: {
      ...prior,
      indexKeys,
      claims,
      state: "abandoned",
      expiresAt,
      lastOperation: { token: operation.token, result: "abandoned" },
    },
    index: [],
    release: { indexKeys: without(mapping.indexKeys, indexKeys), claims: without(mapping.claims, claims) },
    expire: { indexKeys, claims, patient_id: mapping.patient_id, at: expiresAt },
  };
}

/** Everything that leads to the patient or is held for it while the operation is open. */
const reservedBy = ({ indexKeys, claims, operation: { intended } }: OpenMapping) => ({
  indexKeys: [...new Set([...indexKeys, ...intended.indexKeys])],
  claims: [...new Set([...claims, ...intended.claims])],
});

const without = (all: readonly string[], kept: readonly string[]): string[] => all.filter((one) => !kept.includes(one));
