import { AdapterError } from "../failure/failure.ts";
import type { EchoedDemographics } from "../mapping/demographics.ts";
import type { Mapping } from "../store/mapping-store.ts";
import { inFlight, retryAfterSeconds } from "./operation.ts";
import type { Reading } from "./registration.ts";
import { VISIBILITY } from "./states.ts";

/** A registered patient as Particle holds it now. */
export type Held = { readonly mapping: Mapping; readonly demographics: EchoedDemographics };

const notFound = (reason: "patient" | "version" | "absent-at-particle"): AdapterError =>
  new AdapterError({ kind: "not-found", reason }, `Not found: ${reason}.`);

/**
 * The mapping, where it can be read now.
 *
 * @throws AdapterError `not-found`, `deleted`, or `in-flight` while it is being deleted.
 */
export function requireVisible({ now }: Pick<Reading, "now">, mapping: Mapping | undefined): Mapping {
  if (mapping === undefined) {
    throw notFound("patient");
  }
  switch (VISIBILITY[mapping.state]) {
    case "present":
      return mapping;
    case "absent":
      throw notFound("patient");
    case "deleted":
      throw new AdapterError({ kind: "deleted" }, "The patient was deleted.");
    case "locked":
      throw inFlight(mapping.operation ? retryAfterSeconds(mapping.operation, now()) : 1);
  }
}

/**
 * The patient as Particle holds it. The mapping is read first and Particle second: the other way round, a patient that
 * is created in between would look lost.
 *
 * @param versionId of a vread: only the current version can be read, because Particle keeps no older ones.
 * @throws AdapterError as {@link requireVisible}, `not-found` when Particle does not hold it or the version is another, or
 *   what the gateway throws.
 */
export async function readPatient(
  reading: Reading,
  { id, versionId }: { readonly id: string; readonly versionId?: string },
  deadline: number,
): Promise<Held> {
  const mapping = requireVisible(reading, await reading.store.find(id));
  if (versionId !== undefined && versionId !== String(mapping.version)) {
    throw notFound("version");
  }
  return heldBy(reading, mapping, deadline);
}

/** What Particle holds for a mapping. */
export async function heldBy({ particle }: Reading, mapping: Mapping, deadline: number): Promise<Held> {
  const patient = await particle.getPatient(mapping.patient_id, { deadline });
  if (patient === undefined && mapping.state === "replaced") {
    return { mapping, demographics: {} };
  }
  if (patient === undefined) {
    throw notFound("absent-at-particle");
  }
  return { mapping, demographics: patient.demographics };
}
