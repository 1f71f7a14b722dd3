import * as v from "valibot";
import { chanceSchema, seedSchema } from "../aws-json/faults.ts";

const chance = v.optional(chanceSchema);

/**
 * What goes wrong, and when. The faults strike in this order, before the write is counted for `hold`:
 *
 * - `throttling`: an operation on items is refused with `throttlingError`. ThrottlingError is the way of transactions,
 *   a TransactionCanceledException with that reason; other operations then get a ThrottlingException.
 * - `transactionConflict`: PutItem, UpdateItem and DeleteItem get a TransactionConflictException, transactions a
 *   TransactionCanceledException whose first reason is TransactionConflict.
 * - `resetBeforeWrite`: the connection is reset and nothing was written.
 * - `resetAfterWrite`: the write is done, then the connection is reset. A write that is refused is answered as ever.
 *
 * `hold`: write number `write` (from 1, counted since the switches were set, refused writes included) waits before it is
 * carried out or before it is answered, until it is released. Others pass it by. A write that is refused has nothing to
 * wait for "after".
 */
export const switchesSchema = v.strictObject({
  seed: seedSchema,
  throttling: chance,
  throttlingError: v.optional(
    v.picklist(["ProvisionedThroughputExceededException", "ThrottlingException", "ThrottlingError"]),
    "ProvisionedThroughputExceededException",
  ),
  transactionConflict: chance,
  resetBeforeWrite: chance,
  resetAfterWrite: chance,
  hold: v.optional(
    v.strictObject({
      write: v.pipe(v.number(), v.integer(), v.minValue(1)),
      at: v.picklist(["before", "after"]),
    }),
  ),
});

export type DynamoDbSwitches = v.InferInput<typeof switchesSchema>;
export type ParsedSwitches = v.InferOutput<typeof switchesSchema>;
/** The switches that strike requests. */
export type FaultName = "throttling" | "transactionConflict" | "resetBeforeWrite" | "resetAfterWrite";
