import { AdapterError } from "../failure/failure.ts";
import type { Mapping } from "../store/mapping-store.ts";
import type { IdentifierCondition } from "./claims.ts";
import { isPresent, leadsTo } from "./matching.ts";
import { inFlight } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { settled } from "./settle.ts";

const ROUNDS = 4;

/**
 * The one patient that is recorded with the identifier. The index only leads to those who may be: entries are written when
 * an update begins, and outlive a registration that was abandoned.
 *
 * @throws AdapterError `multiple-matches`, or `in-flight` while one that may come to match is being registered, changed or
 *   deleted.
 */
export async function findMatch(
  registration: Registration,
  { system, value }: IdentifierCondition,
  task: Task,
): Promise<Mapping | undefined> {
  const { store } = registration;
  const keys = (await registration.keyedHash()).indexKeysToFind(system, value);
  for (let round = 0; round < ROUNDS; round += 1) {
    const found = await store.findMany(await store.findIdsByIndexKeys(keys));
    const present = found.filter((mapping) => isPresent(mapping) && leadsTo(keys, mapping));
    const current = present.filter(({ state }) => state !== "replaced");
    // A duplicate that was resolved keeps its identifiers; the patient that replaced it is who is meant.
    const [match, ...others] = current.length > 0 ? current : present;
    if (others.length > 0) {
      throw new AdapterError({ kind: "multiple-matches" }, "Several patients are recorded with the identifier.");
    }
    const unsettled = match
      ? [match].filter(({ transaction }) => transaction !== undefined)
      : found.filter(({ operation }) => operation !== undefined);
    if (unsettled.length === 0) {
      return match;
    }
    for (const { id } of unsettled) {
      await settled(registration, id, task);
    }
  }
  throw inFlight(1);
}

/** Whether a patient that was found by the identifier still has it. */
export async function stillMatches(
  { keyedHash }: Registration,
  { system, value }: IdentifierCondition,
  mapping: Mapping,
): Promise<boolean> {
  return leadsTo((await keyedHash()).indexKeysToFind(system, value), mapping);
}

/**
 * Who holds a claim or a patient_id. An update in flight does not hide it; any other open operation, and the transaction
 * that it may be part of, has to end first.
 */
export async function holderOf(registration: Registration, id: string, task: Task): Promise<Mapping | undefined> {
  const mapping = await registration.store.find(id);
  return mapping && isPresent(mapping) && mapping.transaction === undefined ? mapping : settled(registration, id, task);
}
