import type { AttributeValue, DynamoDBClient, TransactWriteItem } from "@aws-sdk/client-dynamodb";
import { type Pause, writeAll } from "./conditional-writes.ts";
import type { Mapping, MappingStore, Transaction } from "./mapping-store.ts";
import * as table from "./table.ts";
import type { TableReads } from "./table-reads.ts";

type TransactionRecords = Pick<
  MappingStore,
  | "beginTransaction"
  | "findTransaction"
  | "commitTransaction"
  | "takeOverTransaction"
  | "endTransaction"
  | "findOverdueTransactions"
>;

const ALL_OLD = { ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;

/** The condition that a transaction is open, and in the hands of who holds this token. */
export const inHands = (token: string) => ({
  ConditionExpression: "#token = :token",
  ExpressionAttributeNames: { "#token": "token" },
  ExpressionAttributeValues: { ":token": { S: token } },
  ...ALL_OLD,
});

/** The records of transactions, in the table of the mappings. */
export function createTransactionRecords(
  client: DynamoDBClient,
  tableName: string,
  pause: Pause,
  reads: TableReads,
): TransactionRecords {
  const keyed = (key: table.Key) => ({ TableName: tableName, Key: table.encodeKey(key) });
  const write = (writes: readonly TransactWriteItem[]) => writeAll(client, writes, pause);
  const removal = ({ id, token }: Transaction) => ({
    Delete: { ...keyed(table.transactionKey(id)), ...inHands(token) },
  });
  const release = ({ id }: Transaction, mapping: Mapping): TransactWriteItem => ({
    Update: {
      ...keyed(table.mappingKey(mapping.id)),
      UpdateExpression: "REMOVE #transaction",
      ConditionExpression: "#transaction = :id",
      ExpressionAttributeNames: { "#transaction": "transaction" },
      ExpressionAttributeValues: { ":id": { S: id } },
      ...ALL_OLD,
    },
  });

  return {
    async beginTransaction(transaction) {
      const Item = table.encodeTransaction(transaction);
      await write([{ Put: { TableName: tableName, Item } }]);
    },

    async findTransaction(id) {
      const item = await reads.get(table.transactionKey(id));
      return item && table.decodeTransaction(item);
    },

    async commitTransaction(transaction, mappings) {
      const refusals = await write([removal(transaction), ...mappings.map((mapping) => release(transaction, mapping))]);
      return (
        refusals.size === 0 ||
        // A reply that got lost: it was done, and the SDK sent it again.
        (mappings.length > 0 &&
          refusals.get(0) === undefined &&
          mappings.every((mapping, index) => isReleased(mapping, refusals.get(index + 1))))
      );
    },

    async takeOverTransaction(transaction, next) {
      const Item = table.encodeTransaction(next);
      const refusals = await write([{ Put: { TableName: tableName, Item, ...inHands(transaction.token) } }]);
      const found = refusals.get(0);
      return refusals.size === 0 || (found !== undefined && table.decodeTransaction(found).token === next.token);
    },

    async endTransaction(transaction) {
      const refusals = await write([removal(transaction)]);
      return refusals.get(0) === undefined;
    },

    findOverdueTransactions: (now, limit) => reads.overdue("TRANSACTION#", table.decodeTransaction, now, limit),
  };
}

/** Whether the patient stands on its own, as nothing but the commit of its transaction leaves it. */
function isReleased({ lastOperation }: Mapping, item: Record<string, AttributeValue> | undefined): boolean {
  const mapping = item && table.decodeMapping(item);
  return mapping?.transaction === undefined && mapping?.lastOperation?.token === lastOperation?.token;
}
