import { type AttributeValue, DynamoDBClient, type TransactWriteItem } from "@aws-sdk/client-dynamodb";
import { AdapterError } from "../failure/failure.ts";
import { type Pause, writeAll } from "./conditional-writes.ts";
import type { Begin, Claim, Conflict, Finish, Mapping, MappingStore, Operation } from "./mapping-store.ts";
import * as table from "./table.ts";
import { createTableReads } from "./table-reads.ts";
import { createTransactionRecords, inHands } from "./transaction-records.ts";

type Item = Record<string, AttributeValue>;

/** A write with the part that it plays, so that a refusal can be told by what it means. */
type Write = {
  readonly part: "mapping" | "unchanged" | "claim" | "reverse" | "index" | "transaction";
  readonly write: TransactWriteItem;
};

/** In one transaction. */
const MOST_WRITES = 100;

const ALL_OLD = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;

/** A client whose connections are kept, and which gives up soon enough for the caller to be answered. */
const createDynamoDbClient = (): DynamoDBClient =>
  new DynamoDBClient({
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
  });

const defaultPause: Pause = {
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  random: Math.random,
};

/**
 * The mapping store on the DynamoDB table `tableName`, whose keys and item shapes are those of `table.ts`.
 */
export function createMappingStore(
  tableName: string,
  client: DynamoDBClient = createDynamoDbClient(),
  pause: Pause = defaultPause,
): MappingStore {
  const put = (Item: Item) => ({ Put: { TableName: tableName, Item } });
  const reads = createTableReads(client, tableName, pause);
  const remove = (key: table.Key) => ({ Delete: { TableName: tableName, Key: table.encodeKey(key) } });

  function claimWrites({ claims, unclaimed, now }: Pick<Begin, "claims" | "unclaimed" | "now">, id: string): Write[] {
    const free = (takenFrom = id) => ({
      ConditionExpression: "attribute_not_exists(pk) OR #id IN (:id, :takenFrom) OR #expiresAt < :now",
      ExpressionAttributeNames: { "#id": "id", "#expiresAt": "expiresAt" },
      ExpressionAttributeValues: {
        ":id": { S: id },
        ":takenFrom": { S: takenFrom },
        ":now": { N: String(Math.floor(now / 1_000)) },
      },
      ...ALL_OLD,
    });
    return [
      ...claims.map(
        ({ takenFrom, ...claim }): Write => ({
          part: "claim",
          write: { Put: { ...put(table.encodeClaim(claim)).Put, ...free(takenFrom) } },
        }),
      ),
      ...unclaimed.map(
        (key): Write => ({
          part: "claim",
          write: { ConditionCheck: { TableName: tableName, Key: table.encodeKey(table.claimKey(key)), ...free() } },
        }),
      ),
    ];
  }

  function beginWrites(begin: Begin): Write[] {
    const { next, prior, indexKeys, unchanged, within } = begin;
    const ofNewPatient = {
      ConditionExpression: "attribute_not_exists(pk) OR #id = :id OR #expiresAt < :now",
      ExpressionAttributeNames: { "#id": "id", "#expiresAt": "expiresAt" },
      ExpressionAttributeValues: { ":id": { S: next.id }, ":now": { N: String(Math.floor(begin.now / 1_000)) } },
      ...ALL_OLD,
    };
    const isNew = prior === undefined || ("state" in prior && prior.state === "abandoned");
    return [
      {
        part: "mapping",
        write: { Put: { ...put(table.encodeMapping(next)).Put, ...expecting(prior), ...ALL_OLD } },
      },
      ...claimWrites(begin, next.id),
      ...(isNew
        ? [
            {
              part: "reverse",
              write: { Put: { ...put(table.encodeReverse(next.patient_id, next.id)).Put, ...ofNewPatient } },
            } as const,
          ]
        : []),
      ...indexKeys.map((hash): Write => ({ part: "index", write: put(table.encodeIndexEntry(hash, next.id)) })),
      ...(unchanged
        ? [
            {
              part: "unchanged",
              write: {
                ConditionCheck: {
                  TableName: tableName,
                  Key: table.encodeKey(table.mappingKey(unchanged.id)),
                  ...expecting(unchanged),
                  ...ALL_OLD,
                },
              },
            } as const,
          ]
        : []),
      ...(within
        ? [
            {
              part: "transaction",
              write: {
                ConditionCheck: {
                  TableName: tableName,
                  Key: table.encodeKey(table.transactionKey(within.id)),
                  ...inHands(within.token),
                },
              },
            } as const,
          ]
        : []),
    ];
  }

  /** @param condition under which the mapping may be written. */
  function finishWrites(
    { id, next, index, release, expire }: Omit<Finish, "token">,
    condition: { readonly ConditionExpression: string },
  ): Write[] {
    const ofMapping = { ...condition, ...ALL_OLD };
    const removeOwn = (key: table.Key): TransactWriteItem => ({
      Delete: {
        ...remove(key).Delete,
        ConditionExpression: "#id = :id",
        ExpressionAttributeNames: { "#id": "id" },
        ExpressionAttributeValues: { ":id": { S: id } },
      },
    });
    const expireOwn = (key: table.Key): TransactWriteItem => ({
      Update: {
        TableName: tableName,
        Key: table.encodeKey(key),
        UpdateExpression: "SET #expiresAt = :at",
        ConditionExpression: "#id = :id",
        ExpressionAttributeNames: { "#id": "id", "#expiresAt": "expiresAt" },
        ExpressionAttributeValues: { ":id": { S: id }, ":at": { N: String(expire?.at) } },
      },
    });
    return [
      {
        part: "mapping",
        write: next
          ? { Put: { ...put(table.encodeMapping(next)).Put, ...ofMapping } }
          : { Delete: { ...remove(table.mappingKey(id)).Delete, ...ofMapping } },
      },
      ...index.map((hash) => ({ part: "index", write: put(table.encodeIndexEntry(hash, id)) }) as const),
      ...release.indexKeys.map((hash) => ({ part: "index", write: remove(table.indexKey(hash, id)) }) as const),
      ...release.claims.map((key) => ({ part: "claim", write: removeOwn(table.claimKey(key)) }) as const),
      ...[release.patient_id ?? []]
        .flat()
        .map((patient_id) => ({ part: "reverse", write: removeOwn(table.reverseKey(patient_id)) }) as const),
      ...[expire?.patient_id ?? []]
        .flat()
        .map((patient_id) => ({ part: "reverse", write: expireOwn(table.reverseKey(patient_id)) }) as const),
      ...(expire?.claims ?? []).map((key) => ({ part: "claim", write: expireOwn(table.claimKey(key)) }) as const),
      ...(expire?.indexKeys ?? []).map(
        (hash) => ({ part: "index", write: expireOwn(table.indexKey(hash, id)) }) as const,
      ),
    ];
  }

  const holdsOperation = ({ id, token }: Finish): Write => ({
    part: "mapping",
    write: {
      ConditionCheck: {
        TableName: tableName,
        Key: table.encodeKey(table.mappingKey(id)),
        ...holding(token),
        ...ALL_OLD,
      },
    },
  });

  const send = (writes: readonly Write[]) =>
    writeAll(
      client,
      writes.map(({ write }) => write),
      pause,
    );

  /** Writes all that may still be written, and says what there is instead where the mapping, the first, may not. */
  async function sendFirstWithAny(writes: readonly Write[]): Promise<"written" | Item | undefined> {
    for (let left = writes; ; ) {
      const refusals = await send(left);
      if (refusals.size === 0) {
        return "written";
      }
      if (refusals.has(0)) {
        return refusals.get(0);
      }
      // A claim that expired belongs to somebody else by now: there is nothing of ours left to release.
      left = left.filter((_, index) => !refusals.has(index));
    }
  }

  async function replaceMapping(next: Mapping, token: string): Promise<boolean> {
    const refusals = await send(
      finishWrites({ id: next.id, next, index: [], release: { indexKeys: [], claims: [] } }, holding(token)),
    );
    const found = refusals.get(0);
    return (
      refusals.size === 0 ||
      (found !== undefined && table.decodeMapping(found).operation?.token === next.operation?.token)
    );
  }

  return {
    async find(id) {
      const item = await reads.get(table.mappingKey(id));
      return item && table.decodeMapping(item);
    },

    async findMany(ids) {
      return (await reads.getAll([...new Set(ids)].map(table.mappingKey))).map(table.decodeMapping);
    },

    async findIdsByIndexKeys(indexKeys) {
      const found = await Promise.all([...new Set(indexKeys)].map(reads.idsUnder));
      return [...new Set(found.flat())];
    },

    async findIdsByPatientIds(patient_ids) {
      const items = await reads.getAll(patient_ids.map(table.reverseKey));
      return new Map(items.map((item) => [item["pk"]?.S?.slice("PARTICLE#".length) ?? "", table.decodeId(item)]));
    },

    async findClaims(keys) {
      return (await reads.getAll(keys.map(table.claimKey))).map(table.decodeClaim);
    },

    async addClaim(claim, unclaimed, now) {
      return (await send(claimWrites({ claims: [claim], unclaimed, now }, claim.id))).size === 0;
    },

    async begin(begin) {
      const writes = beginWrites(begin);
      const refusals = await send(writes);
      return conflictOf(begin, writes, refusals);
    },

    async finish(finish) {
      let writes = finishWrites(finish, holding(finish.token));
      while (writes.length > MOST_WRITES) {
        // What is given back and what gets an expiry may go before the end is written: whoever has to decide the
        // operation after a crash in between comes to the same end.
        const first = [holdsOperation(finish), ...writes.slice(-(MOST_WRITES - 1))];
        const refusals = await send(first);
        if (refusals.has(0)) {
          writes = writes.slice(0, 1);
          break;
        }
        const rest = writes.slice(0, -(MOST_WRITES - 1));
        writes =
          refusals.size === 0 ? rest : [...rest, ...first.slice(1).filter((_, index) => !refusals.has(index + 1))];
      }
      const found = await sendFirstWithAny(writes);
      // A reply that got lost: the write was done and the SDK sent it again.
      return (
        found === "written" || (found ? endedAs(table.decodeMapping(found), finish.next) : finish.next === undefined)
      );
    },

    async forgetAbandoned(mapping) {
      const { id, patient_id, indexKeys, claims } = mapping;
      const release = { indexKeys, claims, patient_id };
      await sendFirstWithAny(finishWrites({ id, next: undefined, index: [], release }, expecting(mapping)));
    },

    findOverdue: (now, limit) => reads.overdue("PATIENT#", table.decodeMapping, now, limit),

    takeOver: (mapping: Mapping, operation: Operation) =>
      replaceMapping({ ...mapping, operation }, mapping.operation?.token ?? ""),

    ...createTransactionRecords(client, tableName, pause, reads),
  };
}

