import { canonicalDemographics } from "../../shared/mapping/canonical-demographics.ts";
import type { EchoedDemographics } from "../../shared/mapping/demographics.ts";
import { isOnIdentifier, kindOfClaim } from "../../shared/registration/claims.ts";
import type { KeyedHash } from "../../shared/registration/keyed-hash.ts";
import type { Claim, Mapping, State } from "../../shared/store/mapping-store.ts";

/** Everything that there is on both sides, at a moment at which no request runs and every operation was decided. */
export type World = {
  readonly mappings: Iterable<Mapping>;
  readonly claims: Iterable<Claim>;
  /** Entries of the identifier index; `expiresAt` in epoch seconds. */
  readonly index: Iterable<{ readonly key: string; readonly id: string; readonly expiresAt?: number }>;
  readonly reverse: Iterable<{ readonly patient_id: string; readonly id: string; readonly expiresAt?: number }>;
  /** Records of transactions that have not ended. */
  readonly transactions: Iterable<{ readonly id: string }>;
  /** What Particle holds. */
  readonly particle: Iterable<{ readonly patient_id: string; readonly demographics: EchoedDemographics }>;
  readonly keyedHash: KeyedHash;
  /** Epoch milliseconds. */
  readonly now: number;
};

/** What a scenario promises beyond what always holds, and the settings that it ran with. */
export type Expectations = {
  /** As in the settings of the registration; default `keep`. */
  readonly replacedPatients?: "keep" | "delete";
  readonly uniqueIdentifierSystems?: readonly string[];
  /** How many patients Particle holds, exactly. */
  readonly held?: number;
  /** The patient_ids that Particle holds, exactly these. */
  readonly patient_ids?: readonly string[];
  /** FHIR ids of patients whose demographics somebody changed or removed at Particle behind the adapter's back. */
  readonly meddledWith?: ReadonlySet<string>;
};

/** Whether a mapping in this state says that Particle holds the patient; undefined while an operation is open. */
const SAYS_HELD: Record<State, boolean | "by-setting" | undefined> = {
  registering: undefined,
  updating: undefined,
  deleting: undefined,
  reviving: undefined,
  registered: true,
  drifted: true,
  replaced: "by-setting",
  deleted: false,
  abandoned: false,
};

/**
 * What is wrong with the world, a sentence each; empty when everything that the registration promises holds:
 *
 * - no operation is open, and no transaction;
 * - Particle holds a patient if and only if its mapping says so, and with the content that the mapping says was sent;
 * - mapping and reverse mapping are one-to-one;
 * - claims and index entries are those that the mappings list, none is left over, and none of them outlives its patient;
 * - nobody shares a claim or a unique identifier.
 */
export function discrepancies(world: World, expectations: Expectations = {}): string[] {
  const mappings = new Map([...world.mappings].map((mapping) => [mapping.id, mapping] as const));
  const particle = new Map(
    [...world.particle].map(({ patient_id, demographics }) => [patient_id, demographics] as const),
  );
  const all = [...mappings.values()];
  return [
    ...all.flatMap(shapeFaults),
    ...[...world.transactions].map(({ id }) => `The transaction ${id} is open.`),
    ...all.flatMap((mapping) =>
      contentFaults(world.keyedHash, mapping, particle.get(mapping.patient_id), expectations),
    ),
    ...reverseFaults(mappings, [...world.reverse], [...particle.keys()], world.now),
    ...claimFaults(mappings, [...world.claims], world.now),
    ...indexFaults(world, mappings),
    ...uniquenessFaults(world.keyedHash, all, expectations.uniqueIdentifierSystems ?? []),
    ...heldFaults([...particle.keys()], expectations),
  ];
}

/**
 * What is wrong with the way from one moment to a later one, a sentence each: ids stay, versions only grow, and what
 * changed has another version.
 */
export function historyDiscrepancies(before: Iterable<Mapping>, after: Iterable<Mapping>): string[] {
  const later = new Map([...after].map((mapping) => [mapping.id, mapping] as const));
  return [...before].flatMap((old) => {
    const young = later.get(old.id);
    if (young === undefined) {
      return old.version === 0 ? [] : [`${named(old)} is gone.`];
    }
    return [
      ...when(young.patient_id !== old.patient_id, `${named(young)} had the patient_id ${old.patient_id} before.`),
      ...when(young.version < old.version, `${named(young)} had the version ${old.version} before.`),
      ...when(
        young.version === old.version && recordOf(young) !== recordOf(old),
        `${named(young)} changed without a new version.`,
      ),
    ];
  });
}

