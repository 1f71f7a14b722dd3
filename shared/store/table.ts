import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import * as v from "valibot";
import type { Claim, Mapping, Transaction } from "./mapping-store.ts";

/**
 * The single table: its keys and the shapes of its items. Keys hold FHIR ids, patient_ids and keyed hashes, never an
 * identifier in clear and never a demographic.
 *
 * | item             | pk                   | sk           |
 * | ---------------- | -------------------- | ------------ |
 * | mapping          | `PATIENT#<id>`       | `MAPPING`    |
 * | identifier index | `IDENTIFIER#<hash>`  | `PATIENT#<id>` |
 * | identity claim   | `CLAIM#<kind>#<hash>`| `CLAIM`      |
 * | reverse mapping  | `PARTICLE#<patient_id>` | `PARTICLE` |
 * | transaction      | `TRANSACTION#<id>`   | `TRANSACTION` |
 */
export type Key = { readonly pk: string; readonly sk: string };

export const mappingKey = (id: string): Key => ({ pk: `PATIENT#${id}`, sk: "MAPPING" });
export const indexKey = (hash: string, id: string): Key => ({ pk: `IDENTIFIER#${hash}`, sk: `PATIENT#${id}` });
export const claimKey = (key: string): Key => ({ pk: `CLAIM#${key}`, sk: "CLAIM" });
export const reverseKey = (patient_id: string): Key => ({ pk: `PARTICLE#${patient_id}`, sk: "PARTICLE" });

export const transactionKey = (id: string): Key => ({ pk: `TRANSACTION#${id}`, sk: "TRANSACTION" });

/** FHIR id at the end of an identifier index entry. */
export const idOfIndexEntry = (key: { readonly sk: string }): string => key.sk.slice("PATIENT#".length);

/**
 * Partitions of the in-flight index. Every open operation and every open transaction is an entry of it, so a single
 * partition would bound the write rate of the whole table (1,000 units a second on a partition).
 */
const OPEN_SHARDS = 8;

export const OPEN_INDEX = "open-operations";

export const openShards: readonly string[] = Array.from({ length: OPEN_SHARDS }, (_, shard) => `OPEN#${shard}`);

/** FNV-1a: spreads ids evenly and is the same in every process. */
function openShard(id: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  }
  return openShards[(hash >>> 0) % OPEN_SHARDS] ?? "";
}

const strings = v.array(v.string());
const state = v.picklist([
  "registering",
  "registered",
  "updating",
  "drifted",
  "deleting",
  "deleted",
  "reviving",
  "abandoned",
  "replaced",
]);
const digest = v.object({ whole: v.string(), fields: v.record(v.string(), v.string()) });
const identifier = v.object({
  system: v.optional(v.string()),
  value: v.string(),
  use: v.optional(v.picklist(["usual", "official", "temp", "secondary", "old"])),
  type: v.optional(
    v.object({ coding: v.array(v.object({ system: v.optional(v.string()), code: v.optional(v.string()) })) }),
  ),
});
const content = {
  sent: v.optional(digest),
  identifiers: v.array(identifier),
  indexKeys: strings,
  claims: strings,
  replacedBy: v.optional(v.string()),
};

const mappingItem = v.object({
  ...content,
  id: v.string(),
  patient_id: v.string(),
  particle_patient_id: v.optional(v.string()),
  state,
  version: v.number(),
  lastUpdated: v.string(),
  echo: v.optional(digest),
  operation: v.optional(
    v.object({
      token: v.string(),
      kind: v.picklist(["create", "adopt", "update", "delete", "revive", "replace"]),
      owner: v.string(),
      deadline: v.number(),
      actionableAt: v.number(),
      overdueSince: v.optional(v.number()),
      priorState: v.union([state, v.literal("none")]),
      intended: v.object(content),
    }),
  ),
  unsettledUntil: v.optional(v.number()),
  lastOperation: v.optional(
    v.object({ token: v.string(), result: v.picklist(["completed", "rolled-back", "drifted", "abandoned"]) }),
  ),
  expiresAt: v.optional(v.number()),
  transaction: v.optional(v.string()),
});

const transactionItem = v.object({
  id: v.string(),
  token: v.string(),
  owner: v.string(),
  ids: strings,
  deadline: v.number(),
  actionableAt: v.number(),
  overdueSince: v.optional(v.number()),
});

const claimItem = v.object({
  pk: v.string(),
  id: v.string(),
  body: v.optional(v.string()),
  met: v.optional(v.boolean()),
  expiresAt: v.optional(v.number()),
});

type Item = Record<string, AttributeValue>;

/** @throws Error that names the attributes; the library's own error would carry what they hold. */
function decoded<Schema extends v.GenericSchema>(schema: Schema, item: Item): v.InferOutput<Schema> {
  const result = v.safeParse(schema, unmarshall(item));
  if (!result.success) {
    const faults = result.issues.map((issue) => v.getDotPath(issue) ?? "the item");
    throw new Error(`An item of the table is not readable at ${[...new Set(faults)].join(", ")}.`);
  }
  return result.output;
}

const encode = (item: Record<string, unknown>): Item => marshall(item, { removeUndefinedValues: true });

export const encodeKey = (key: Key): Item => ({ pk: { S: key.pk }, sk: { S: key.sk } });

/** The attributes of the sparse in-flight index exist only while an operation is open. */
export const encodeMapping = (mapping: Mapping): Item =>
  encode({
    ...mappingKey(mapping.id),
    ...mapping,
    ...(mapping.operation && { openShard: openShard(mapping.id), actionableAt: mapping.operation.actionableAt }),
  });

export const decodeMapping = (item: Item): Mapping => decoded(mappingItem, item);

/** Its `actionableAt` is the sort key of the in-flight index, too. */
export const encodeTransaction = (transaction: Transaction): Item =>
  encode({ ...transactionKey(transaction.id), ...transaction, openShard: openShard(transaction.id) });

export const decodeTransaction = (item: Item): Transaction => decoded(transactionItem, item);

export const encodeClaim = ({ key, ...claim }: Claim): Item => encode({ ...claimKey(key), ...claim });

export function decodeClaim(item: Item): Claim {
  const { pk, ...claim } = decoded(claimItem, item);
  return { key: pk.slice("CLAIM#".length), ...claim };
}

export const encodeIndexEntry = (hash: string, id: string): Item => encode({ ...indexKey(hash, id), id });

export const encodeReverse = (patient_id: string, id: string): Item => encode({ ...reverseKey(patient_id), id });

export const decodeId = (item: Item): string => decoded(v.object({ id: v.string() }), item).id;
