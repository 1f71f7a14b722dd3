import { AdapterError } from "../failure/failure.ts";
import type { Mapping } from "../store/mapping-store.ts";
import { decide } from "./decide.ts";
import type { Registration, Task } from "./registration.ts";

export type Recovery = {
  /** Open operations whose time was over. */
  readonly found: number;
  /** Of those, the ones that this run decided. */
  readonly decided: number;
  /** Of those, the ones that could not be decided: Particle or the table did not answer. They come up again. */
  readonly failed: number;
  /** Seconds since the longest waiting could first have been decided. */
  readonly oldestSeconds: number;
};

/** Operations that one run looks at. What is left comes up in the next. */
const MOST = 500;
/** Operations that are decided at the same time. */
const PARALLEL = 10;

/**
 * Decides the operations that nobody came back for. Safe beside requests and other runs: whoever decides, only one
 * verdict is written.
 */
export async function recoverRegistrations(registration: Registration, task: Task): Promise<Recovery> {
  const now = registration.now();
  const overdue = await registration.store.findOverdue(now, MOST);
  const oldest = Math.min(now, ...overdue.flatMap(({ operation }) => operation?.actionableAt ?? []));
  const queue = [...overdue];
  let [decided, failed] = [0, 0];
  const work = async () => {
    for (let mapping = queue.shift(); mapping && registration.now() < task.deadline; mapping = queue.shift()) {
      if (await isDecided(registration, mapping, task)) {
        decided += 1;
      } else {
        failed += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return { found: overdue.length, decided, failed, oldestSeconds: Math.ceil((now - oldest) / 1_000) };
}

/** One that fails must not keep the others from being decided; a bug still ends the run. */
async function isDecided(registration: Registration, mapping: Mapping, task: Task): Promise<boolean> {
  try {
    if (mapping.operation) {
      await decide(registration, { ...mapping, operation: mapping.operation }, task);
    }
    return true;
  } catch (error) {
    if (error instanceof AdapterError) {
      return false;
    }
    throw error;
  }
}
