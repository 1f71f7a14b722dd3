import { AdapterError } from "../failure/failure.ts";
import { canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { ParticlePatient, Written } from "../particle/particle-gateway.ts";
import type { Digest, Mapping, Operation } from "../store/mapping-store.ts";
import type { Registration, Task } from "./registration.ts";
import { type Completion, completed, type OpenMapping, rolledBack } from "./transitions.ts";

/** What an abandoned create keeps at least, also where identical content is never taken for a retry. */
const LEAST_KEPT_MS = 24 * 60 * 60 * 1_000;

/** Epoch seconds until which ids and claims are kept for a retry. */
export const keptUntil = ({ now, settings }: Registration): number =>
  Math.ceil((now() + (settings.retryWindowMs || LEAST_KEPT_MS)) / 1_000);

export const inFlight = (seconds: number): AdapterError =>
  new AdapterError({ kind: "in-flight", retryAfterSeconds: seconds }, "Another operation on the patient is open.");

/**
 * The times and the token of an operation that begins now.
 *
 * @param mapping of the patient that it changes.
 * @throws AdapterError `in-flight` while an attempt of the operation before may still arrive.
 */
export function newOperation(
  { newId, now, settings }: Registration,
  { owner, deadline }: Task,
  mapping?: Mapping,
): Pick<Operation, "token" | "owner" | "deadline" | "actionableAt"> {
  const quiet = (mapping?.unsettledUntil ?? 0) - now();
  if (quiet > 0) {
    throw inFlight(Math.ceil(quiet / 1_000));
  }
  return { token: newId(), owner, deadline, actionableAt: deadline + settings.settleMs };
}

/** What was open, for who goes on with it: how long it has been waiting, and since whose request, stays known. */
export const takenOver = <Open extends Pick<Operation, "owner" | "actionableAt" | "overdueSince">>(
  registration: Registration,
  open: Open,
  task: Task,
): Open => ({
  ...open,
  ...newOperation(registration, task),
  owner: open.owner,
  overdueSince: overdueSince(open),
});

/** Epoch milliseconds. */
export const overdueSince = (open: Pick<Operation, "actionableAt" | "overdueSince">): number =>
  open.overdueSince ?? open.actionableAt;

/** Seconds after which it makes sense to ask again while the operation is open: soon, or once anyone may decide it. */
export function retryAfterSeconds(operation: Pick<Operation, "deadline" | "actionableAt">, now: number): number {
  return now < operation.deadline ? 1 : Math.max(1, Math.ceil((operation.actionableAt - now) / 1_000));
}

/** What Particle's answer adds to the mapping. */
export async function completionOf(
  registration: Registration,
  { particle_patient_id: former }: Mapping,
  patient: ParticlePatient | undefined,
): Promise<Completion> {
  const now = registration.now();
  const times = { now, keptUntil: keptUntil(registration) };
  if (patient === undefined) {
    return times;
  }
  const hash = await registration.keyedHash();
  const { particle_patient_id } = patient;
  const echo = hash.digest(canonicalDemographics(patient.demographics));
  if (particle_patient_id === undefined) {
    return { ...times, echo };
  }
  const system = registration.settings.systems.particle_patient_id;
  return {
    ...times,
    echo,
    particle_patient_id,
    particleIndexKeys: hash.indexKeys([{ system, value: particle_patient_id }]),
    ...(former !== undefined &&
      former !== particle_patient_id && {
        formerIndexKeys: [...hash.indexKeysToFind(system, former), ...hash.indexKeysToFind(undefined, former)],
      }),
  };
}

/** What a call to Particle brought; `sent` where that was not known when the operation began. */
export type Called = Written & { readonly patient?: ParticlePatient; readonly sent?: Digest };

/**
 * Calls Particle for an operation that has begun, then completes it, or rolls it back on a definitive refusal. With an
 * unknown outcome the operation stays open: nobody may act on it before `actionableAt`.
 *
 * @returns the mapping as completed, and what Particle answered.
 * @throws AdapterError of the gateway or the store; `outcome-unknown` when the operation was taken out of our hands.
 */
export async function carryOut(
  registration: Registration,
  mapping: OpenMapping,
  call: (deadline: number) => Promise<Called>,
): Promise<Called & { readonly mapping: Mapping }> {
  const called = await call(mapping.operation.deadline).catch((error: unknown) =>
    refused(registration, mapping, error),
  );
  const completion = {
    ...(await completionOf(registration, mapping, called.patient)),
    ...(called.sent && { sent: called.sent }),
    ...((called.unsettled ?? called.patient?.unsettled) && {
      unsettledUntil: registration.now() + registration.settings.settleMs,
    }),
  };
  const finish = completed(mapping, completion);
  const isOurs = await registration.store.finish(finish).catch((error: unknown) => {
    throw unrecorded(mapping, registration.now(), error);
  });
  return { ...called, mapping: isOurs && finish.next ? finish.next : await recordedResult(registration, mapping) };
}

async function refused(registration: Registration, mapping: OpenMapping, error: unknown): Promise<never> {
  if (!(error instanceof AdapterError)) {
    throw error;
  }
  if (error.outcomeUnknown) {
    throw new AdapterError(withRetryAfter(error, mapping.operation, registration.now()), error.message, {
      cause: error,
      outcomeUnknown: true,
      patients: [mapping.id],
    });
  }
  // When this fails too, the operation stays open and is decided later; the refusal is true all the same.
  await registration.store.finish(rolledBack(mapping, keptUntil(registration))).catch(() => undefined);
  throw error;
}

/** Particle did it, but the table does not say so yet. */
const unrecorded = ({ id, operation }: OpenMapping, now: number, cause: unknown): AdapterError =>
  new AdapterError(
    { kind: "outcome-unknown", retryAfterSeconds: Math.max(1, Math.ceil((operation.actionableAt - now) / 1_000)) },
    "Particle carried the operation out, but its end could not be recorded.",
    { cause, outcomeUnknown: true, patients: [id] },
  );

/** A client that comes back before the operation may be decided would only meet a lock. */
function withRetryAfter({ failure }: AdapterError, operation: Operation, now: number): AdapterError["failure"] {
  const seconds = Math.max(1, Math.ceil((operation.actionableAt - now) / 1_000));
  return "retryAfterSeconds" in failure || failure.kind === "particle-unintelligible"
    ? { ...failure, retryAfterSeconds: seconds }
    : failure;
}

/** Somebody decided the operation meanwhile: what they recorded is the answer, and never a success that is not there. */
async function recordedResult({ store }: Registration, { id, operation }: OpenMapping): Promise<Mapping> {
  const mapping = await store.find(id);
  if (mapping?.lastOperation?.token === operation.token && mapping.lastOperation.result === "completed") {
    return mapping;
  }
  throw new AdapterError(
    { kind: "outcome-unknown", retryAfterSeconds: 1 },
    "The operation was decided by another request before its owner completed it.",
    { outcomeUnknown: true, patients: [id] },
  );
}
