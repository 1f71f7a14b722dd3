import type { Scheduler } from "fast-check";
import { isPresent } from "../../shared/registration/matching.ts";
import { recoverRegistrations } from "../../shared/registration/recover-registrations.ts";
import { type Fate, interleave } from "./interleaved-registration.ts";
import { type Later, lifeGoesOn, worldOf } from "./protocol-aftermath.ts";
import { type Answer, answerOf, undeleted, unexpected, unfounded } from "./protocol-answers.ts";
import { earlyRetryFaults } from "./protocol-early-retries.ts";
import { type ProtocolRequest, REQUESTS, type RequestName } from "./protocol-requests.ts";
import { type Harness, SETTLE_MS } from "./registration-harness.ts";
import { discrepancies, type Expectations } from "./registration-invariants.ts";

/** As long as the harness gives a request. */
const DEADLINE_MS = 20_000;

/** What happens, apart from the order of the steps. */
export type Plan = {
  /** Requests that run at once. */
  readonly first: readonly { readonly request: RequestName; readonly fate: Fate }[];
  /**
   * Steps after which the clock passes the deadline, and then the time to settle, while the first requests still run;
   * without, it stands until they are done.
   */
  readonly clockMovesAfter: number | undefined;
  /** Who comes next, once the time is over: a retry of one of the first by its place, or the recovery. */
  readonly second: readonly { readonly who: number | "recover"; readonly fate: Fate }[];
  /** Whether the last retries come before the last recovery. */
  readonly retriesFirst: boolean;
  /** What normal life goes on with after everything has been decided. */
  readonly later: Later;
};

export type Run = {
  readonly harness: Harness;
  readonly scheduler: Scheduler;
  readonly plan: Plan;
  readonly expectations: Expectations;
  /** Whether all requests are about one identity, so that they never make more than one patient. */
  readonly isOneIdentity: boolean;
};

type Actor = { readonly name: string; readonly request: ProtocolRequest; readonly fate: Fate };

/**
 * Runs a plan, under the scheduler where things happen at once.
 *
 * @returns what went wrong, a sentence each.
 */
export async function faultsOf(run: Run): Promise<string[]> {
  const { harness, scheduler, plan, expectations } = run;
  const faults: string[] = [];
  const answers: Answer[] = [];
  const interleaved = interleave(harness, scheduler);
  const hash = await harness.keyedHash();

  async function ask({ name, request, fate }: Actor): Promise<void> {
    const since = interleaved.recorded.length;
    const before = new Map(harness.store.contents.mappings);
    const task = { ...harness.task(), owner: name };
    const answer = await answerOf(request.run(interleaved.actor(name, fate), task));
    answers.push(answer);
    if ("registered" in answer) {
      const wrong = [
        ...(answer.registered ? unfounded(interleaved, hash, request, answer.registered) : []),
        ...(request.does === "delete" ? undeleted(harness, interleaved.recorded.slice(since), before, request) : []),
      ];
      faults.push(...wrong.map((why) => `${name} was answered ${answer.registered?.outcome ?? "done"}: ${why}`));
    }
  }

  /** Starts them at once; the names of those who are not done, in the end only the crashed ones. */
  function start(actors: readonly Actor[]): ReadonlySet<string> {
    const running = new Set(actors.filter(({ fate }) => fate.crashAt === undefined).map(({ name }) => name));
    for (const actor of actors) {
      ask(actor)
        .catch((error: unknown) => {
          faults.push(`${actor.name} failed with a bug: ${error instanceof Error ? error.stack : String(error)}`);
        })
        .finally(() => running.delete(actor.name));
    }
    return running;
  }

  /** Goes on until nothing can move any more. */
  async function idle(...running: readonly ReadonlySet<string>[]): Promise<void> {
    await scheduler.waitIdle();
    faults.push(...running.flatMap((names) => [...names]).map((name) => `${name} never came to an end.`));
  }

  const first = plan.first.map(({ request, fate }, place): Actor => {
    return { name: `first ${place} (${request})`, request: REQUESTS[request], fate };
  });
  const second = (word: string) =>
    plan.second.map(({ who, fate }, place): Actor => {
      const retried = who === "recover" ? undefined : first[who % first.length];
      return { name: `${word} ${place} (${who})`, request: retried?.request ?? REQUESTS.recover, fate };
    });

  const running = start(first);
  let begun: string | undefined;
  if (plan.clockMovesAfter === undefined) {
    await idle(running);
    begun = openCreation(harness);
    faults.push(...(await earlyRetryFaults(harness, first)));
    harness.pass(DEADLINE_MS + 1);
    faults.push(...(await earlyRetryFaults(harness, first)));
    harness.pass(SETTLE_MS);
    interleaved.observe();
    await idle(start(second("next")));
  } else {
    await scheduler.waitNext(Math.min(plan.clockMovesAfter, scheduler.count()));
    harness.pass(DEADLINE_MS + 1);
    const early = start(second("early"));
    await scheduler.waitFor(interleaved.landed());
    harness.pass(SETTLE_MS);
    await idle(running, early, start(second("next")));
  }
  harness.pass(DEADLINE_MS + SETTLE_MS + 1);

  const recover = async () => {
    const { failed } = await recoverRegistrations(harness, harness.task());
    faults.push(...(failed > 0 ? [`The recovery failed to decide ${failed} operations.`] : []));
  };
  if (!plan.retriesFirst) {
    await recover();
    faults.push(...discrepancies(worldOf(harness, hash), expectations));
  }
  for (const { name, request } of first) {
    const answer = await answerOf(request.run(harness, harness.task()));
    answers.push(answer);
    faults.push(...unexpected(harness, `The last retry of ${name}`, request, answer));
  }
  await recover();
  faults.push(...interleaved.faults, ...discrepancies(worldOf(harness, hash), expectations));
  faults.push(...identityFaults(run, answers, begun), ...lostFaults(run, answers));
  const requests = first.map(({ request }) => request);
  return faults.length > 0 ? faults : lifeGoesOn(harness, hash, requests, plan.later, expectations);
}

