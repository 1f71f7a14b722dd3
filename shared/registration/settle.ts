import type { Mapping } from "../store/mapping-store.ts";
import { withoutOperation } from "./decide.ts";
import { inFlight, retryAfterSeconds } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { undoTransaction } from "./undo-transaction.ts";

/** How often a mapping may turn out to be in other hands before the client is asked to come back. */
const ROUNDS = 4;

/**
 * The mapping with nothing in flight: an open operation whose time is over is decided on the way, an open transaction
 * whose time is over is undone.
 *
 * @throws AdapterError `in-flight` while that may not be done yet.
 */
export async function settled(registration: Registration, id: string, task: Task): Promise<Mapping | undefined> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = await withoutOperation(registration, id, task);
    if (mapping?.transaction === undefined) {
      return mapping;
    }
    const transaction = await registration.store.findTransaction(mapping.transaction);
    const now = registration.now();
    if (transaction && now < transaction.actionableAt) {
      throw inFlight(retryAfterSeconds(transaction, now));
    }
    if (transaction) {
      await undoTransaction(registration, transaction, task);
    }
  }
  throw inFlight(1);
}
