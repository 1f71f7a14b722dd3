import type { Store } from "dynalite/db/index.js";
import { AwsError, isJsonObject, type JsonObject } from "../aws-json/endpoint.ts";
import { carryOut, checkRequest, isDynaliteOperation } from "./dynalite-operations.ts";
import { dynamoDbError } from "./errors.ts";
import { StagedWrite } from "./staged-write.ts";
import { TableLocks } from "./table-locks.ts";
import { tableOperations } from "./table-settings.ts";
import { TransactionTokens } from "./transaction-tokens.ts";
import { namedInTransaction, transactGet, transactWrite } from "./transactions.ts";

/** `written`: whether it changed items; a transaction that is repeated under its token did not. */
type Outcome = { readonly response: JsonObject; readonly written: boolean };

/** What a request names: its tables, and the number of its items where it names items. */
type Named = { readonly tables: string[]; readonly items: number };

const ITEM_WRITES = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"] as const;
type ItemWrite = (typeof ITEM_WRITES)[number];

/**
 * All operations on one store, by their names on the wire; `tables` are those that the request names. Writes to a table happen one after the other, each with its
 * index entries as one LevelDB batch; reads never wait, save TransactGetItems.
 *
 * @throws {AwsError} from what it returns, as DynamoDB answers
 */
export function operationsOn(
  store: Store,
): (operation: string, tables: readonly string[], input: JsonObject) => Promise<Outcome> {
  const locks = new TableLocks();
  const tokens = new TransactionTokens();
  const onTables = tableOperations(store);

  return async (operation, tables, input) => {
    if (operation === "TransactWriteItems") {
      return { response: {}, written: await transactWrite(store, locks, tokens, input) };
    }
    if (isItemWrite(operation)) {
      return { response: await writeItems(store, locks, operation, tables, input), written: true };
    }
    return { response: await answer(operation, input), written: false };
  };

  function answer(operation: string, input: JsonObject): Promise<JsonObject> {
    const onTable = Object.hasOwn(onTables, operation) ? onTables[operation] : undefined;
    if (onTable !== undefined) {
      return onTable(input);
    }
    if (operation === "TransactGetItems") {
      return transactGet(store, locks, input);
    }
    if (isDynaliteOperation(operation)) {
      return carryOut(store, checkRequest(store, operation, input));
    }
    throw new AwsError("com.amazon.coral.service#UnknownOperationException", "No such operation.");
  }
}

/** Whether the operation changes items, and so can be held, conflict or lose its reply. */
export function isWrite(operation: string): boolean {
  return isItemWrite(operation) || operation === "TransactWriteItems";
}

function isItemWrite(operation: string): operation is ItemWrite {
  return (ITEM_WRITES as readonly string[]).includes(operation);
}

/** Read before the operation, which takes the request apart. */
export function namedIn(operation: string, input: JsonObject): Named {
  if (operation.startsWith("Transact")) {
    return namedInTransaction(input);
  }
  const { RequestItems: batch, TableName: table } = input;
  if (isJsonObject(batch)) {
    const requests = Object.values(batch).map((each) => (isJsonObject(each) ? each["Keys"] : each));
    const items = requests.reduce<number>((sum, each) => sum + (Array.isArray(each) ? each.length : 0), 0);
    return { tables: Object.keys(batch), items };
  }
  return { tables: typeof table === "string" ? [table] : [], items: "Key" in input || "Item" in input ? 1 : 0 };
}

async function writeItems(
  store: Store,
  locks: TableLocks,
  operation: ItemWrite,
  tables: readonly string[],
  input: JsonObject,
): Promise<JsonObject> {
  const returnsOldItem = input["ReturnValuesOnConditionCheckFailure"] === "ALL_OLD";
  const request = checkRequest(store, operation, input);
  const stage = new StagedWrite(store);
  return locks.run(tables, async () => {
    try {
      const response = await stage.carryOut(request);
      await store.db.batch(stage.changes);
      return response;
    } catch (error) {
      if (error instanceof AwsError && error.code === "ConditionalCheckFailedException" && returnsOldItem) {
        throw dynamoDbError(error.code, error.message, stage.existing && { Item: stage.existing });
      }
      throw error;
    }
  });
}
