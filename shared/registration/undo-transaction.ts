import type { Transaction } from "../store/mapping-store.ts";
import { withoutOperation } from "./decide.ts";
import { inParallel } from "./in-parallel.ts";
import { inFlight, takenOver } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { removePatient } from "./remove-patient.ts";

const PARALLEL = 4;

/**
 * Deletes every patient that an open transaction has registered, then its record. Whoever does so takes the record over
 * first: from then on nothing of the transaction can begin or be committed any more. Repeated by whoever comes next when
 * it fails on the way.
 *
 * @throws AdapterError `in-flight` when somebody else has it in hand or a registration of it cannot be decided yet, or
 *   what the gateway and the store throw.
 */
export async function undoTransaction(registration: Registration, open: Transaction, task: Task): Promise<void> {
  const { store, decided } = registration;
  const transaction = takenOver(registration, open, task);
  if (!(await store.takeOverTransaction(open, transaction))) {
    throw inFlight(1);
  }
  const removals = transaction.ids.map((id) => async () => {
    const find = async () => {
      const mapping = await withoutOperation(registration, id, task);
      return mapping?.transaction === transaction.id ? mapping : undefined;
    };
    await removePatient(registration, find, { ...task, owner: transaction.owner });
  });
  // One that fails must not keep the others at Particle.
  const ends = await inParallel(PARALLEL, removals);
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) {
    throw failed.reason;
  }
  if (await store.endTransaction(transaction)) {
    for (const { id } of (await store.findMany(transaction.ids)).filter(({ state }) => state === "deleted")) {
      decided({ id, kind: "create", owner: transaction.owner, verdict: "undone" });
    }
  }
}
