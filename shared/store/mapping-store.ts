import type { SourceIdentifier } from "../mapping/source-identifiers.ts";

export type State =
  | "registering"
  | "registered"
  | "updating"
  | "drifted"
  | "deleting"
  | "deleted"
  | "reviving"
  | "abandoned"
  | "replaced";

/** `adopt` is a create under a patient_id that the deployment's data names; `replace` resolves a duplicate. */
export type OperationKind = "create" | "adopt" | "update" | "delete" | "revive" | "replace";

/** How an operation ended. */
export type OperationResult = "completed" | "rolled-back" | "drifted" | "abandoned";

/**
 * Keyed hashes of demographics in canonical form, each written `<key id>.<hash>`, so that what was hashed with an
 * older key can still be compared.
 */
export type Digest = {
  /** Of every field but the SSN, which a client may leave out without meaning a change. */
  readonly whole: string;
  /** Of each identity field that is present. */
  readonly fields: { readonly [field: string]: string };
};

/** What identifies a patient and its content: what an operation means to make of the mapping. */
export type Content = {
  /** Absent when nobody knows what Particle holds (`drifted`, or before the first registration). */
  readonly sent?: Digest;
  readonly identifiers: readonly SourceIdentifier[];
  /** Keys of the identifier index that lead to this patient. */
  readonly indexKeys: readonly string[];
  /** Keys of the identity claims that this patient holds. */
  readonly claims: readonly string[];
  /** FHIR id of the patient that this one turned out to be a duplicate of; only when `replaced`. */
  readonly replacedBy?: string;
};

export type Operation = {
  /** Names this attempt; whoever finishes the operation must hold it. */
  readonly token: string;
  readonly kind: OperationKind;
  /** The request that began it. */
  readonly owner: string;
  /** Epoch milliseconds after which nothing of it is sent any more by who holds the token. */
  readonly deadline: number;
  /** Epoch milliseconds from which anyone may decide it. */
  readonly actionableAt: number;
  /** Epoch milliseconds from which it could first have been decided; only where somebody has tried since. */
  readonly overdueSince?: number;
  readonly priorState: State | "none";
  readonly intended: Content;
};

/** Which FHIR patient is which Particle patient. Holds no demographics. */
export type Mapping = Content & {
  readonly id: string;
  readonly patient_id: string;
  readonly particle_patient_id?: string;
  readonly state: State;
  /** Counts what Particle confirmed; 0 before the first registration. */
  readonly version: number;
  /** ISO 8601 instant of the last change of version. */
  readonly lastUpdated: string;
  /** Of what Particle answered to the last write; it may format what we sent in ways of its own. */
  readonly echo?: Digest;
  readonly operation?: Operation;
  /**
   * Epoch milliseconds until which an earlier attempt of the last operation may still arrive at Particle, and would undo
   * whatever came in between: no other change begins before.
   */
  readonly unsettledUntil?: number;
  /** How the last operation ended, for an owner whose own answer was lost. */
  readonly lastOperation?: {
    readonly token: string;
    readonly result: OperationResult;
  };
  /** Epoch seconds after which this mapping is garbage; only on `abandoned`. */
  readonly expiresAt?: number;
  /** Id of the transaction that registered it and has not ended: until then, nobody else may change it or rely on it. */
  readonly transaction?: string;
};

/**
 * Patients that are registered together or not at all. While this record is there, those of them that exist carry its
 * id; whoever changes the record must hold its token.
 */
export type Transaction = {
  readonly id: string;
  readonly token: string;
  /** The request that began it. */
  readonly owner: string;
  /** FHIR ids under which its patients are registered; some may never have come to be. */
  readonly ids: readonly string[];
  /** Epoch milliseconds after which nothing of it is sent any more by who holds the token. */
  readonly deadline: number;
  /** Epoch milliseconds from which anyone may undo it. */
  readonly actionableAt: number;
  /** Epoch milliseconds from which it could first have been undone; only where somebody has tried since. */
  readonly overdueSince?: number;
};

/** A reservation of an identity, written only if nobody holds it. */
export type Claim = {
  readonly key: string;
  /** FHIR id of the holder. */
  readonly id: string;
  /** Keyed hash of the request body; only with an Idempotency-Key. */
  readonly body?: string;
  /** The patient was there before the request that took the claim. */
  readonly met?: boolean;
  /** Epoch seconds; absent for a claim that lives as long as its patient. */
  readonly expiresAt?: number;
};

/** What is as it was: a state and a version come back when an operation is rolled back, or a create abandoned again. */
type Left = Pick<Mapping, "state" | "version" | "lastOperation">;

export type Begin = {
  /** The mapping with its operation in flight. */
  readonly next: Mapping;
  /**
   * What the mapping must still be: absent, as this operation left it without another since, or under the operation with
   * this token, whose intention becomes known only now.
   */
  readonly prior: Left | { readonly token: string } | undefined;
  /** Claims to be taken, also from the patient that one names. Those of the same id are taken again. */
  readonly claims: readonly (Claim & { readonly takenFrom?: string })[];
  /** Claim keys of older digest keys under which nobody else may hold a claim. */
  readonly unclaimed: readonly string[];
  /** Index keys that lead to the patient from now on. */
  readonly indexKeys: readonly string[];
  /** Epoch milliseconds; claims that expired before it count as free. */
  readonly now: number;
  /** Another mapping that must still be as this operation left it, without another since. */
  readonly unchanged?: Pick<Mapping, "id"> & Left;
  /** The transaction that this is part of: it must be in the hands of the one who holds this token. */
  readonly within?: Pick<Transaction, "id" | "token">;
};

