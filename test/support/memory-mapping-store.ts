import { isDeepStrictEqual } from "node:util";
import { AdapterError } from "../../shared/failure/failure.ts";
import type {
  Begin,
  Claim,
  Conflict,
  Finish,
  Mapping,
  MappingStore,
  Overdue,
  Transaction,
} from "../../shared/store/mapping-store.ts";

/**
 * The mapping store in memory: every method is one atomic step, as a conditional write or a strongly consistent read of
 * DynamoDB is. Held to the same contract as the real one.
 */
export type MemoryMappingStore = MappingStore & {
  /** Makes a mapping, or the record of a transaction, what nobody can read. */
  spoil(id: string): void;
  /** Removes a mapping and its claims as DynamoDB does when their time to live is over. */
  forget(id: string): void;
  /** Everything that is stored, for invariants. */
  readonly contents: {
    readonly mappings: ReadonlyMap<string, Mapping>;
    readonly claims: ReadonlyMap<string, Claim>;
    /** FHIR ids by index key, with the expiry of the entry in epoch seconds where it has one. */
    readonly index: ReadonlyMap<string, ReadonlyMap<string, number | undefined>>;
    /** FHIR id by patient_id. */
    readonly reverse: ReadonlyMap<string, { readonly id: string; readonly expiresAt?: number }>;
    /** Open ones by id. */
    readonly transactions: ReadonlyMap<string, Transaction>;
  };
  /** Removes what expired before `now` (epoch milliseconds), as DynamoDB's time to live does sooner or later. */
  collectGarbage(now: number): void;
};

const isSameEnd = (current: Mapping, next: Mapping | undefined): boolean =>
  next?.lastOperation !== undefined && isDeepStrictEqual(current.lastOperation, next.lastOperation);

const unreadableError = () => new Error("An item of the table is not readable at the item.");

