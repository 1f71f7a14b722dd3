import type { IdentifierCondition } from "./claims.ts";
import { stillMatches } from "./find-match.ts";
import type { Registration, Task } from "./registration.ts";
import { removePatient } from "./remove-patient.ts";
import { requireVersion } from "./require-version.ts";
import { settled } from "./settle.ts";

export type DeleteRequest = {
  readonly id: string;
  /** The version that the client believes to be current. */
  readonly ifMatch?: string;
  /** The identifier under which the patient was found: without it by now, it is somebody else. */
  readonly foundBy?: IdentifierCondition;
};

/**
 * Deletes the patient, as {@link removePatient} does. A patient that is not there counts as deleted.
 *
 * @returns whether there was one to delete.
 * @throws AdapterError `version-conflict`, `in-flight`, or what the gateway and the store throw.
 */
export async function deletePatient(
  registration: Registration,
  { id, ifMatch, foundBy }: DeleteRequest,
  task: Task,
): Promise<boolean> {
  const find = async () => {
    const mapping = await settled(registration, id, task);
    if (mapping && foundBy && !(await stillMatches(registration, foundBy, mapping))) {
      return undefined;
    }
    // Repeated after a lost reply, a deletion names the version before it.
    if (mapping && mapping.state !== "deleted") {
      requireVersion(mapping, ifMatch);
    }
    return mapping;
  };
  return removePatient(registration, find, task);
}
