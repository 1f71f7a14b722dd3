import { AwsError, type JsonObject } from "../aws-json/endpoint.ts";

const SERVICE = "com.amazonaws.dynamodb.v20120810#";

export function dynamoDbError(code: string, message: string, members: JsonObject = {}): AwsError {
  return new AwsError(`${SERVICE}${code}`, message, { members });
}

export function validationError(message: string): AwsError {
  return new AwsError("com.amazon.coral.validate#ValidationException", message);
}

/** Why one action of a transaction stopped it; `None` for those that would have gone through. */
export type CancellationReason = { readonly Code: string; readonly Message?: string; readonly Item?: JsonObject };

/**
 * One reason for each action, in their order.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html#API_TransactWriteItems_Errors
 */
export function transactionCanceled(reasons: readonly CancellationReason[]): AwsError {
  const codes = reasons.map((reason) => reason.Code).join(", ");
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`;
  return dynamoDbError("TransactionCanceledException", message, { CancellationReasons: reasons });
}

type Struck = { readonly operation: string; readonly items: number };

/** How a request is refused whose table has no capacity left; a ThrottlingError is a reason of transactions only. */
export function throttled(
  { operation, items }: Struck,
  error: "ProvisionedThroughputExceededException" | "ThrottlingException" | "ThrottlingError",
): AwsError {
  const message = "The level of configured provisioned throughput for the table was exceeded.";
  if (error !== "ThrottlingError") {
    return dynamoDbError(error, message);
  }
  return operation.startsWith("Transact")
    ? transactionCanceled(againstTheFirst(items, { Code: "ThrottlingError", Message: message }))
    : dynamoDbError("ThrottlingException", message);
}

/** How a request is refused that meets a transaction on the same item. */
export function conflicted({ operation, items }: Struck): AwsError {
  const message = "Transaction is ongoing for the item";
  return operation.startsWith("Transact")
    ? transactionCanceled(againstTheFirst(items, { Code: "TransactionConflict", Message: message }))
    : dynamoDbError("TransactionConflictException", message);
}

function againstTheFirst(items: number, reason: CancellationReason): CancellationReason[] {
  return [reason, ...Array.from({ length: items - 1 }, () => ({ Code: "None" }))];
}