const holding = (token: string) => ({
  ConditionExpression: "#operation.#token = :token",
  ExpressionAttributeNames: { "#operation": "operation", "#token": "token" },
  ExpressionAttributeValues: { ":token": { S: token } },
});

/**
 * The condition under which a begin may write the mapping. A repetition of a begin that comes late, when its operation was
 * rolled back, must not open it again: it is the last operation by then.
 */
function expecting(prior: Begin["prior"]) {
  if (prior === undefined) {
    return { ConditionExpression: "attribute_not_exists(pk)" };
  }
  if ("token" in prior) {
    return holding(prior.token);
  }
  const { state, version, lastOperation } = prior;
  const isLast = lastOperation ? "#lastOperation.#token = :token" : "attribute_not_exists(#lastOperation)";
  return {
    ConditionExpression: `#state = :state AND #version = :version AND attribute_not_exists(#operation) AND ${isLast}`,
    ExpressionAttributeNames: {
      "#state": "state",
      "#version": "version",
      "#operation": "operation",
      "#lastOperation": "lastOperation",
      ...(lastOperation && { "#token": "token" }),
    },
    ExpressionAttributeValues: {
      ":state": { S: state },
      ":version": { N: String(version) },
      ...(lastOperation && { ":token": { S: lastOperation.token } }),
    },
  };
}