export function createMemoryMappingStore(): MemoryMappingStore {
  const mappings = new Map<string, Mapping>();
  const claims = new Map<string, Claim>();
  const index = new Map<string, Map<string, number | undefined>>();
  const reverse = new Map<string, { readonly id: string; readonly expiresAt?: number }>();
  const transactions = new Map<string, Transaction>();
  const spoilt = new Set<string>();

  const readable = <Item extends { readonly id: string }>(item: Item): Item => {
    if (spoilt.has(item.id)) {
      throw unreadableError();
    }
    return item;
  };

  const overdueOf = <Open extends { readonly id: string }>(
    waiting: readonly { readonly open: Open; readonly actionableAt: number }[],
    now: number,
    limit: number,
  ): Overdue<Open> => {
    const due = waiting
      .filter(({ actionableAt }) => actionableAt <= now)
      .sort((a, b) => a.actionableAt - b.actionableAt)
      .slice(0, limit);
    const { found = [], unreadable = [] } = Object.groupBy(due, ({ open }) =>
      spoilt.has(open.id) ? "unreadable" : "found",
    );
    return {
      found: found.map(({ open }) => open),
      unreadable: unreadable.map(({ actionableAt }) => ({
        error: unreadableError(),
        actionableAt,
      })),
    };
  };

  const lead = (key: string, id: string) => {
    const ids = index.get(key) ?? new Map<string, number | undefined>();
    index.set(key, ids.set(id, undefined));
  };

  const isNew = (prior: Begin["prior"]): boolean => !prior || ("state" in prior && prior.state === "abandoned");

  const isAsLeft = (current: Mapping | undefined, left: Pick<Mapping, "state" | "version" | "lastOperation">) =>
    current?.state === left.state &&
    current.version === left.version &&
    current.operation === undefined &&
    current.lastOperation?.token === left.lastOperation?.token;

  const ownerOf = (patient_id: string, now: number): string | undefined => {
    const { id, expiresAt = Number.POSITIVE_INFINITY } = reverse.get(patient_id) ?? {};
    return expiresAt < Math.floor(now / 1_000) ? undefined : id;
  };

  const conflictOf = ({
    next,
    prior,
    claims: wanted,
    unclaimed,
    now,
    unchanged,
    within,
  }: Begin): Conflict | undefined => {
    const current = mappings.get(next.id);
    const isUnchanged =
      prior && "token" in prior
        ? current?.operation?.token === prior.token
        : prior
          ? isAsLeft(current, prior)
          : current === undefined;
    if (!isUnchanged) {
      return { kind: "mapping", mapping: current };
    }
    const other = unchanged && mappings.get(unchanged.id);
    if (unchanged && !isAsLeft(other, unchanged)) {
      return { kind: "mapping", mapping: other };
    }
    const owner = ownerOf(next.patient_id, now);
    const others = othersHolding(wanted, unclaimed, next.id, now);
    if (within && transactions.get(within.id)?.token !== within.token) {
      throw new AdapterError(
        { kind: "outcome-unknown", retryAfterSeconds: 1 },
        "Somebody undoes the transaction that this is part of.",
      );
    }
    if (others.length > 0) {
      return { kind: "claims", claims: others };
    }
    return isNew(prior) && owner !== undefined && owner !== next.id ? { kind: "patient_id", id: owner } : undefined;
  };

  const othersHolding = (wanted: Begin["claims"], unclaimed: readonly string[], id: string, now: number): Claim[] =>
    [...wanted, ...unclaimed.map((key) => ({ key, takenFrom: undefined }))].flatMap(({ key, takenFrom }) => {
      const held = claims.get(key);
      const isFree =
        held === undefined ||
        [id, takenFrom].includes(held.id) ||
        (held.expiresAt !== undefined && held.expiresAt < Math.floor(now / 1_000));
      return isFree ? [] : [held];
    });

  const take = ({ takenFrom: _, ...claim }: Begin["claims"][number]) => claims.set(claim.key, claim);

  const isHeldBy = ({ id, token }: Transaction) => transactions.get(id)?.token === token;

  /** As one transaction of DynamoDB: at most 100 items, none of them twice. */
  const requireWritable = ({ prior, claims: wanted, unclaimed, indexKeys, unchanged, within }: Begin) => {
    const keys = [...wanted.map(({ key }) => key), ...unclaimed, ...indexKeys.map((key) => `index ${key}`)];
    const others = [true, isNew(prior), unchanged !== undefined, within !== undefined].filter(Boolean);
    if (new Set(keys).size < keys.length || keys.length + others.length > 100) {
      throw new Error("DynamoDB refused the request: ValidationException");
    }
  };

  const begin = (request: Begin): Conflict | undefined => {
    requireWritable(request);
    const conflict = conflictOf(request);
    if (!conflict) {
      const { next, prior, claims: wanted, indexKeys } = request;
      mappings.set(next.id, next);
      wanted.forEach(take);
      indexKeys.forEach((key) => {
        lead(key, next.id);
      });
      if (isNew(prior)) {
        reverse.set(next.patient_id, { id: next.id });
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
    if (release.patient_id !== undefined && reverse.get(release.patient_id)?.id === id) {
      reverse.delete(release.patient_id);
    }
    if (expire?.patient_id !== undefined && reverse.get(expire.patient_id)?.id === id) {
      reverse.set(expire.patient_id, { id, expiresAt: expire.at });
    }
    expire?.claims.forEach((key) => {
      const claim = claims.get(key);
      if (claim?.id === id) {
        claims.set(key, { ...claim, expiresAt: expire.at });
      }
    });
    expire?.indexKeys.forEach((key) => {
      const ids = index.get(key);
      if (ids?.has(id)) {
        ids.set(id, expire.at);
      }
    });
    return true;
  };

  const forgetAbandoned = ({ id, patient_id, indexKeys, claims: held, lastOperation }: Mapping): void => {
    const current = mappings.get(id);
    if (current?.state === "abandoned" && !current.operation && current.lastOperation?.token === lastOperation?.token) {
      mappings.delete(id);
      if (reverse.get(patient_id)?.id === id) {
        reverse.delete(patient_id);
      }
      for (const key of indexKeys) {
        index.get(key)?.delete(id);
      }
      for (const key of held.filter((one) => claims.get(one)?.id === id)) {
        claims.delete(key);
      }
    }
  };

  const collectGarbage = (now: number) => {
    const isGarbage = ({ expiresAt }: { readonly expiresAt?: number | undefined }) =>
      expiresAt !== undefined && expiresAt * 1_000 < now;
    for (const items of [mappings, claims, reverse]) {
      [...items]
        .filter(([, item]) => isGarbage(item))
        .forEach(([key]) => {
          items.delete(key);
        });
    }
    for (const ids of index.values()) {
      [...ids]
        .filter(([, expiresAt]) => isGarbage({ expiresAt }))
        .forEach(([id]) => {
          ids.delete(id);
        });
    }
  };

  return {
    contents: { mappings, claims, index, reverse, transactions },
    collectGarbage,
    forget: (id) => {
      mappings.delete(id);
      for (const claim of claims.values()) {
        if (claim.id === id) {
          claims.delete(claim.key);
        }
      }
    },
    spoil: (id) => void spoilt.add(id),
    find: async (id) => {
      const mapping = mappings.get(id);
      return mapping && readable(mapping);
    },
    findMany: async (ids) => ids.flatMap((id) => mappings.get(id) ?? []).map(readable),
    findIdsByIndexKeys: async (keys) => [...new Set(keys.flatMap((key) => [...(index.get(key)?.keys() ?? [])]))],
    findIdsByPatientIds: async (patient_ids) =>
      new Map(
        patient_ids.flatMap((patient_id) => {
          const id = reverse.get(patient_id)?.id;
          return id === undefined ? [] : [[patient_id, id] as const];
        }),
      ),
    findClaims: async (keys) => keys.flatMap((key) => claims.get(key) ?? []),
    begin: async (request) => begin(request),
    addClaim: async (claim, unclaimed, now) => {
      const isFree = othersHolding([claim], unclaimed, claim.id, now).length === 0;
      if (isFree) {
        take(claim);
      }
      return isFree;
    },
    finish: async (request) => finish(request),
    forgetAbandoned: async (mapping) => forgetAbandoned(mapping),
    findOverdue: async (now, limit) =>
      overdueOf(
        [...mappings.values()].flatMap((open) =>
          open.operation ? [{ open, actionableAt: open.operation.actionableAt }] : [],
        ),
        now,
        limit,
      ),
    takeOver: async (mapping, operation) => {
      const current = mappings.get(mapping.id);
      if (current?.operation?.token !== mapping.operation?.token) {
        return current?.operation?.token === operation.token;
      }
      mappings.set(mapping.id, { ...mapping, operation });
      return true;
    },
    beginTransaction: async (transaction) => void transactions.set(transaction.id, transaction),
    findTransaction: async (id) => transactions.get(id),
    commitTransaction: async (transaction, members) => {
      const current = members.map(({ id }) => mappings.get(id));
      if (!isHeldBy(transaction) || current.some((mapping) => mapping?.transaction !== transaction.id)) {
        return (
          members.length > 0 &&
          !transactions.has(transaction.id) &&
          members.every(
            ({ lastOperation }, index) =>
              current[index]?.transaction === undefined &&
              current[index]?.lastOperation?.token === lastOperation?.token,
          )
        );
      }
      transactions.delete(transaction.id);
      for (const mapping of current) {
        if (mapping) {
          const { transaction: _, ...alone } = mapping;
          mappings.set(alone.id, alone);
        }
      }
      return true;
    },
    takeOverTransaction: async (transaction, next) => {
      if (isHeldBy(transaction)) {
        transactions.set(next.id, next);
      }
      return isHeldBy(next);
    },
    endTransaction: async (transaction) => {
      if (isHeldBy(transaction)) {
        transactions.delete(transaction.id);
      }
      return !transactions.has(transaction.id);
    },
    findOverdueTransactions: async (now, limit) =>
      overdueOf(
        [...transactions.values()].map((open) => ({ open, actionableAt: open.actionableAt })),
        now,
        limit,
      ),
  };
}
