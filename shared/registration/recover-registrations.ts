import type { Mapping, Overdue } from "../store/mapping-store.ts";
import { decide } from "./decide.ts";
import { inParallel } from "./in-parallel.ts";
import { overdueSince } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { undoTransaction } from "./undo-transaction.ts";

export type Recovery = {
  /** Open operations and transactions whose time was over. */
  readonly found: number;
  /** Of those, the ones that this run decided. */
  readonly decided: number;
  /**
   * Of those, the ones that could not be decided: Particle or the table did not answer, or what the table holds cannot be
   * read. They come up again.
   */
  readonly failed: number;
  /** Seconds since the longest waiting could first have been decided. */
  readonly oldestSeconds: number;
};

/** Operations, and transactions, that one run looks at. What is left comes up in the next. */
const MOST = 500;
/** Operations, or transactions, that are decided at the same time. */
const PARALLEL = 10;

/** Something that waits to be decided. */
type Waiting = { readonly since: number; readonly decide: () => Promise<void> };

/**
 * Decides the operations that nobody came back for, and undoes the transactions. Safe beside requests and other runs:
 * whoever decides, only one verdict is written.
 *
 * @param report told of whatever kept an operation or a transaction from being decided.
 */
export async function recoverRegistrations(
  registration: Registration,
  task: Task,
  report: (error: unknown) => void = () => undefined,
): Promise<Recovery> {
  const { store } = registration;
  const now = registration.now();
  const [mappings, records] = await Promise.all([
    store.findOverdue(now, MOST),
    store.findOverdueTransactions(now, MOST),
  ]);
  const operations = [
    ...mappings.found.flatMap((mapping) => ofMapping(registration, mapping, task)),
    ...mappings.unreadable.map(undecidable),
  ];
  const transactions = [
    ...records.found.map((transaction) => ({
      since: overdueSince(transaction),
      decide: () => undoTransaction(registration, transaction, task),
    })),
    ...records.unreadable.map(undecidable),
  ];
  // What a transaction has registered without a known outcome is decided before the transaction is undone.
  const ends = [
    ...(await decideAll(registration, operations, task, report)),
    ...(await decideAll(registration, transactions, task, report)),
  ];
  const overdue = [...operations, ...transactions];
  const oldest = Math.min(now, ...overdue.map(({ since }) => since));
  return {
    found: overdue.length,
    decided: ends.filter((isDecided) => isDecided === true).length,
    failed: ends.filter((isDecided) => isDecided === false).length,
    oldestSeconds: Math.ceil((now - oldest) / 1_000),
  };
}

const ofMapping = (registration: Registration, { operation, ...mapping }: Mapping, task: Task): Waiting[] =>
  operation
    ? [
        {
          since: overdueSince(operation),
          decide: () => decide(registration, { ...mapping, operation }, task),
        },
      ]
    : [];

const undecidable = ({ error, actionableAt }: Overdue<unknown>["unreadable"][number]): Waiting => ({
  since: actionableAt,
  decide: () => Promise.reject(error),
});

/**
 * One that fails must not keep the others from being decided.
 *
 * @returns whether each was decided; undefined where there was no time left for it.
 */
async function decideAll(
  registration: Registration,
  overdue: readonly Waiting[],
  task: Task,
  report: (error: unknown) => void,
): Promise<(boolean | undefined)[]> {
  const ends = await inParallel(
    PARALLEL,
    overdue.map(
      (one) => () => (registration.now() < task.deadline ? isDecided(one, report) : Promise.resolve(undefined)),
    ),
  );
  return ends.map((end) => {
    if (end.status === "rejected") {
      throw end.reason;
    }
    return end.value;
  });
}

/** Whatever keeps one from being decided is counted, and keeps no other from it. */
async function isDecided(overdue: Waiting, report: (error: unknown) => void): Promise<boolean> {
  try {
    await overdue.decide();
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}
