import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  PutItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { AdapterError } from "../failure/failure.ts";

type Item = Record<string, AttributeValue>;

/** The writes whose condition did not hold, with the items as they are (undefined where there is none). */
export type Refusals = ReadonlyMap<number, Item | undefined>;

export type Pause = { sleep(ms: number): Promise<void>; random(): number };

const ATTEMPTS = 8;
const FIRST_DELAY_MS = 20;
const LONGEST_DELAY_MS = 500;

/** Reasons with which DynamoDB cancels a transaction that may succeed when it is tried again. */
const BUSY: Readonly<Record<string, "conflict" | "throttled">> = {
  TransactionConflict: "conflict",
  TransactionConflictException: "conflict",
  TransactionInProgressException: "conflict",
  ThrottlingError: "throttled",
  ThrottlingException: "throttled",
  ProvisionedThroughputExceeded: "throttled",
  ProvisionedThroughputExceededException: "throttled",
  RequestLimitExceeded: "throttled",
};

/**
 * Applies all writes or none. One write goes as a plain conditional write, which costs half of a transaction.
 *
 * @returns the refusals; empty when everything was written.
 * @throws AdapterError `in-flight` when others kept writing the same items, `store-unavailable` when DynamoDB throttles
 *   or does not answer: then the writes may have been applied.
 */
export async function writeAll(
  client: DynamoDBClient,
  writes: readonly TransactWriteItem[],
  pause: Pause,
): Promise<Refusals> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await send(client, writes);
      return new Map();
    } catch (error) {
      const refusals = refusalsOf(error);
      if (refusals.size > 0) {
        return refusals;
      }
      const busy = busyReason(error);
      if (busy === undefined) {
        throw storeUnavailable(error);
      }
      if (attempt === ATTEMPTS) {
        throw busy === "conflict"
          ? new AdapterError({ kind: "in-flight", retryAfterSeconds: 1 }, "DynamoDB kept cancelling on a conflict")
          : storeUnavailable(error);
      }
      await pause.sleep(pause.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt));
    }
  }
}

/** Refusals that no repetition mends: a request that is not well-formed, or a table that is not ours to use. */
const OUR_FAULT = ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"];

/** Names the cause and does not carry it: what DynamoDB says may quote what it was given. */
export function storeUnavailable(cause: unknown): Error {
  const name = cause instanceof Error ? cause.name : "unknown";
  return OUR_FAULT.includes(name)
    ? new Error(`DynamoDB refused the request: ${name}`)
    : new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 2 }, `DynamoDB did not answer: ${name}`);
}

async function send(client: DynamoDBClient, writes: readonly TransactWriteItem[]): Promise<void> {
  const [only, ...others] = writes;
  if (only === undefined) {
    return;
  }
  if (others.length > 0) {
    await client.send(new TransactWriteItemsCommand({ TransactItems: [...writes] }));
  } else if (only.Put) {
    await client.send(new PutItemCommand(only.Put));
  } else if (only.Delete) {
    await client.send(new DeleteItemCommand(only.Delete));
  } else if (only.Update) {
    await client.send(new UpdateItemCommand(only.Update));
  }
}

function refusalsOf(error: unknown): Map<number, Item | undefined> {
  if (error instanceof ConditionalCheckFailedException) {
    return new Map([[0, error.Item]]);
  }
  const refusals = new Map<number, Item | undefined>();
  if (error instanceof TransactionCanceledException) {
    error.CancellationReasons?.forEach((reason, index) => {
      if (reason.Code === "ConditionalCheckFailed") {
        refusals.set(index, reason.Item);
      }
    });
  }
  return refusals;
}

function busyReason(error: unknown): "conflict" | "throttled" | undefined {
  if (error instanceof TransactionCanceledException) {
    const reasons = (error.CancellationReasons ?? []).flatMap(({ Code = "" }) => BUSY[Code] ?? []);
    return reasons.includes("throttled") ? "throttled" : reasons[0];
  }
  return error instanceof Error ? BUSY[error.name] : undefined;
}
