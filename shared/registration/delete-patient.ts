import type { Registration, Task } from "./registration.ts";
import { removePatient } from "./remove-patient.ts";
import { requireVersion } from "./require-version.ts";
import { settled } from "./settle.ts";

/**
 * Deletes the patient, as {@link removePatient} does. A patient that is not there counts as deleted.
 *
 * @returns whether there was one to delete.
 * @throws AdapterError `version-conflict`, `in-flight`, or what the gateway and the store throw.
 */
export async function deletePatient(
  registration: Registration,
  { id, ifMatch }: { readonly id: string; readonly ifMatch?: string },
  task: Task,
): Promise<boolean> {
  const find = async () => {
    const mapping = await settled(registration, id, task);
    // Repeated after a lost reply, a deletion names the version before it.
    if (mapping && mapping.state !== "deleted") {
      requireVersion(mapping, ifMatch);
    }
    return mapping;
  };
  return removePatient(registration, find, task);
}
