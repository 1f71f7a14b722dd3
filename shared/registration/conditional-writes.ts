import type { Patient } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import type { IdentifierCondition } from "./claims.ts";
import { createPatient } from "./create-patient.ts";
import { deletePatient } from "./delete-patient.ts";
import { findMatch } from "./find-match.ts";
import { inFlight } from "./operation.ts";
import type { Registered } from "./registered.ts";
import type { Registration, Task } from "./registration.ts";
import { tryUpdatePatient, type UpdateRequest } from "./update-patient.ts";

export type ConditionalUpdateRequest = Omit<UpdateRequest, "id" | "condition" | "foundBy"> & {
  readonly condition: IdentifierCondition;
};

const ROUNDS = 5;

/**
 * Updates the one patient that is recorded with the identifier, or registers one. Of many at once, one registers it.
 * http://hl7.org/fhir/R4/http.html#cond-update
 *
 * @throws AdapterError `invalid` when the body is of another id than the match, `multiple-matches`, or what creating and
 *   updating throw.
 */
export async function updatePatientConditionally(
  registration: Registration,
  request: ConditionalUpdateRequest,
  task: Task,
): Promise<Registered> {
  const { patient, condition } = request;
  for (let round = 0; round < ROUNDS; round += 1) {
    const match = await findMatch(registration, condition, task);
    if (match) {
      requireSameId(patient, match.id);
    }
    const id = match?.id ?? patient.id;
    if (id === undefined) {
      const created = await createPatient(registration, { patient, ifNoneExist: condition }, task);
      if (created.outcome === "created") {
        return created;
      }
    } else {
      const { condition: _, ...update } = request;
      const found = match ? { foundBy: condition } : { condition };
      const updated = await tryUpdatePatient(registration, { ...update, ...found, id }, task);
      if (updated) {
        return updated;
      }
    }
  }
  throw inFlight(1);
}

function requireSameId({ id }: Patient, matched: string): void {
  if (id !== undefined && id !== matched) {
    throw new AdapterError(
      {
        kind: "invalid",
        faults: [
          {
            severity: "error",
            code: "value",
            expression: "Patient.id",
            diagnostics: `The condition matches Patient/${matched}: leave the id out, or send that one.`,
          },
        ],
      },
      "The body of a conditional update is of another id than the match.",
    );
  }
}

/**
 * Deletes the one patient that is recorded with the identifier; none counts as deleted.
 * http://hl7.org/fhir/R4/http.html#3.1.0.7.1
 *
 * @returns whom it found, and whether there was one to delete.
 * @throws AdapterError `multiple-matches`, or what deleting throws.
 */
export async function deletePatientConditionally(
  registration: Registration,
  { condition, ifMatch }: { readonly condition: IdentifierCondition; readonly ifMatch?: string },
  task: Task,
): Promise<{ readonly id?: string; readonly wasThere: boolean }> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const match = await findMatch(registration, condition, task);
    if (!match) {
      return { wasThere: false };
    }
    const request = { id: match.id, foundBy: condition, ...(ifMatch !== undefined && { ifMatch }) };
    if (await deletePatient(registration, request, task)) {
      return { id: match.id, wasThere: true };
    }
    // Somebody else deleted it, or took the identifier off it.
  }
  throw inFlight(1);
}
