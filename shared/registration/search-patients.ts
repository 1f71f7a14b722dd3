import { AdapterError } from "../failure/failure.ts";
import type { ParticleGateway } from "../particle/particle-gateway.ts";
import type { Mapping } from "../store/mapping-store.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { isPresent, leadsTo } from "./matching.ts";
import { type Held, heldBy } from "./read-patient.ts";
import type { Reading } from "./registration.ts";

/** What searches need: reads, and hashes for the identifier index. */
export type Searching = Reading & { readonly keyedHash: () => Promise<KeyedHash> };

/** Where a listing goes on: a page of Particle's list, and a place in it. */
export type Position = { readonly continuation_token?: string; readonly after?: string };

export type Listing = { readonly patients: readonly Held[]; readonly next?: Position };

/** Alternatives of one search parameter: a patient that meets any of them meets the parameter. */
export type Criterion =
  | { readonly ids: readonly string[] }
  /** `system` undefined = any, empty = none. */
  | { readonly identifiers: readonly { readonly system: string | undefined; readonly value: string }[] };

export type Matches = Listing & { readonly total: number };

/** What one page may hold. */
export type PageLimit = {
  /** Most patients. */
  readonly count: number;
  /** The first of the patients: as many as fit an answer, and one at least. */
  readonly fitting: (patients: readonly Held[]) => readonly Held[];
};

/** The patients that meet every criterion, in the order of their ids, a page of them from `after` on. */
export async function searchPatients(
  searching: Searching,
  criteria: readonly Criterion[],
  after: string,
  { count, fitting }: PageLimit,
  deadline: number,
): Promise<Matches> {
  const candidates = await Promise.all(criteria.map((criterion) => candidatesOf(searching, criterion)));
  const [first = NOBODY, ...others] = candidates;
  const ids = [...new Set(first.ids)].filter((id) => others.every(({ ids }) => ids.includes(id)));
  const present = (await searching.store.findMany(ids))
    .filter((mapping) => isPresent(mapping) && candidates.every(({ isMet }) => isMet(mapping)))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const rest = present.filter(({ id }) => id > after);
  const taken = rest.slice(0, count);
  const found = await held(searching, taken, deadline);
  const patients = fitting(found);
  const last =
    patients.length < found.length ? patients.at(-1)?.mapping : rest.length > count ? taken.at(-1) : undefined;
  return { total: present.length, patients, ...(last && { next: { after: last.id } }) };
}

/** Who may meet a criterion, and whether one does. */
type Candidates = { readonly ids: readonly string[]; readonly isMet: (mapping: Mapping) => boolean };

const NOBODY: Candidates = { ids: [], isMet: () => false };

async function candidatesOf({ store, keyedHash }: Searching, criterion: Criterion): Promise<Candidates> {
  if ("ids" in criterion) {
    return { ids: criterion.ids, isMet: () => true };
  }
  const hash = await keyedHash();
  const keys = criterion.identifiers.flatMap(({ system, value }) => hash.indexKeysToFind(system, value));
  return { ids: await store.findIdsByIndexKeys(keys), isMet: (mapping) => leadsTo(keys, mapping) };
}

/**
 * A page of the patients from a place in Particle's list on. Within a page of Particle's, patients are ordered by a
 * keyed hash of their patient_id, so that the place is not lost when others come and go meanwhile.
 */
export async function listPatients(
  searching: Searching,
  { continuation_token, after = "" }: Position,
  { count, fitting }: PageLimit,
  deadline: number,
): Promise<Listing> {
  const { store, particle, keyedHash } = searching;
  const hash = await keyedHash();
  for await (const page of pagesFrom(particle, continuation_token, deadline)) {
    const rest = page.patient_ids
      .map((patient_id) => ({ patient_id, place: hash.hash("place", patient_id) }))
      .filter(({ place }) => place > after)
      .sort((a, b) => (a.place < b.place ? -1 : 1));
    const taken = rest.slice(0, count);
    const placeOf = new Map(taken.map(({ patient_id, place }) => [patient_id, place] as const));
    const ids = await store.findIdsByPatientIds([...placeOf.keys()]);
    const byId = new Map((await store.findMany([...ids.values()])).map((mapping) => [mapping.id, mapping] as const));
    const inOrder = taken.flatMap(({ patient_id }) => byId.get(ids.get(patient_id) ?? "") ?? []);
    const found = await held(searching, inOrder.filter(isPresent), deadline);
    const patients = fitting(found);
    const last = patients.length < found.length ? patients.at(-1)?.mapping.patient_id : undefined;
    const end = last === undefined ? (rest.length > count ? taken.at(-1)?.place : undefined) : placeOf.get(last);
    const next = nextPosition(continuation_token, page.continuation_token, end);
    return { patients, ...(next && { next }) };
  }
  return { patients: [] };
}

/** @throws AdapterError `invalid` when Particle does not know the token, beside what the gateway throws. */
async function* pagesFrom(particle: ParticleGateway, token: string | undefined, deadline: number) {
  try {
    yield* particle.listPatientIds(token, { deadline });
  } catch (error) {
    if (error instanceof AdapterError && error.failure.kind === "particle-rejected") {
      const diagnostics = "Particle does not know this page any more. Begin the search again, and follow its links.";
      throw new AdapterError(
        { kind: "invalid", faults: [{ severity: "error", code: "value", diagnostics }] },
        "Particle refused a continuation token.",
      );
    }
    throw error;
  }
}

function nextPosition(here?: string, following?: string, after?: string): Position | undefined {
  if (after !== undefined) {
    return { after, ...(here !== undefined && { continuation_token: here }) };
  }
  return following === undefined ? undefined : { continuation_token: following };
}

/** In parallel: the gateway bounds its connections. What Particle does not hold any more is no match. */
async function held(searching: Searching, mappings: readonly Mapping[], deadline: number): Promise<readonly Held[]> {
  const found = await Promise.all(
    mappings.map((mapping) =>
      heldBy(searching, mapping, deadline).catch((error: unknown) => {
        if (error instanceof AdapterError && error.failure.kind === "not-found") {
          return undefined;
        }
        throw error;
      }),
    ),
  );
  return found.filter((one) => one !== undefined);
}
