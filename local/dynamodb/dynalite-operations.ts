import batchGetItem from "dynalite/actions/batchGetItem.js";
import batchWriteItem from "dynalite/actions/batchWriteItem.js";
import createTable from "dynalite/actions/createTable.js";
import deleteItem from "dynalite/actions/deleteItem.js";
import deleteTable from "dynalite/actions/deleteTable.js";
import describeTable from "dynalite/actions/describeTable.js";
import getItem from "dynalite/actions/getItem.js";
import listTables from "dynalite/actions/listTables.js";
import listTagsOfResource from "dynalite/actions/listTagsOfResource.js";
import putItem from "dynalite/actions/putItem.js";
import query from "dynalite/actions/query.js";
import scan from "dynalite/actions/scan.js";
import tagResource from "dynalite/actions/tagResource.js";
import untagResource from "dynalite/actions/untagResource.js";
import updateItem from "dynalite/actions/updateItem.js";
import updateTable from "dynalite/actions/updateTable.js";
import type { Store } from "dynalite/db/index.js";
import batchGetItemRules from "dynalite/validations/batchGetItem.js";
import batchWriteItemRules from "dynalite/validations/batchWriteItem.js";
import createTableRules from "dynalite/validations/createTable.js";
import deleteItemRules from "dynalite/validations/deleteItem.js";
import deleteTableRules from "dynalite/validations/deleteTable.js";
import describeTableRules from "dynalite/validations/describeTable.js";
import getItemRules from "dynalite/validations/getItem.js";
import validations from "dynalite/validations/index.js";
import listTablesRules from "dynalite/validations/listTables.js";
import listTagsOfResourceRules from "dynalite/validations/listTagsOfResource.js";
import putItemRules from "dynalite/validations/putItem.js";
import queryRules from "dynalite/validations/query.js";
import scanRules from "dynalite/validations/scan.js";
import tagResourceRules from "dynalite/validations/tagResource.js";
import untagResourceRules from "dynalite/validations/untagResource.js";
import updateItemRules from "dynalite/validations/updateItem.js";
import updateTableRules from "dynalite/validations/updateTable.js";
import { AwsError, isJsonObject, type JsonObject } from "../aws-json/endpoint.ts";

/** The operations that dynalite itself carries out, by their name on the wire. */
const OPERATIONS = {
  BatchGetItem: { action: batchGetItem, rules: batchGetItemRules },
  BatchWriteItem: { action: batchWriteItem, rules: batchWriteItemRules },
  CreateTable: { action: createTable, rules: createTableRules },
  DeleteItem: { action: deleteItem, rules: deleteItemRules },
  DeleteTable: { action: deleteTable, rules: deleteTableRules },
  DescribeTable: { action: describeTable, rules: describeTableRules },
  GetItem: { action: getItem, rules: getItemRules },
  ListTables: { action: listTables, rules: listTablesRules },
  ListTagsOfResource: { action: listTagsOfResource, rules: listTagsOfResourceRules },
  PutItem: { action: putItem, rules: putItemRules },
  Query: { action: query, rules: queryRules },
  Scan: { action: scan, rules: scanRules },
  TagResource: { action: tagResource, rules: tagResourceRules },
  UntagResource: { action: untagResource, rules: untagResourceRules },
  UpdateItem: { action: updateItem, rules: updateItemRules },
  UpdateTable: { action: updateTable, rules: updateTableRules },
};

export type DynaliteOperation = keyof typeof OPERATIONS;

export function isDynaliteOperation(operation: string): operation is DynaliteOperation {
  return Object.hasOwn(OPERATIONS, operation);
}

/** A request whose types and expressions are checked and parsed. Dynalite changes it while it carries it out. */
export type CheckedRequest = { readonly operation: DynaliteOperation; readonly data: JsonObject };

/**
 * Checks what can be checked without the table. Members that dynalite does not know are dropped from `input`.
 *
 * @throws {AwsError} ValidationException or SerializationException, as DynamoDB answers
 */
export function checkRequest(store: Store, operation: DynaliteOperation, input: JsonObject): CheckedRequest {
  const { types, custom } = OPERATIONS[operation].rules;
  try {
    const data = validations.checkTypes(input, types);
    validations.checkValidations(data, types, custom, store);
    return { operation, data };
  } catch (error) {
    throw asAwsError(error);
  }
}

/** Carries a checked request out on the store. @throws {AwsError} as DynamoDB answers */
export function carryOut(store: Store, { operation, data }: CheckedRequest): Promise<JsonObject> {
  return new Promise((resolve, reject) => {
    OPERATIONS[operation].action(store, data, (error, result) => {
      if (error) {
        reject(asAwsError(error));
      } else {
        resolve(isJsonObject(result) ? result : {});
      }
    });
  });
}

/** Dynalite's errors carry the status and the body of the answer; any other error is a bug and stays what it is. */
export function asAwsError(error: unknown): unknown {
  if (error instanceof Error && "statusCode" in error && "body" in error && isJsonObject(error.body)) {
    const { __type, message, Message, ...members } = error.body;
    return new AwsError(String(__type), String(message ?? Message ?? ""), {
      status: Number(error.statusCode),
      members,
    });
  }
  return error;
}
