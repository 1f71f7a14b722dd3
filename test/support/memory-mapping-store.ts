import { isDeepStrictEqual } from "node:util";
import type { Begin, Claim, Conflict, Finish, Mapping, MappingStore } from "../../shared/store/mapping-store.ts";

/**
 * The mapping store in memory: every method is one atomic step, as a conditional write or a strongly consistent read of
 * DynamoDB is. Held to the same contract as the real one.
 */
export type MemoryMappingStore = MappingStore & {
  /** Removes a mapping and its claims as DynamoDB does when their time to live is over. */
  forget(id: string): void;
  /** Everything that is stored, for invariants. */
  readonly contents: {
    readonly mappings: ReadonlyMap<string, Mapping>;
    readonly claims: ReadonlyMap<string, Claim>;
    /** FHIR ids by index key. */
    readonly index: ReadonlyMap<string, ReadonlySet<string>>;
    /** FHIR id by patient_id. */
    readonly reverse: ReadonlyMap<string, string>;
  };
};

const isSameEnd = (current: Mapping, next: Mapping | undefined): boolean =>
  next?.lastOperation !== undefined && isDeepStrictEqual(current.lastOperation, next.lastOperation);

export function createMemoryMappingStore(): MemoryMappingStore {
  const mappings = new Map<string, Mapping>();
  const claims = new Map<string, Claim>();
  const index = new Map<string, Set<string>>();
  const reverse = new Map<string, string>();

  const lead = (key: string, id: string) => {
    const ids = index.get(key) ?? new Set();
    index.set(key, ids.add(id));
  };

  const conflictOf = ({ next, prior, claims: wanted, unclaimed, now }: Begin): Conflict | undefined => {
    const current = mappings.get(next.id);
    const isUnchanged = prior
      ? current?.state === prior.state && current.version === prior.version && current.operation === undefined
      : current === undefined;
    if (!isUnchanged) {
      return { kind: "mapping", mapping: current };
    }
    const owner = reverse.get(next.patient_id);
    if (!prior && owner !== undefined && owner !== next.id) {
      return { kind: "patient_id", id: owner };
    }
    const held = [...wanted.map(({ key }) => key), ...unclaimed].flatMap((key) => claims.get(key) ?? []);
    const others = held.filter(
      ({ id, expiresAt }) => id !== next.id && (expiresAt === undefined || expiresAt >= Math.floor(now / 1_000)),
    );
    return others.length > 0 ? { kind: "claims", claims: others } : undefined;
  };

  const begin = (request: Begin): Conflict | undefined => {
    const conflict = conflictOf(request);
    if (!conflict) {
      const { next, prior, claims: wanted, indexKeys } = request;
      mappings.set(next.id, next);
      wanted.forEach((claim) => {
        claims.set(claim.key, claim);
      });
      indexKeys.forEach((key) => {
        lead(key, next.id);
      });
      if (!prior) {
        reverse.set(next.patient_id, next.id);
      }
    }
    return conflict;
  };

  const finish = ({ id, token, next, index: added, release, expire }: Finish): boolean => {
    const current = mappings.get(id);
    if (current?.operation?.token !== token) {
      return current ? isSameEnd(current, next) : next === undefined;
    }
    if (next) {
      mappings.set(id, next);
    } else {
      mappings.delete(id);
    }
    added.forEach((key) => {
      lead(key, id);
    });
    release.indexKeys.forEach((key) => {
      index.get(key)?.delete(id);
    });
    release.claims
      .filter((key) => claims.get(key)?.id === id)
      .forEach((key) => {
        claims.delete(key);
      });
    if (release.patient_id !== undefined && reverse.get(release.patient_id) === id) {
      reverse.delete(release.patient_id);
    }
    expire?.claims.forEach((key) => {
      const claim = claims.get(key);
      if (claim?.id === id) {
        claims.set(key, { ...claim, expiresAt: expire.at });
      }
    });
    return true;
  };

  return {
    contents: { mappings, claims, index, reverse },
    forget: (id) => {
      mappings.delete(id);
      for (const claim of claims.values()) {
        if (claim.id === id) {
          claims.delete(claim.key);
        }
      }
    },
    find: async (id) => mappings.get(id),
    findMany: async (ids) => ids.flatMap((id) => mappings.get(id) ?? []),
    findIdsByIndexKeys: async (keys) => [...new Set(keys.flatMap((key) => [...(index.get(key) ?? [])]))],
    findIdsByPatientIds: async (patient_ids) =>
      new Map(
        patient_ids.flatMap((patient_id) => {
          const id = reverse.get(patient_id);
          return id === undefined ? [] : [[patient_id, id] as const];
        }),
      ),
    findClaims: async (keys) => keys.flatMap((key) => claims.get(key) ?? []),
    begin: async (request) => begin(request),
    finish: async (request) => finish(request),
    findOverdue: async (now, limit) =>
      [...mappings.values()]
        .filter(({ operation }) => operation !== undefined && operation.actionableAt <= now)
        .sort((a, b) => (a.operation?.actionableAt ?? 0) - (b.operation?.actionableAt ?? 0))
        .slice(0, limit),
    takeOver: async (mapping, operation) => {
      const current = mappings.get(mapping.id);
      if (current?.operation?.token !== mapping.operation?.token) {
        return current?.operation?.token === operation.token;
      }
      mappings.set(mapping.id, { ...mapping, operation });
      return true;
    },
  };
}
