import { inFlight, settled } from "./decide.ts";
import { carryOut, newOperation } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { requireVersion } from "./require-version.ts";
import { NO_CONTENT, opened } from "./transitions.ts";

const ROUNDS = 5;

/**
 * Deletes the patient at Particle, with every document that Particle holds for it. The tombstone keeps the patient_id
 * and the digests; identifiers and claims go. A patient that is not there counts as deleted; one whose registration was
 * abandoned is deleted all the same, so that nothing of it can block another.
 *
 * @throws AdapterError `version-conflict`, `in-flight`, or what the gateway and the store throw.
 */
export async function deletePatient(
  registration: Registration,
  { id, ifMatch }: { readonly id: string; readonly ifMatch?: string },
  task: Task,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = await settled(registration, id, task);
    requireVersion(mapping, ifMatch);
    if (mapping === undefined || mapping.state === "deleted") {
      return;
    }
    const { sent } = mapping;
    const next = opened(mapping, "delete", { ...NO_CONTENT, ...(sent && { sent }) }, newOperation(registration, task));
    const conflict = await registration.store.begin({
      next,
      prior: mapping,
      claims: [],
      unclaimed: [],
      indexKeys: [],
      now: registration.now(),
    });
    if (!conflict) {
      await carryOut(registration, next, async (deadline) => {
        await registration.particle.deletePatient(mapping.patient_id, { deadline });
        return {};
      });
      return;
    }
  }
  throw inFlight(1);
}
