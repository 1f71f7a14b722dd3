import type { BatchOperation, Item, Store, SubDb } from "dynalite/db/index.js";
import type { JsonObject } from "../aws-json/endpoint.ts";
import { type CheckedRequest, carryOut } from "./dynalite-operations.ts";

/**
 * A write that dynalite carries out on paper: conditions are evaluated and the table's rules are kept against the
 * stored items, but what would be stored (the item and its index entries) is only collected. Committing the
 * collections of one or of a hundred writes as one LevelDB batch makes them happen together or not at all, also when
 * the process is killed. The caller holds the locks of the tables from the first `carryOut` to the end of the commit.
 */
export class StagedWrite {
  /** What to store. */
  readonly changes: BatchOperation[] = [];
  /** The items that were looked at, table included. */
  readonly items: string[] = [];
  /** The item as it was before; of several, the last one. */
  existing: Item | undefined;
  readonly #paper: Store;

  constructor(store: Store) {
    // The prefixes under which dynalite keeps the rows of a table and of an index.
    this.#paper = {
      ...store,
      getItemDb: (table) => this.#rows(store.getItemDb(table), `item-${table}~`),
      getIndexDb: (kind, table, index) =>
        this.#rows(store.getIndexDb(kind, table, index), `index-${kind.toLowerCase()}~${table}~${index}~`),
    };
  }

  carryOut(request: CheckedRequest): Promise<JsonObject> {
    return carryOut(this.#paper, request);
  }

  #rows(stored: SubDb<Item>, prefix: string): SubDb<Item> {
    return {
      lock: (_key, work) => work((callback) => callback),
      get: (key, callback) =>
        stored.get(key, (error, item) => {
          this.items.push(prefix + key);
          this.existing = item;
          callback(error, item);
        }),
      put: (key, value, callback) => {
        this.changes.push({ type: "put", key: prefix + key, value });
        callback(null);
      },
      del: (key, callback) => {
        this.changes.push({ type: "del", key: prefix + key });
        callback(null);
      },
    };
  }
}
