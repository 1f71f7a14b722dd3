import type { Store } from "dynalite/db/index.js";
import { AwsError, isJsonObject, type JsonObject } from "../aws-json/endpoint.ts";
import { type CheckedRequest, carryOut, checkRequest, type DynaliteOperation } from "./dynalite-operations.ts";
import { type CancellationReason, transactionCanceled, validationError } from "./errors.ts";
import { StagedWrite } from "./staged-write.ts";
import type { TableLocks } from "./table-locks.ts";
import type { TransactionTokens } from "./transaction-tokens.ts";

/**
 * An action of a transaction is the single operation of the same members; a ConditionCheck is a DeleteItem whose effect
 * is thrown away. Dynalite would take members of other operations too (`ReturnValues`, the old `Expected`), so only
 * these are passed on.
 */
const ACTIONS: Readonly<Record<string, { operation: DynaliteOperation; required: string[]; effect: boolean }>> = {
  ConditionCheck: { operation: "DeleteItem", required: ["Key", "ConditionExpression"], effect: false },
  Put: { operation: "PutItem", required: ["Item"], effect: true },
  Update: { operation: "UpdateItem", required: ["Key", "UpdateExpression"], effect: true },
  Delete: { operation: "DeleteItem", required: ["Key"], effect: true },
};
const GET = { operation: "GetItem", required: ["Key"], effect: false } as const;
const PASSED_ON = ["TableName", "ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"];
const MAX_ACTIONS = 100;

type Action = {
  readonly table: string;
  readonly request: CheckedRequest;
  readonly effect: boolean;
  readonly returnsOldItem: boolean;
};

/**
 * TransactWriteItems: every condition is evaluated against the items as they are before the first write, then all
 * writes happen or none.
 *
 * @returns whether anything was written: not when the token says that the same transaction was carried out before
 * @throws {AwsError} TransactionCanceledException with a reason for each action; ValidationException and others when
 *   the request as a whole is wrong
 */
export async function transactWrite(
  store: Store,
  locks: TableLocks,
  tokens: TransactionTokens,
  input: JsonObject,
): Promise<boolean> {
  const { TransactItems: items, ClientRequestToken: token } = input;
  if (token !== undefined && (typeof token !== "string" || token.length < 1 || token.length > 36)) {
    throw validationError("clientRequestToken must be a string of 1 to 36 characters");
  }
  // The digest of the content is taken before dynalite touches it.
  return tokens.once(token, items, async () => {
    const actions = entriesOf(items).map((entry, index) => parseAction(store, entry, index));
    const tables = [...new Set(actions.map((action) => action.table))];
    await locks.run(tables, () => commitTogether(store, actions));
  });
}

async function commitTogether(store: Store, actions: readonly Action[]): Promise<void> {
  const tried = await Promise.all(
    actions.map(async (action) => {
      const stage = new StagedWrite(store);
      return { action, stage, reason: await reasonAgainst(action, stage) };
    }),
  );
  const items = tried.flatMap(({ stage }) => stage.items);
  if (new Set(items).size < items.length) {
    throw validationError("Transaction request cannot include multiple operations on one item");
  }
  if (tried.some(({ reason }) => reason.Code !== "None")) {
    throw transactionCanceled(tried.map(({ reason }) => reason));
  }
  await store.db.batch(tried.flatMap(({ action, stage }) => (action.effect ? stage.changes : [])));
}

/** Tries one action on paper. Errors of the table (it does not exist) concern the whole transaction and are thrown. */
async function reasonAgainst(action: Action, stage: StagedWrite): Promise<CancellationReason> {
  try {
    await stage.carryOut(action.request);
    return { Code: "None" };
  } catch (error) {
    if (!(error instanceof AwsError)) {
      throw error;
    }
    if (error.code === "ConditionalCheckFailedException") {
      const item = action.returnsOldItem && stage.existing ? { Item: stage.existing } : {};
      return { Code: "ConditionalCheckFailed", Message: error.message, ...item };
    }
    if (error.code === "ValidationException") {
      return { Code: "ValidationError", Message: error.message };
    }
    throw error;
  }
}

/** TransactGetItems: all items as they are between two writes. An item that is not there is an empty response. */
export async function transactGet(store: Store, locks: TableLocks, input: JsonObject): Promise<JsonObject> {
  const gets = entriesOf(input["TransactItems"]).map((entry, index) => {
    const [kind, members] = soleMember(entry);
    if (kind !== "Get" || !isJsonObject(members)) {
      throw validationError(`transactItems.${index + 1}.member must hold one Get`);
    }
    return parseMembers(store, GET, members, ["Key", "ProjectionExpression"], index);
  });
  const tables = [...new Set(gets.map((get) => get.table))];
  const responses = await locks.run(tables, () => Promise.all(gets.map((get) => carryOut(store, get.request))));
  return { Responses: responses.map(({ Item }) => (Item === undefined ? {} : { Item })) };
}

/** The tables and the number of items that a transaction names, as far as it can be read. */
export function namedInTransaction(input: JsonObject): { tables: string[]; items: number } {
  const entries = Array.isArray(input["TransactItems"]) ? input["TransactItems"] : [];
  const tables = entries.flatMap((entry) => {
    const members = isJsonObject(entry) ? Object.values(entry)[0] : undefined;
    return isJsonObject(members) && typeof members["TableName"] === "string" ? [members["TableName"]] : [];
  });
  return { tables: [...new Set(tables)], items: entries.length };
}

function entriesOf(items: unknown): JsonObject[] {
  if (!Array.isArray(items) || items.length < 1 || items.length > MAX_ACTIONS || !items.every(isJsonObject)) {
    throw validationError(
      `1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to ${MAX_ACTIONS} and greater than or equal to 1`,
    );
  }
  return items;
}

function parseAction(store: Store, entry: JsonObject, index: number): Action {
  const [name, members] = soleMember(entry);
  const kind = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (kind === undefined || !isJsonObject(members)) {
    throw validationError("TransactItems can only contain one of Check, Put, Update or Delete");
  }
  return parseMembers(store, kind, members, [...PASSED_ON, ...kind.required], index);
}

function parseMembers(
  store: Store,
  kind: { readonly operation: DynaliteOperation; readonly required: readonly string[]; readonly effect: boolean },
  members: JsonObject,
  passedOn: readonly string[],
  index: number,
): Action {
  const { TableName: table, ReturnValuesOnConditionCheckFailure: returns } = members;
  const missing = ["TableName", ...kind.required].find((name) => members[name] === undefined);
  if (missing !== undefined || typeof table !== "string") {
    throw validationError(
      `1 validation error detected: Value at 'transactItems.${index + 1}.member.${missing ?? "TableName"}' failed to satisfy constraint: Member must not be null`,
    );
  }
  const names = ["TableName", "ExpressionAttributeNames", ...passedOn];
  const data = Object.fromEntries(names.flatMap((name) => (name in members ? [[name, members[name]]] : [])));
  const request = checkRequest(store, kind.operation, data);
  return { table, request, effect: kind.effect, returnsOldItem: returns === "ALL_OLD" };
}

function soleMember(entry: JsonObject): [name: string, members: unknown] {
  const [member, ...others] = Object.entries(entry);
  return member === undefined || others.length > 0 ? ["", undefined] : member;
}
