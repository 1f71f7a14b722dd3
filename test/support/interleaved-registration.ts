import type { Scheduler } from "fast-check";
import { AdapterError, type Failure } from "../../shared/failure/failure.ts";
import type { Demographics } from "../../shared/mapping/demographics.ts";
import type { ParticleCall, ParticleGateway } from "../../shared/particle/particle-gateway.ts";
import type { Registration } from "../../shared/registration/registration.ts";
import type { Mapping, MappingStore } from "../../shared/store/mapping-store.ts";
import type { Harness } from "./registration-harness.ts";
import { historyDiscrepancies } from "./registration-invariants.ts";

/**
 * What befalls one call of Particle. A `late` request is not answered and takes effect at a moment of its own; a
 * `repeated` one, too, but a repeat of it within the call succeeds at once.
 */
export const PARTICLE_FAULTS = [
  "none",
  "refused",
  "unavailable",
  "lost-request",
  "lost-reply",
  "late",
  "repeated",
] as const;

/** What befalls one write of the store; `late` and `repeated` as above. */
export const STORE_FAULTS = ["none", "lost-request", "lost-reply", "late", "repeated"] as const;

/** What is going to befall one actor; calls beyond the ends of the lists go well. */
export type Fate = {
  /** The number of the step that it never gets past: there its process ends. */
  readonly crashAt?: number | undefined;
  readonly particle: readonly (typeof PARTICLE_FAULTS)[number][];
  /** Steps that a late request is on its way. */
  readonly landsAfter?: number;
  readonly store: readonly (typeof STORE_FAULTS)[number][];
};

/** One write that Particle carried out. */
type Commit = { readonly patient_id: string; readonly demographics: Demographics | undefined };

export type Interleaved = {
  /** The harness as one actor sees it: every call is a step before and a step after its effect. */
  actor(name: string, fate: Fate): Registration;
  /** Done once everything that is still on its way has reached Particle. */
  landed(): Promise<unknown>;
  /** Records what there is now, where something happened without an actor. */
  observe(): void;
  /** Every state in which any mapping ever was, in order. */
  readonly recorded: readonly Mapping[];
  /** What Particle carried out, in order. */
  readonly commits: readonly Commit[];
  /** What was wrong with single writes of the store. */
  readonly faults: readonly string[];
};

const UNAVAILABLE: Failure = { kind: "particle-unavailable", retryAfterSeconds: 10 };
const OUTCOME_UNKNOWN: Failure = { kind: "outcome-unknown", retryAfterSeconds: 60 };

const never = () => new Promise<never>(() => {});

