import {
  type AttributeValue,
  BatchGetItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  QueryCommand,
} from "@aws-sdk/client-dynamodb";
import { type Pause, storeUnavailable } from "./conditional-writes.ts";
import type { Overdue } from "./mapping-store.ts";
import * as table from "./table.ts";

type Item = Record<string, AttributeValue>;

/** Keys that one BatchGetItem may hold. */
const BATCH = 100;

/** Entries of the in-flight index that one query looks at. */
const OVERDUE_PAGE = 500;

type IndexEntry = { readonly key: table.Key; readonly actionableAt: number };

/** Epoch milliseconds; NaN, which is never over, where nothing is open. */
const actionableAtOf = (item: Item): number => Number(item["actionableAt"]?.N);

export type TableReads = ReturnType<typeof createTableReads>;

/**
 * Reads of the table, strongly consistent wherever DynamoDB offers it. All of them throw AdapterError
 * `store-unavailable`.
 */
export function createTableReads(client: DynamoDBClient, tableName: string, pause: Pause) {
  const read = async <Answer>(send: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await send();
    } catch (error) {
      throw storeUnavailable(error);
    }
  };

  async function getAll(keys: readonly table.Key[]): Promise<Item[]> {
    const batches: table.Key[][] = [];
    for (let start = 0; start < keys.length; start += BATCH) {
      batches.push(keys.slice(start, start + BATCH));
    }
    const found = await Promise.all(batches.map(getBatch));
    return found.flat();
  }

  async function getBatch(keys: readonly table.Key[]): Promise<Item[]> {
    const found: Item[] = [];
    let missing = keys.map(table.encodeKey);
    for (let attempt = 0; missing.length > 0; attempt += 1) {
      if (attempt > 0) {
        await pause.sleep(pause.random() * 50 * attempt);
      }
      const request = { [tableName]: { Keys: missing, ConsistentRead: true } };
      const answer = await read(() => client.send(new BatchGetItemCommand({ RequestItems: request })));
      found.push(...(answer.Responses?.[tableName] ?? []));
      missing = answer.UnprocessedKeys?.[tableName]?.Keys ?? [];
    }
    return found;
  }

  /** In one shard, the longest waiting of one kind: operations and transactions stand in one index. */
  async function overdueIn(shard: string, prefix: string, now: number, limit: number): Promise<IndexEntry[]> {
    const found: IndexEntry[] = [];
    let from: Item | undefined;
    do {
      const query = new QueryCommand({
        TableName: tableName,
        IndexName: table.OPEN_INDEX,
        KeyConditionExpression: "openShard = :shard AND actionableAt <= :now",
        ExpressionAttributeValues: { ":shard": { S: shard }, ":now": { N: String(now) } },
        Limit: OVERDUE_PAGE,
        ...(from && { ExclusiveStartKey: from }),
      });
      const { Items = [], LastEvaluatedKey } = await read(() => client.send(query));
      const entries = Items.map((item) => ({
        key: { pk: item["pk"]?.S ?? "", sk: item["sk"]?.S ?? "" },
        actionableAt: actionableAtOf(item),
      }));
      found.push(...entries.filter(({ key }) => key.pk.startsWith(prefix)));
      from = LastEvaluatedKey;
    } while (from && found.length < limit);
    return found;
  }

  return {
    getAll,

    async get(key: table.Key): Promise<Item | undefined> {
      const command = new GetItemCommand({ TableName: tableName, Key: table.encodeKey(key), ConsistentRead: true });
      const { Item } = await read(() => client.send(command));
      return Item;
    },

    /** FHIR ids under one key of the identifier index. */
    async idsUnder(hash: string): Promise<string[]> {
      const ids: string[] = [];
      let from: Item | undefined;
      do {
        const query = new QueryCommand({
          TableName: tableName,
          KeyConditionExpression: "pk = :pk",
          ExpressionAttributeValues: { ":pk": { S: `IDENTIFIER#${hash}` } },
          ProjectionExpression: "sk",
          ConsistentRead: true,
          ...(from && { ExclusiveStartKey: from }),
        });
        const answer = await read(() => client.send(query));
        ids.push(...(answer.Items ?? []).map((item) => table.idOfIndexEntry({ sk: item["sk"]?.S ?? "" })));
        from = answer.LastEvaluatedKey;
      } while (from);
      return ids;
    },

    /**
     * The items of one kind, by the beginning of their pk, that are overdue at `now`: the longest waiting, at most
     * `limit`. The in-flight index may lag behind: what the item itself says decides. One that cannot be decoded keeps no
     * other from being found.
     */
    async overdue<Open>(
      prefix: string,
      decode: (item: Item) => Open,
      now: number,
      limit: number,
    ): Promise<Overdue<Open>> {
      const shards = await Promise.all(table.openShards.map((shard) => overdueIn(shard, prefix, now, limit)));
      const oldest = shards.flat().sort((a, b) => a.actionableAt - b.actionableAt);
      const items = (await getAll(oldest.slice(0, limit).map(({ key }) => key)))
        .map((item) => ({ item, actionableAt: actionableAtOf(item) }))
        .filter(({ actionableAt }) => actionableAt <= now)
        .sort((a, b) => a.actionableAt - b.actionableAt);
      const found: Open[] = [];
      const unreadable: Overdue<Open>["unreadable"][number][] = [];
      for (const { item, actionableAt } of items) {
        try {
          found.push(decode(item));
        } catch (error) {
          unreadable.push({ error, actionableAt });
        }
      }
      return { found, unreadable };
    },
  };
}
