import { mkdir } from "node:fs/promises";
import db, { type Store } from "dynalite/db/index.js";
import * as v from "valibot";
import {
  type AwsCall,
  AwsError,
  ConnectionReset,
  type JsonObject,
  startAwsJsonEndpoint,
} from "../aws-json/endpoint.ts";
import { Faults } from "../aws-json/faults.ts";
import { RequestLog } from "../aws-json/request-log.ts";
import { conflicted, throttled } from "./errors.ts";
import { isWrite, namedIn, operationsOn } from "./operations.ts";
import { type DynamoDbSwitches, type FaultName, type ParsedSwitches, switchesSchema } from "./switches.ts";
import { WriteGate } from "./write-gate.ts";

/** One request as the log keeps it: names and numbers, no attribute values. */
export type DynamoDbRequest = {
  readonly operation: string;
  readonly tables: readonly string[];
  /** Items that the request names; for Query and Scan those that it returned. */
  items: number;
  /** Whether it changed items; a transaction that is repeated under its token did not. */
  written: boolean;
  /** Name of the exception that it was answered with. */
  error?: string;
  /** The switch that struck it. */
  fault?: FaultName;
};

export type EmbeddedDynamoDb = {
  readonly url: string;
  readonly port: number;
  /** Sets all switches anew: what is not named is off, and counting starts again. A write that is held stays held. */
  configure(switches: DynamoDbSwitches): void;
  /** The latest requests, at least 10,000, in their order of arrival. */
  requests(): DynamoDbRequest[];
  /** Calls the listener with each write as it was sent, which the log does not keep: for tests of what is stored. */
  onWrite(listener: (input: JsonObject) => void): void;
  /** Resolves when the write that `hold` names is waiting; rejects where nothing is to be held. */
  held(): Promise<void>;
  /** Lets every held write go on. */
  release(): void;
  /** Cuts all connections, drops held writes, and closes the files. */
  close(): Promise<void>;
};

type EmbeddedDynamoDbOptions = {
  /** 0 = any free port. */
  readonly port: number;
  /** Directory of the LevelDB files, made if it is not there; in memory without. One process at a time. */
  readonly dataDir?: string;
  /** Told of every call, before it is served. */
  readonly onCall?: ((call: AwsCall) => void) | undefined;
};

/** Reads of items: with the writes, what DynamoDB throttles by the capacity of the table. */
const READS = new Set(["GetItem", "BatchGetItem", "TransactGetItems", "Query", "Scan"]);

/**
 * A DynamoDB on loopback: dynalite's expression engine and LevelDB, and around them what it lacks: transactions, the old
 * item of a failed condition, the settings of a table, and switches that make it fail.
 *
 * The switches are also at `PUT /_dynamodb`, the log at `GET /_dynamodb`, and `POST /_dynamodb/release` releases.
 *
 * @throws when the port is taken or another process has the data directory open
 */
export async function startEmbeddedDynamoDb(options: EmbeddedDynamoDbOptions): Promise<EmbeddedDynamoDb> {
  const store = await openStore(options.dataDir);
  const carryOut = operationsOn(store);
  const log = new RequestLog<DynamoDbRequest>();
  const gates: WriteGate[] = [];
  let toldOfWrites: ((input: JsonObject) => void) | undefined;
  let switches = parseSwitches({});
  let faults = new Faults<FaultName>({});
  let gate = new WriteGate(undefined);

  const configure = (input: unknown) => {
    switches = parseSwitches(input);
    const { seed, hold, throttlingError: _, ...chances } = switches;
    faults = new Faults<FaultName>(chances, seed);
    gate = new WriteGate(hold);
    if (hold !== undefined) {
      gates.push(gate);
    }
  };
  const release = () => {
    for (const each of gates.splice(0)) {
      each.open();
    }
  };

  const strikes = (fault: FaultName, request: DynamoDbRequest): boolean => {
    const struck = faults.strikes(fault, request.operation);
    if (struck) {
      request.fault = fault;
    }
    return struck;
  };

  const respond = async (request: DynamoDbRequest, input: JsonObject): Promise<JsonObject> => {
    const { operation } = request;
    const writes = isWrite(operation);
    if (writes) {
      // A copy: the operation takes the request apart.
      toldOfWrites?.(structuredClone(input));
    }
    if ((writes || READS.has(operation)) && strikes("throttling", request)) {
      throw throttled(request, switches.throttlingError);
    }
    // BatchWriteItem is no transaction for DynamoDB: an item of it that conflicts is only left unprocessed.
    const conflicts = (writes && operation !== "BatchWriteItem") || operation === "TransactGetItems";
    if (conflicts && strikes("transactionConflict", request)) {
      throw conflicted(request);
    }
    if (writes && strikes("resetBeforeWrite", request)) {
      throw new ConnectionReset();
    }
    const passage = writes ? gate.enter() : undefined;
    await passage?.("before");
    const { response, written } = await carryOut(operation, request.tables, input);
    request.written = written;
    if (READS.has(operation) && typeof response["Count"] === "number") {
      request.items = response["Count"];
    }
    await passage?.("after");
    if (writes && strikes("resetAfterWrite", request)) {
      throw new ConnectionReset();
    }
    return response;
  };

  const endpoint = await startAwsJsonEndpoint({
    port: options.port,
    protocol: "1.0",
    target: "DynamoDB_20120810",
    onCall: options.onCall,
    serve: async (operation, input) => {
      const request = log.add({ operation, ...namedIn(operation, input), written: false });
      try {
        return await respond(request, input);
      } catch (error) {
        if (error instanceof AwsError) {
          request.error = error.code;
        }
        throw error;
      }
    },
    controls: {
      "PUT /_dynamodb": configure,
      "GET /_dynamodb": () => ({ requests: log.entries() }),
      "POST /_dynamodb/release": release,
    },
  }).catch(async (error: unknown) => {
    await store.db.close();
    throw error;
  });

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    for (const each of gates) {
      each.drop();
    }
    await endpoint.close();
    await store.db.close();
  };
  return {
    url: endpoint.url,
    port: endpoint.port,
    configure,
    requests: () => log.entries(),
    onWrite(listener) {
      toldOfWrites = listener;
    },
    held: () => gate.held(),
    release,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function openStore(dataDir: string | undefined): Promise<Store> {
  const immediately = { createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 };
  if (dataDir !== undefined) {
    await mkdir(dataDir, { recursive: true });
  }
  const store = db.create(dataDir === undefined ? immediately : { ...immediately, path: dataDir });
  // LevelDB would open at its first use, and then only the requests would say that the directory is taken.
  await store.db.open();
  return store;
}

function parseSwitches(input: unknown): ParsedSwitches {
  const parsed = v.safeParse(switchesSchema, input);
  if (!parsed.success) {
    const paths = parsed.issues.map((issue) => v.getDotPath(issue) ?? "the body");
    throw new AwsError("ValidationException", `Not valid switches: ${paths.join(", ")}`);
  }
  return parsed.output;
}