/** What a version stands for. */
const recordOf = ({ sent, identifiers, replacedBy }: Mapping): string =>
  JSON.stringify([sent ?? null, identifiers, replacedBy ?? null]);

const when = (isSo: boolean, sentence: string): string[] => (isSo ? [sentence] : []);

const named = ({ id, state, version, patient_id }: Mapping): string =>
  `Patient ${id} (${state}, version ${version}, patient_id ${patient_id})`;

function shapeFaults(mapping: Mapping): string[] {
  const { state, version, operation, sent, expiresAt } = mapping;
  const name = named(mapping);
  return [
    ...when(operation !== undefined, `${name} has an open ${operation?.kind} of ${operation?.owner}.`),
    ...when(operation === undefined && SAYS_HELD[state] === undefined, `${name} is in a state of an open operation.`),
    ...when(state === "registered" && sent === undefined, `${name} does not say what was sent.`),
    ...when(state === "drifted" && sent !== undefined, `${name} says what Particle holds, which nobody knows.`),
    ...when((state === "abandoned") !== (expiresAt !== undefined), `${name} has the expiry ${expiresAt}.`),
    ...when(state === "abandoned" ? version !== 0 : version < 1 && operation === undefined, `${name} miscounts.`),
    ...when(
      (state === "replaced") !== (mapping.replacedBy !== undefined),
      `${name}: replaced by nobody, or not replaced.`,
    ),
    ...when(
      state === "deleted" && mapping.identifiers.length + mapping.indexKeys.length + mapping.claims.length > 0,
      `${name} still has identifiers, index keys or claims.`,
    ),
  ];
}

function contentFaults(
  hash: KeyedHash,
  mapping: Mapping,
  held: EchoedDemographics | undefined,
  { replacedPatients = "keep", meddledWith }: Expectations,
): string[] {
  const says = SAYS_HELD[mapping.state];
  if (says === undefined || meddledWith?.has(mapping.id)) {
    return [];
  }
  const saysHeld = says === "by-setting" ? replacedPatients === "keep" : says;
  if (saysHeld !== (held !== undefined)) {
    return [`${named(mapping)}: Particle ${held === undefined ? "does not hold it" : "holds it"}.`];
  }
  const differs =
    held !== undefined &&
    mapping.sent !== undefined &&
    !hash.exactlySameContent(mapping.sent, canonicalDemographics(held));
  return when(differs, `${named(mapping)}: Particle holds another content than what the mapping says was sent.`);
}

function reverseFaults(
  mappings: ReadonlyMap<string, Mapping>,
  reverse: readonly { readonly patient_id: string; readonly id: string; readonly expiresAt?: number }[],
  held: readonly string[],
  now: number,
): string[] {
  const idOf = new Map(reverse.map(({ patient_id, id }) => [patient_id, id] as const));
  return [
    ...held
      .filter((patient_id) => mappings.get(idOf.get(patient_id) ?? "")?.patient_id !== patient_id)
      .map((patient_id) => `Particle holds ${patient_id}, which no mapping knows.`),
    ...reverse.flatMap(({ patient_id, id, expiresAt }) => {
      const mapping = mappings.get(id);
      return mapping?.patient_id === patient_id || !isUnexpired(expiresAt, now)
        ? []
        : [
            `The reverse mapping of ${patient_id} leads to ${mapping ? named(mapping) : `${id}, which does not exist`}.`,
          ];
    }),
    ...[...mappings.values()]
      .filter(({ id, patient_id }) => idOf.get(patient_id) !== id)
      .map((mapping) => `${named(mapping)} has no reverse mapping.`),
  ];
}

function claimFaults(mappings: ReadonlyMap<string, Mapping>, claims: readonly Claim[], now: number): string[] {
  const byKey = new Map(claims.map((claim) => [claim.key, claim] as const));
  const unexpired = claims.filter(({ expiresAt }) => isUnexpired(expiresAt, now));
  return [
    ...unexpired.flatMap(({ key, id, expiresAt }) => {
      const mapping = mappings.get(id);
      // An Idempotency-Key that only met the patient is recorded with an expiry of its own.
      const hasMet = mapping && kindOfClaim({ key }) === "IDEMPOTENCY-KEY" && expiresAt !== undefined;
      if (!mapping?.claims.includes(key) && !hasMet) {
        return [`The claim ${key} is of ${mapping ? named(mapping) : id}, which does not list it.`];
      }
      return [
        ...when(
          mapping.state === "abandoned" && (expiresAt === undefined || expiresAt > (mapping.expiresAt ?? 0)),
          `The claim ${key} outlives ${named(mapping)}.`,
        ),
        ...when(
          mapping.state !== "abandoned" && isOnIdentifier(key) && expiresAt !== undefined,
          `The claim ${key} ends before ${named(mapping)} does.`,
        ),
        ...when(
          !isOnIdentifier(key) && expiresAt === undefined && mapping.operation === undefined,
          `The claim ${key} of ${named(mapping)} never ends.`,
        ),
      ];
    }),
    // A content or key claim that expired may be another's by now.
    ...[...mappings.values()].flatMap((mapping) =>
      mapping.claims
        .filter((key) => mapping.state !== "abandoned" && isOnIdentifier(key) && byKey.get(key)?.id !== mapping.id)
        .map((key) => `${named(mapping)} lists the claim ${key}, which is of ${byKey.get(key)?.id ?? "nobody"}.`),
    ),
  ];
}