/** Who was said to be there is there, unless a request says otherwise. */
function lostFaults({ harness, plan }: Run, answers: readonly Answer[]): string[] {
  const { mappings } = harness.store.contents;
  const mayGo = plan.first.some(({ request }) => ["delete", "replace"].includes(REQUESTS[request].does));
  const told = answers.flatMap((answer) => ("registered" in answer && answer.registered) || []);
  return told.flatMap(({ outcome, mapping: { id } }) => {
    const mapping = mappings.get(id);
    return mayGo || (mapping && isPresent(mapping))
      ? []
      : [`Somebody was answered ${outcome} of ${id}, which is ${mapping?.state ?? "gone"}.`];
  });
}

const patientOf = ({ patient }: ProtocolRequest) => patient;

/** The patient_id of a registration of unknown outcome. */
const openCreation = ({ store: { contents } }: Harness): string | undefined =>
  [...contents.mappings.values()].find(({ state }) => state === "registering")?.patient_id;

/**
 * One identity is one patient, and is created once: a registration of unknown outcome is what its retry goes on with, so
 * that Particle knows the person by one patient_id even if the first request arrives much too late.
 *
 * @param begun the patient_id of such a registration.
 */
function identityFaults(
  { harness, plan, isOneIdentity }: Run,
  answers: readonly Answer[],
  begun: string | undefined,
): string[] {
  if (!isOneIdentity) {
    return [];
  }
  const does = new Set(plan.first.map(({ request }) => REQUESTS[request].does));
  const held = harness.particle.held.size;
  const registered = answers.flatMap((answer) => ("registered" in answer && answer.registered) || []);
  const created = registered.filter(({ outcome }) => outcome === "created").length;
  const lost = answers.some(
    (answer) => "error" in answer && answer.error.failure.kind === "not-found" && does.has("read"),
  );
  const isUnderOwnId = plan.first.some(({ request }) => patientOf(REQUESTS[request])?.id !== undefined);
  const isResumed = begun === undefined || held === 0 || harness.particle.held.has(begun);
  return [
    ...(does.has("delete") || isUnderOwnId || isResumed ? [] : [`${begun} was begun, and another was registered.`]),
    ...(held > 1 ? [`Particle holds ${held} patients of one identity.`] : []),
    ...(does.has("delete") || created <= 1 ? [] : [`${created} requests were told that they had created the patient.`]),
    ...(does.has("delete") || !does.has("create") || held === 1 ? [] : ["The last create left nobody at Particle."]),
    ...(does.has("delete") || !lost ? [] : ["A registered patient was read and not found at Particle."]),
  ];
}
