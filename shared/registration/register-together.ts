import { AdapterError } from "../failure/failure.ts";
import type { Transaction } from "../store/mapping-store.ts";
import type { Member } from "./begin-create.ts";
import { conditionClaim, contentClaim, uniqueClaims } from "./claims.ts";
import type { CreateRequest } from "./create-patient.ts";
import { inParallel } from "./in-parallel.ts";
import { intentOf } from "./intent.ts";
import { inFlight, newOperation } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { undoTransaction } from "./undo-transaction.ts";

/** What one create would claim, as keyed hashes. */
export type Identity = { readonly claims: readonly string[]; readonly identifiers: readonly string[] };

/**
 * The identity of a patient that is to be registered, for telling whether another one of the same transaction is the same.
 *
 * @throws AdapterError `unprocessable` with everything that stands in the way of the patient.
 */
export async function identityOf(
  registration: Registration,
  { patient, ifNoneExist }: CreateRequest,
): Promise<Identity> {
  const intent = intentOf(registration, patient, undefined);
  const hash = await registration.keyedHash();
  const claims = [
    contentClaim(hash, intent),
    ...uniqueClaims(hash, intent.identifiers, registration.settings.uniqueIdentifierSystems),
    ...(ifNoneExist ? [conditionClaim(hash, ifNoneExist)] : []),
  ];
  return {
    claims: claims.map(({ key }) => key),
    identifiers: intent.identifiers.map(({ system = "", value }) => conditionClaim(hash, { system, value }).key),
  };
}

/** Whether both claim the same, or one has the identifier that the other makes its condition. */
export const isSameIdentity = (one: Identity, other: Identity): boolean =>
  one.claims.some((key) => other.claims.includes(key) || other.identifiers.includes(key)) ||
  other.claims.some((key) => one.identifiers.includes(key));

/** What runs together: creates first, then reads, which see what the creates have made. */
export type Together<Result> = {
  /** Each under a fresh id. */
  readonly creates: readonly {
    readonly id: string;
    readonly register: (task: Task, member: Member) => Promise<Result>;
  }[];
  readonly reads: readonly ((task: Task) => Promise<Result>)[];
};

/** Every begin of a create checks the record, and two at the same time make one of them wait and try again. */
const PARALLEL = 4;
/** The rest of the time is for taking back what was done. */
const SHARE_OF_TIME = 0.7;

/**
 * Registers several patients, or none of them. Their ids are written in a record before the first of them is begun, and
 * the record goes in the same write that lets all of them stand on their own; until then, everybody else treats them like
 * patients with an open operation. When one create or read fails, the patients that the others have registered are deleted
 * again. What is left behind by a process that ends in between is undone by whoever comes next after its time, and by the
 * recovery. A create that finds its patient registered leaves it as it is, whatever becomes of the others.
 *
 * @returns what the creates and the reads said, in their order.
 * @throws AdapterError of the first create or read that failed, when all is undone; `outcome-unknown` when that, or whether
 *   all are registered, is not known yet.
 */
export async function registerTogether<Result>(
  registration: Registration,
  { creates, reads }: Together<Result>,
  task: Task,
): Promise<{ readonly created: readonly Result[]; readonly read: readonly Result[] }> {
  const { store, newId, now } = registration;
  const begun = now();
  const part: Task = { ...task, deadline: begun + (task.deadline - begun) * SHARE_OF_TIME };
  const readAll = () => allOrFirstFailure(reads.map((read) => () => read(part)));
  if (creates.length === 0) {
    return { created: [], read: await readAll() };
  }
  const ids = creates.map(({ id }) => id);
  const transaction: Transaction = { id: newId(), ids, ...newOperation(registration, task) };
  await store.beginTransaction(transaction);
  try {
    const created = await allOrFirstFailure(
      creates.map(
        ({ id, register }) =>
          () =>
            register(part, { id, within: transaction }),
      ),
    );
    const read = await readAll();
    await commit(registration, transaction);
    return { created, read };
  } catch (error) {
    // Also after a commit that was not answered: to take the record over, it has to be there still.
    await undoTransaction(registration, transaction, task).catch((cause: unknown) => {
      throw outcomeUnknown(registration, transaction, cause);
    });
    throw error;
  }
}

async function commit({ store }: Registration, transaction: Transaction): Promise<void> {
  const members = (await store.findMany(transaction.ids)).filter((mapping) => mapping.transaction === transaction.id);
  if (!(await store.commitTransaction(transaction, members))) {
    throw inFlight(1);
  }
}

/** Seconds from when on it is settled one way or the other. */
const outcomeUnknown = ({ now }: Registration, { actionableAt, ids }: Transaction, cause: unknown): AdapterError =>
  new AdapterError(
    { kind: "outcome-unknown", retryAfterSeconds: Math.max(1, Math.ceil((actionableAt - now()) / 1_000)) },
    "A transaction was neither committed nor undone for certain.",
    { cause, outcomeUnknown: true, patients: ids },
  );

/** Begins nothing more after the first failure, but waits for what is running: that has to be taken back, too. */
async function allOrFirstFailure<Result>(work: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  let hasFailed = false;
  const results: Result[] = [];
  const ends = await inParallel(
    PARALLEL,
    work.map((run, index) => async () => {
      if (!hasFailed) {
        results[index] = await run().catch((error: unknown) => {
          hasFailed = true;
          throw error;
        });
      }
    }),
  );
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) {
    throw failed.reason;
  }
  return results;
}