export function interleave(harness: Harness, scheduler: Scheduler): Interleaved {
  const recorded: Mapping[] = [];
  const commits: Commit[] = [];
  const faults: string[] = [];
  const landings: Promise<unknown>[] = [];

  const observe = () => {
    recorded.push(...harness.store.contents.mappings.values());
    commits.push(...[...harness.particle.held].map(([patient_id, { demographics }]) => ({ patient_id, demographics })));
  };
  observe();

  /** Carries a write of the store out, and looks at what it made of the mapping. */
  async function record<Result>(id: string, write: () => Promise<Result>): Promise<Result> {
    const { mappings } = harness.store.contents;
    const before = mappings.get(id);
    const result = await write();
    const after = mappings.get(id);
    if (after && after !== before) {
      recorded.push(after);
    }
    faults.push(...historyDiscrepancies(before ? [before] : [], after ? [after] : []));
    return result;
  }

  function actor(name: string, fate: Fate): Registration {
    let steps = 0;
    let particleCalls = 0;
    let storeWrites = 0;

    async function step(label: string): Promise<void> {
      steps += 1;
      await (steps === fate.crashAt ? never() : scheduler.schedule(Promise.resolve(), `${name}: ${label}`));
    }

    async function inSteps<Result>(label: string, effect: () => Promise<Result>): Promise<Result> {
      await step(label);
      const [result] = await Promise.allSettled([effect()]);
      await step(`${label} answered`);
      if (result.status === "rejected") {
        throw result.reason;
      }
      return result.value;
    }

    function write<Result>(label: string, id: string, effect: () => Promise<Result>): Promise<Result> {
      const fault = fate.store[storeWrites++] ?? "none";
      return inSteps(fault === "none" ? label : `${label} (${fault})`, async () => {
        if (fault === "none") {
          return record(id, effect);
        }
        if (fault === "lost-reply") {
          await record(id, effect);
        }
        if (fault === "late" || fault === "repeated") {
          landings.push(land(`${name}: ${label}`, () => record(id, effect)).catch(() => undefined));
        }
        if (fault === "repeated") {
          return record(id, effect);
        }
        throw new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 2 }, "The store did not answer.");
      });
    }

    /** Long after, so that others can begin and end in between. */
    async function land(label: string, effect: () => Promise<unknown>): Promise<void> {
      for (let step = 0; step < (fate.landsAfter ?? 0); step += 1) {
        await scheduler.schedule(Promise.resolve(), `${label} is on its way`);
      }
      await scheduler.schedule(Promise.resolve(), `${label} lands`);
      await effect();
    }

    /** A call of Particle, `writes` with what it commits. */
    function call<Result extends object | undefined>(
      label: string,
      { deadline }: ParticleCall,
      writes: boolean,
      effect: () => Promise<Result>,
    ): Promise<Result> {
      const fault = fate.particle[particleCalls++] ?? "none";
      const fail = (failure: Failure, outcomeUnknown: boolean) => {
        throw new AdapterError(failure, `${label}: ${fault}`, { outcomeUnknown: writes && outcomeUnknown });
      };
      return inSteps(fault === "none" ? label : `${label} (${fault})`, async () => {
        if (harness.now() >= deadline || fault === "unavailable") {
          fail(UNAVAILABLE, false);
        }
        if (fault === "refused") {
          fail({ kind: "particle-rejected", refused: "demographics" }, false);
        }
        if (fault === "lost-reply") {
          await effect();
        }
        if ((fault === "late" || fault === "repeated") && writes) {
          landings.push(land(`${name}: ${label}`, effect).catch(() => undefined));
        }
        if (fault === "repeated") {
          const result = await effect();
          return writes ? { ...result, unsettled: true } : result;
        }
        if (fault !== "none") {
          fail(OUTCOME_UNKNOWN, true);
        }
        return effect();
      });
    }

    // What is on its way may arrive after its sender gave up.
    const arriving: ParticleCall = { deadline: Number.POSITIVE_INFINITY };

    const particle: ParticleGateway = {
      putPatient: (patient_id, demographics, options) =>
        call(`PUT ${patient_id.slice(-4)}`, options, true, async () => {
          const patient = await harness.particle.putPatient(patient_id, demographics, arriving);
          commits.push({ patient_id, demographics });
          return patient;
        }),
      getPatient: (patient_id, options) =>
        call(`GET ${patient_id.slice(-4)}`, options, false, () => harness.particle.getPatient(patient_id, arriving)),
      deletePatient: (patient_id, options) =>
        call(`DELETE ${patient_id.slice(-4)}`, options, true, async () => {
          await harness.particle.deletePatient(patient_id, arriving);
          commits.push({ patient_id, demographics: undefined });
          return {};
        }),
      listPatientIds: harness.particle.listPatientIds,
    };

    const { store } = harness;
    const wrapped: MappingStore = {
      ...store,
      find: (id) => inSteps(`find ${id.slice(-8)}`, () => store.find(id)),
      findMany: (ids) => inSteps("findMany", () => store.findMany(ids)),
      findIdsByIndexKeys: (keys) => inSteps("findIdsByIndexKeys", () => store.findIdsByIndexKeys(keys)),
      findIdsByPatientIds: (ids) => inSteps("findIdsByPatientIds", () => store.findIdsByPatientIds(ids)),
      findClaims: (keys) => inSteps("findClaims", () => store.findClaims(keys)),
      findOverdue: (now, limit) => inSteps("findOverdue", () => store.findOverdue(now, limit)),
      begin: (begin) =>
        write(`begin ${begin.next.operation?.kind} of ${begin.next.id.slice(-8)}`, begin.next.id, () =>
          store.begin(begin),
        ),
      finish: (finish) =>
        write(`finish ${finish.id.slice(-8)} as ${finish.next?.lastOperation?.result}`, finish.id, () =>
          store.finish(finish),
        ),
      addClaim: (claim, unclaimed, now) =>
        write(`add a claim to ${claim.id.slice(-8)}`, claim.id, () => store.addClaim(claim, unclaimed, now)),
      forgetAbandoned: (mapping) =>
        write(`forget ${mapping.id.slice(-8)}`, mapping.id, () => store.forgetAbandoned(mapping)),
      takeOver: (mapping, operation) =>
        write(`takeOver ${mapping.id.slice(-8)}`, mapping.id, () => store.takeOver(mapping, operation)),
      findTransaction: (id) => inSteps("findTransaction", () => store.findTransaction(id)),
      findOverdueTransactions: (now, limit) =>
        inSteps("findOverdueTransactions", () => store.findOverdueTransactions(now, limit)),
      beginTransaction: (transaction) =>
        write("begin the transaction", transaction.id, () => store.beginTransaction(transaction)),
      commitTransaction: (transaction, mappings) =>
        write("commit the transaction", transaction.id, () => store.commitTransaction(transaction, mappings)),
      takeOverTransaction: (transaction, next) =>
        write("take the transaction over", transaction.id, () => store.takeOverTransaction(transaction, next)),
      endTransaction: (transaction) =>
        write("end the transaction", transaction.id, () => store.endTransaction(transaction)),
    };
    return { ...harness, store: wrapped, particle };
  }

  return { actor, observe, recorded, commits, faults, landed: () => Promise.all(landings) };
}