/** What anyone may go on with. */
export type Overdue<Open> = {
  /** The longest waiting first. */
  readonly found: readonly Open[];
  /**
   * What waits as well and cannot be read, as when a newer version of this program wrote it and was rolled back. The error
   * names attributes, never what they hold.
   */
  readonly unreadable: readonly { readonly error: unknown; readonly actionableAt: number }[];
};

/** Why a begin wrote nothing. */
export type Conflict =
  /** The mapping, or the one that has to be unchanged, is not as expected any more; absent when it is gone. */
  | { readonly kind: "mapping"; readonly mapping: Mapping | undefined }
  /** Others hold these claims. */
  | { readonly kind: "claims"; readonly claims: readonly Claim[] }
  /** The patient_id belongs to another FHIR patient: it is never given to a second one. */
  | { readonly kind: "patient_id"; readonly id: string };

export type Finish = {
  readonly id: string;
  /** Token of the operation that ends. */
  readonly token: string;
  /** The mapping from now on, or undefined where nothing remains of it. */
  readonly next: Mapping | undefined;
  /** Index keys that lead to the patient from now on, beside those it already has. */
  readonly index: readonly string[];
  readonly release: {
    readonly indexKeys: readonly string[];
    readonly claims: readonly string[];
    /** The reverse mapping goes only when its patient_id was certainly never used. */
    readonly patient_id?: string;
  };
  /** What gets an expiry (epoch seconds) from now on. */
  readonly expire?: {
    readonly claims: readonly string[];
    readonly indexKeys: readonly string[];
    /** The reverse mapping of a patient_id under which nobody is known to be registered. */
    readonly patient_id?: string;
    readonly at: number;
  };
};

/**
 * The single table. Every write is conditional and says what it expects; every read is strongly consistent, the
 * identifier index included. Throws `AdapterError` with `store-unavailable`, or `in-flight` when others kept writing
 * the same items.
 */
export interface MappingStore {
  find(id: string): Promise<Mapping | undefined>;
  /** Those that exist, in no particular order. */
  findMany(ids: readonly string[]): Promise<readonly Mapping[]>;
  /** FHIR ids to which any of the index keys leads, without repetitions. */
  findIdsByIndexKeys(indexKeys: readonly string[]): Promise<readonly string[]>;
  /** FHIR id by patient_id, for those that are mapped. */
  findIdsByPatientIds(patient_ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Those of the claims that somebody holds; one that has expired may be among them. */
  findClaims(keys: readonly string[]): Promise<readonly Claim[]>;
  /**
   * Undefined when begun; otherwise nothing was written. Throws `outcome-unknown` when the transaction that it is part of
   * is in other hands.
   */
  begin(begin: Begin): Promise<Conflict | undefined>;
  /**
   * Takes a claim for a patient that exists already. False when somebody else holds it, or one of the `unclaimed` keys;
   * then nothing was written. `now` in epoch milliseconds.
   */
  addClaim(claim: Begin["claims"][number], unclaimed: readonly string[], now: number): Promise<boolean>;
  /** False when the operation with this token is not open any more; then nothing was written. */
  finish(finish: Finish): Promise<boolean>;
  /**
   * Removes an abandoned registration and all that it holds, unless it was taken up again since. Nothing else is ever
   * removed without an operation.
   */
  forgetAbandoned(mapping: Mapping): Promise<void>;
  /** Mappings whose open operation anyone may decide at `now` (epoch milliseconds), `limit` of them at most. */
  findOverdue(now: number, limit: number): Promise<Overdue<Mapping>>;
  /** Hands an open operation to another owner: same operation under a new token and new times. */
  takeOver(mapping: Mapping, operation: Operation): Promise<boolean>;
  /** Writes the record of a transaction, before anything of it. */
  beginTransaction(transaction: Transaction): Promise<void>;
  /** Undefined when it has ended. */
  findTransaction(id: string): Promise<Transaction | undefined>;
  /**
   * Ends a transaction well: its record goes, and these patients of it (at most 99) stand on their own from now on. False
   * when it is in other hands; then nothing was written.
   */
  commitTransaction(transaction: Transaction, mappings: readonly Mapping[]): Promise<boolean>;
  /** Hands a transaction to who is going to undo it: the same under a new token and new times. */
  takeOverTransaction(transaction: Transaction, next: Transaction): Promise<boolean>;
  /** Ends a transaction of which nothing is left. False when it is in other hands. */
  endTransaction(transaction: Transaction): Promise<boolean>;
  /** Transactions that anyone may undo at `now` (epoch milliseconds), `limit` of them at most. */
  findOverdueTransactions(now: number, limit: number): Promise<Overdue<Transaction>>;
}
