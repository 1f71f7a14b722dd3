import { AdapterError } from "../failure/failure.ts";
import type { Conflict } from "../store/mapping-store.ts";
import { decisiveClaim, kindOfClaim } from "./claims.ts";
import { holderOf } from "./find-match.ts";
import { isPresent } from "./matching.ts";
import type { Registration, Task } from "./registration.ts";
import { settled } from "./settle.ts";

/** The FHIR id that is to be written, and the patient_id where the data names it. */
type Writing = { readonly id: string; readonly patient_id?: string | undefined };

/**
 * What to do about somebody who holds an identity that a write of another patient needs: try again, or give its
 * condition up as `lost`. A registration that was abandoned blocks nobody, except under a patient_id that the data
 * names: that one stays with its FHIR id.
 *
 * @throws AdapterError `duplicate` when another patient holds a unique identifier or the patient_id, `in-flight` while it
 *   is not known whether it does, or what the gateway and the store throw.
 */
export async function yieldTo(
  registration: Registration,
  writing: Writing,
  conflict: Exclude<Conflict, { readonly kind: "mapping" }>,
  task: Task,
): Promise<"again" | "lost"> {
  const held = conflict.kind === "claims" ? decisiveClaim(conflict.claims) : conflict;
  const holder = held && (await holderOf(registration, held.id, task));
  if (!holder || holder.id === writing.id) {
    return "again";
  }
  if (holder.state === "abandoned" && holder.patient_id !== writing.patient_id) {
    await registration.store.forgetAbandoned(holder);
    return "again";
  }
  if (holder.state === "abandoned") {
    throw duplicateOf(holder.id);
  }
  if (held && "key" in held && kindOfClaim(held) === "IF-NONE-EXIST") {
    return isPresent(holder) ? "lost" : "again";
  }
  if (conflict.kind === "claims" && holder.operation) {
    // It may be about to give the identity up.
    await settled(registration, holder.id, task);
    return "again";
  }
  throw duplicateOf(holder.id);
}

const duplicateOf = (holder: string): AdapterError =>
  new AdapterError({ kind: "duplicate", holder }, "Another patient holds a unique identity.");