const isUnexpired = (expiresAt: number | undefined, now: number): boolean =>
  expiresAt === undefined || expiresAt >= Math.floor(now / 1_000);

function indexFaults({ index, keyedHash, now }: World, mappings: ReadonlyMap<string, Mapping>): string[] {
  const entries = [...index].filter(({ expiresAt }) => isUnexpired(expiresAt, now));
  const written = new Set(entries.map(({ key, id }) => `${id} ${key}`));
  const leadsTo = (key: string, { id }: Mapping): boolean => written.has(`${id} ${key}`);
  return [
    ...entries
      .filter(({ key, id }) => !mappings.get(id)?.indexKeys.includes(key))
      .map(({ key, id }) => {
        const mapping = mappings.get(id);
        return `The index entry ${key} leads to ${mapping ? named(mapping) : id}, which does not list it.`;
      }),
    ...entries.flatMap(({ key, id, expiresAt }) => {
      const mapping = mappings.get(id);
      return mapping === undefined || (mapping.state === "abandoned") === (expiresAt !== undefined)
        ? []
        : [`The index entry ${key} of ${named(mapping)} has the expiry ${expiresAt}.`];
    }),
    ...[...mappings.values()]
      .filter(({ state }) => state !== "abandoned")
      .flatMap((mapping) => [
        ...mapping.indexKeys
          .filter((key) => !leadsTo(key, mapping))
          .map((key) => `${named(mapping)} lists the index key ${key}, which does not lead to it.`),
        ...mapping.identifiers.flatMap(({ system = "", value }, place) => {
          const isFound =
            keyedHash.indexKeysToFind(system, value).some((key) => leadsTo(key, mapping)) &&
            keyedHash.indexKeysToFind(undefined, value).some((key) => leadsTo(key, mapping));
          return when(!isFound, `${named(mapping)} is not found by its identifier ${place}.`);
        }),
      ]),
  ];
}

/** Of all mappings that have identifiers: those of a deleted patient are gone, so it stands in nobody's way. */
function uniquenessFaults(hash: KeyedHash, mappings: readonly Mapping[], uniqueSystems: readonly string[]): string[] {
  const holders = new Map<string, Mapping>();
  const listers = new Map<string, Mapping>();
  return mappings
    .filter(({ state }) => state !== "abandoned")
    .flatMap((mapping) => [
      ...mapping.identifiers.flatMap(({ system = "", value }) => {
        const [key = ""] = hash.hashes("UNIQUE", system, value);
        if (!uniqueSystems.includes(system)) {
          return [];
        }
        const other = holders.get(key);
        holders.set(key, mapping);
        return [
          ...when(other !== undefined, `${named(mapping)} shares a unique identifier with ${other?.id}.`),
          ...when(
            !hash.hashes("UNIQUE", system, value).some((made) => mapping.claims.includes(`UNIQUE#${made}`)),
            `${named(mapping)} has a unique identifier without the claim on it.`,
          ),
        ];
      }),
      ...mapping.claims.filter(isOnIdentifier).flatMap((key) => {
        const other = listers.get(key);
        listers.set(key, mapping);
        return when(other !== undefined, `${named(mapping)} lists the claim ${key}, as ${other?.id} does.`);
      }),
    ]);
}

function heldFaults(held: readonly string[], { held: count, patient_ids }: Expectations): string[] {
  const expected = patient_ids && [...patient_ids].sort().join(", ");
  const found = [...held].sort().join(", ");
  return [
    ...when(count !== undefined && held.length !== count, `Particle holds ${held.length} patients, not ${count}.`),
    ...when(expected !== undefined && expected !== found, `Particle holds [${found}], not [${expected}].`),
  ];
}