/** Whether the operation ended already, and in the same way: another way was another's verdict. */
const endedAs = ({ lastOperation }: Mapping, next: Mapping | undefined): boolean =>
  lastOperation !== undefined &&
  lastOperation.token === next?.lastOperation?.token &&
  lastOperation.result === next.lastOperation.result;

function conflictOf(begin: Begin, writes: readonly Write[], refusals: ReadonlyMap<number, Item | undefined>) {
  const claims: Claim[] = [];
  let conflict: Conflict | undefined;
  for (const [index, item] of refusals) {
    const part = writes[index]?.part;
    if (part === "mapping") {
      const mapping = item && table.decodeMapping(item);
      // A reply that got lost: the item already carries our own operation.
      return mapping?.operation !== undefined && mapping.operation.token === begin.next.operation?.token
        ? undefined
        : ({ kind: "mapping", mapping } satisfies Conflict);
    }
    if (part === "unchanged") {
      return { kind: "mapping", mapping: item && table.decodeMapping(item) } satisfies Conflict;
    }
    if (part === "transaction") {
      throw new AdapterError(
        { kind: "outcome-unknown", retryAfterSeconds: 1 },
        "Somebody undoes the transaction that this is part of.",
      );
    }
    if (part === "reverse" && item) {
      conflict = { kind: "patient_id", id: table.decodeId(item) };
    } else if (part === "claim" && item) {
      claims.push(table.decodeClaim(item));
    }
  }
  // An identity that a request claims says more about it than the patient_id, which every repetition of it names as well.
  return claims.length > 0 || (refusals.size > 0 && !conflict)
    ? ({ kind: "claims", claims } satisfies Conflict)
    : conflict;
}
