import { randomUUID } from "node:crypto";
import { AdapterError, type Failure } from "../../shared/failure/failure.ts";
import type { Demographics } from "../../shared/mapping/demographics.ts";
import type { ParticleCall, ParticleGateway, ParticlePatient } from "../../shared/particle/particle-gateway.ts";

type ParticleMethod = keyof ParticleGateway;

type ProgrammedFailure = {
  readonly failure: Failure;
  /** Default false. */
  readonly outcomeUnknown?: boolean;
  /** Whether Particle does what was asked all the same; default false. */
  readonly carriedOut?: boolean;
};

type HeldPatient = { readonly particle_patient_id: string; readonly demographics: Demographics };

export type FakeParticleGateway = ParticleGateway & {
  /** What Particle holds by patient_id; change it to let something happen behind the adapter's back. */
  readonly held: Map<string, HeldPatient>;
  /** Every call in its order, the failed ones too. */
  readonly calls: readonly { readonly method: ParticleMethod; readonly patient_id?: string }[];
  /** The next call of the method, of those that are not yet spoken for, fails. */
  failNext(method: ParticleMethod, failure: ProgrammedFailure): void;
  /** Runs within the next call of the method, before it is carried out: for what happens in between. */
  beforeNext(method: ParticleMethod, action: () => void | Promise<void>): void;
};

export type FakeParticleOptions = {
  /** How many of the identity fields must change at once to be refused as an overlay; 0 = never. Default 2. */
  readonly overlayThreshold?: number;
  /** Epoch milliseconds, for deadlines. */
  readonly now?: () => number;
};

const PAGE_SIZE = 200;
const IDENTITY = ["given_name", "family_name", "date_of_birth", "gender", "ssn"] as const;

/** Particle in memory: the behaviour that the contract suite asks of every ParticleGateway, and failures on demand. */
export function createFakeParticleGateway(options: FakeParticleOptions = {}): FakeParticleGateway {
  const { overlayThreshold = 2, now = Date.now } = options;
  const held = new Map<string, HeldPatient>();
  const calls: { method: ParticleMethod; patient_id?: string }[] = [];
  const failures: { method: ParticleMethod; failure: ProgrammedFailure }[] = [];
  const actions: { method: ParticleMethod; action: () => void | Promise<void> }[] = [];

  async function perform<Result>(
    called: { readonly method: ParticleMethod; readonly patient_id?: string },
    { deadline }: ParticleCall,
    carryOut: () => Result,
  ): Promise<Result> {
    calls.push(called);
    const failure = takeFirst(failures, called.method)?.failure;
    await takeFirst(actions, called.method)?.action();
    if (now() >= deadline) {
      throw new AdapterError({ kind: "particle-unavailable", retryAfterSeconds: 10 }, "The deadline is over.");
    }
    if (failure === undefined) {
      return carryOut();
    }
    if (failure.carriedOut) {
      carryOut();
    }
    throw new AdapterError(failure.failure, `${called.method} was told to fail.`, {
      outcomeUnknown: failure.outcomeUnknown ?? false,
    });
  }

  return {
    held,
    calls,
    failNext: (method, failure) => void failures.push({ method, failure }),
    beforeNext: (method, action) => void actions.push({ method, action }),

    putPatient: (patient_id, demographics, call) =>
      perform({ method: "putPatient", patient_id }, call, () => {
        const before = held.get(patient_id);
        if (before !== undefined && isOverlay(before.demographics, demographics, overlayThreshold)) {
          throw new AdapterError({ kind: "particle-overlay" }, "The demographics are of another person.");
        }
        const patient = { particle_patient_id: before?.particle_patient_id ?? randomUUID(), demographics };
        held.set(patient_id, patient);
        return echo(patient_id, patient);
      }),

    getPatient: (patient_id, call) =>
      perform({ method: "getPatient", patient_id }, call, () => {
        const patient = held.get(patient_id);
        return patient && echo(patient_id, patient);
      }),

    deletePatient: (patient_id, call) =>
      perform({ method: "deletePatient", patient_id }, call, () => {
        held.delete(patient_id);
        return {};
      }),

    async *listPatientIds(continuation_token, call) {
      let after = continuation_token;
      do {
        const page = await perform({ method: "listPatientIds" }, call, () => pageAfter([...held.keys()].sort(), after));
        yield page;
        after = page.continuation_token;
      } while (after !== undefined);
    },
  };
}

function takeFirst<Entry extends { readonly method: ParticleMethod }>(
  entries: Entry[],
  method: ParticleMethod,
): Entry | undefined {
  const index = entries.findIndex((entry) => entry.method === method);
  return index < 0 ? undefined : entries.splice(index, 1)[0];
}

function isOverlay(before: Demographics, after: Demographics, threshold: number): boolean {
  const changed = IDENTITY.filter((field) => {
    const [old, young] = [before[field], after[field]];
    return old !== undefined && young !== undefined && old.toLowerCase() !== young.toLowerCase();
  });
  return threshold > 0 && changed.length >= threshold;
}

/** Particle answers a telephone in a form of its own. */
function echo(patient_id: string, { particle_patient_id, demographics }: HeldPatient): ParticlePatient {
  const telephone = demographics.telephone?.replace(/^(?:1-)?(\d{3})-(\d{3})-(\d{4})$/, "($1) $2-$3");
  return {
    patient_id,
    particle_patient_id,
    demographics: { ...demographics, ...(telephone !== undefined && { telephone }) },
  };
}

/** The token is the last id of the page before. */
function pageAfter(sorted: readonly string[], token: string | undefined) {
  const rest = token === undefined ? sorted : sorted.filter((id) => id > token);
  const patient_ids = rest.slice(0, PAGE_SIZE);
  const last = patient_ids.at(-1);
  return { patient_ids, ...(rest.length > PAGE_SIZE && last !== undefined && { continuation_token: last }) };
}
