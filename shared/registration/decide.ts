import { AdapterError } from "../failure/failure.ts";
import { canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { ParticlePatient, Written } from "../particle/particle-gateway.ts";
import type { Finish, Mapping } from "../store/mapping-store.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { completionOf, inFlight, keptUntil, retryAfterSeconds, takenOver } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { overlaidFields } from "./replace-content.ts";
import { DECISIONS, type Evidence } from "./states.ts";
import { abandoned, completed, drifted, type OpenMapping, rolledBack } from "./transitions.ts";

/** How often a mapping may turn out to be in other hands before the client is asked to come back. */
const ROUNDS = 4;

const isOpen = (mapping: Mapping | undefined): mapping is OpenMapping => mapping?.operation !== undefined;

/**
 * The mapping without an open operation: one whose time is over is decided on the way. The transaction that it may be
 * part of can still be open.
 *
 * @throws AdapterError `in-flight` while the operation may not be decided yet.
 */
export async function withoutOperation(
  registration: Registration,
  id: string,
  task: Task,
): Promise<Mapping | undefined> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = await registration.store.find(id);
    if (!isOpen(mapping)) {
      return mapping;
    }
    const now = registration.now();
    if (now < mapping.operation.actionableAt) {
      throw inFlight(retryAfterSeconds(mapping.operation, now));
    }
    await decide(registration, mapping, task);
  }
  throw inFlight(1);
}

/**
 * Decides an operation of unknown outcome, by what Particle holds now. Only to be called once `actionableAt` has
 * passed: before that, an old request may still land. Whoever else decides at the same time, only one verdict is
 * written.
 */
export async function decide(registration: Registration, mapping: OpenMapping, task: Task): Promise<void> {
  const patient = await registration.particle.getPatient(mapping.patient_id, task);
  const hash = await registration.keyedHash();
  const completion = () => completionOf(registration, mapping, patient);
  const said = patient === undefined ? absence(registration, mapping) : evidence(hash, mapping, patient);
  switch (DECISIONS[mapping.operation.kind][said]) {
    case "complete":
      return finish(registration, mapping, completed(mapping, await completion()));
    case "roll-back":
      return finish(registration, mapping, rolledBack(mapping, keptUntil(registration)));
    case "drift":
      return finish(registration, mapping, drifted(mapping, await completion()));
    case "abandon":
      return finish(registration, mapping, abandoned(mapping, keptUntil(registration)));
    case "repeat":
      return sendAgain(registration, mapping, task);
  }
}

async function finish(
  { store, decided }: Registration,
  { id, operation: { kind, owner } }: OpenMapping,
  end: Finish,
): Promise<void> {
  if (await store.finish(end)) {
    decided({ id, kind, owner, verdict: end.next?.lastOperation?.result ?? "rolled-back" });
  }
}

/** Where duplicates are deleted at Particle, a duplicate that is to become an ordinary patient again was absent before. */
const absence = ({ settings }: Registration, { operation: { kind, priorState } }: OpenMapping): Evidence =>
  kind === "update" && priorState === "replaced" && settings.replacedPatients === "delete" ? "prior" : "absent";

function evidence(hash: KeyedHash, mapping: OpenMapping, patient: ParticlePatient): Evidence {
  const canonical = canonicalDemographics(patient.demographics);
  const { intended, kind } = mapping.operation;
  if (intended.sent && hash.exactlySameContent(intended.sent, canonical)) {
    return "intended";
  }
  if (kind === "adopt" && (!intended.sent || overlaidFields(hash, intended.sent, canonical).length > 0)) {
    // Others may use the patient_id as well: nothing of ours was sent, or what is there is not what we sent.
    return "prior";
  }
  const priors = [mapping.sent, mapping.echo];
  return priors.some((digest) => digest && hash.exactlySameContent(digest, canonical)) ? "prior" : "other";
}

/** Sends something, so the operation is taken over first: the decider's own request gets its own time to settle. */
async function sendAgain(registration: Registration, mapping: OpenMapping, task: Task): Promise<void> {
  const operation = takenOver(registration, mapping.operation, task);
  if (await registration.store.takeOver(mapping, operation)) {
    const deletes = operation.kind === "delete" || registration.settings.replacedPatients === "delete";
    const { unsettled } = deletes ? await deleteAgain(registration, { ...mapping, operation }, task) : {};
    const unsettledUntil = unsettled && registration.now() + registration.settings.settleMs;
    const times = await completionOf(registration, mapping, undefined);
    const end = completed({ ...mapping, operation }, { ...times, ...(unsettledUntil && { unsettledUntil }) });
    await finish(registration, mapping, end);
  }
}

/** What Particle refuses would be refused again and again, and Particle has just said that the patient is there. */
async function deleteAgain(registration: Registration, mapping: OpenMapping, task: Task): Promise<Written> {
  try {
    return await registration.particle.deletePatient(mapping.patient_id, task);
  } catch (error) {
    if (error instanceof AdapterError && error.failure.kind === "particle-rejected") {
      await finish(registration, mapping, rolledBack(mapping, keptUntil(registration)));
    }
    throw error;
  }
}
