import { AdapterError } from "../failure/failure.ts";
import type { Mapping } from "../store/mapping-store.ts";
import type { IdentifierCondition } from "./claims.ts";
import type { Registration, Task } from "./registration.ts";
import { settled } from "./settle.ts";
import { VISIBILITY } from "./states.ts";

/**
 * The one patient that is recorded with the identifier.
 *
 * @throws AdapterError `multiple-matches`, or `in-flight` while one that may come to match is being registered or
 *   deleted.
 */
export async function findMatch(
  registration: Registration,
  { system, value }: IdentifierCondition,
  task: Task,
): Promise<Mapping | undefined> {
  const { store } = registration;
  const hash = await registration.keyedHash();
  const found = await store.findMany(await store.findIdsByIndexKeys(hash.indexKeysToFind(system, value)));
  const present = found.filter(isPresent);
  const current = present.filter(({ state }) => state !== "replaced");
  // A duplicate that was resolved keeps its identifiers; the patient that replaced it is who is meant.
  const [match, ...others] = current.length > 0 ? current : present;
  if (others.length > 0) {
    throw new AdapterError({ kind: "multiple-matches" }, "Several patients are recorded with the identifier.");
  }
  const unsettled = match
    ? [match].find(({ transaction }) => transaction !== undefined)
    : found.find(({ operation }) => operation !== undefined);
  const later = unsettled ? await settled(registration, unsettled.id, task) : match;
  return later && isPresent(later) ? later : undefined;
}

export const isPresent = ({ state }: Mapping): boolean => VISIBILITY[state] === "present";

/**
 * Who holds a claim or a patient_id. An update in flight does not hide it; any other open operation, and the transaction
 * that it may be part of, has to end first.
 */
export async function holderOf(registration: Registration, id: string, task: Task): Promise<Mapping | undefined> {
  const mapping = await registration.store.find(id);
  return mapping && isPresent(mapping) && mapping.transaction === undefined ? mapping : settled(registration, id, task);
}
