/** What we use of dynalite 4, which comes without types: its store, its checks of a request, and its operations. */

declare module "dynalite/db/index.js" {
  export type Callback<T> = (error: Error | null, value?: T) => void;
  export type Item = { [attribute: string]: { [type: string]: unknown } };
  /** A table as CreateTable left it; members that dynalite does not know are kept and returned. */
  export type Table = { TableName: string; TableStatus: string; [member: string]: unknown };

  export type BatchOperation = { type: "put"; key: string; value: Item } | { type: "del"; key: string };

  /** The rows of the database under one prefix. */
  export type SubDb<Row> = {
    get(key: string, callback: Callback<Row>): void;
    put(key: string, row: Row, callback: Callback<void>): void;
    del(key: string, callback: Callback<void>): void;
    /** Calls `work` when nobody else works on the key; what `release` returns ends that and then calls `callback`. */
    lock(key: string, work: (release: <C>(callback: C) => C) => void): void;
  };

  export type Store = {
    readonly db: {
      open(): Promise<void>;
      batch(operations: readonly BatchOperation[]): Promise<void>;
      close(): Promise<void>;
    };
    readonly tableDb: SubDb<Table>;
    getItemDb(table: string): SubDb<Item>;
    getIndexDb(kind: "Local" | "Global", table: string, index: string): SubDb<Item>;
    /** `checkStatus` false: also tables that are being created or deleted. */
    getTable(name: string, checkStatus: boolean, callback: Callback<Table>): void;
  };

  type Options = {
    /** Directory of the LevelDB files; in memory without. */
    path?: string;
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  };
  const db: { create(options: Options): Store };
  export default db;
}

declare module "dynalite/validations/index.js" {
  import type { Store } from "dynalite/db/index.js";

  type Data = { [name: string]: unknown };
  const validations: {
    /** Copies what `types` names and takes everything else out of `data`; throws what the service would answer. */
    checkTypes(data: Data, types: object): Data;
    /** Parses the expressions into members of `data` that start with an underscore. */
    checkValidations(data: Data, types: object, custom: unknown, store: Store): void;
  };
  export default validations;
}

declare module "dynalite/validations/*.js" {
  const validation: { types: object; custom?: unknown };
  export default validation;
}

declare module "dynalite/actions/*.js" {
  import type { Callback, Store } from "dynalite/db/index.js";

  type Data = { [name: string]: unknown };
  const action: (store: Store, data: Data, callback: Callback<Data>) => void;
  export default action;
}
