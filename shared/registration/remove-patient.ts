import type { Mapping } from "../store/mapping-store.ts";
import { carryOut, inFlight, newOperation } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { NO_CONTENT, NOTHING_TAKEN, opened } from "./transitions.ts";

const ROUNDS = 5;

/**
 * Deletes a patient at Particle, with every document that Particle holds for it. The tombstone keeps the patient_id and
 * the digests; identifiers and claims go. Of a registration that was abandoned, which Particle does not hold, nothing
 * stays that could block another.
 *
 * @param find the patient as it is now, without an open operation; undefined where there is nothing to delete.
 * @returns whether there was something to delete.
 * @throws AdapterError `in-flight`, or what `find`, the gateway and the store throw.
 */
export async function removePatient(
  registration: Registration,
  find: () => Promise<Mapping | undefined>,
  task: Task,
): Promise<boolean> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = await find();
    if (mapping === undefined || mapping.state === "deleted") {
      return false;
    }
    if (mapping.state === "abandoned") {
      await registration.store.forgetAbandoned(mapping);
      continue;
    }
    // After a drift, what Particle was found to hold is all that is known of the person.
    const sent = mapping.sent ?? mapping.echo;
    const next = opened(
      mapping,
      "delete",
      { ...NO_CONTENT, ...(sent && { sent }) },
      newOperation(registration, task, mapping),
    );
    const conflict = await registration.store.begin({
      next,
      prior: mapping,
      ...NOTHING_TAKEN,
      now: registration.now(),
    });
    if (!conflict) {
      await carryOut(registration, next, (deadline) =>
        registration.particle.deletePatient(mapping.patient_id, { deadline }),
      );
      return true;
    }
  }
  throw inFlight(1);
}
