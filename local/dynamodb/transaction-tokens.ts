import { createHash } from "node:crypto";
import { isJsonObject, type JsonObject } from "../aws-json/endpoint.ts";
import { dynamoDbError } from "./errors.ts";

/** "A client request token is valid for 10 minutes after the first request that uses it is completed." */
const VALID_MS = 10 * 60_000;

type Use = { readonly digest: string; readonly endedAt?: number };

/**
 * The client request tokens of recent transactions, which make a repeated TransactWriteItems harmless. They live in
 * memory only: a restart forgets them.
 * https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html#DDB-TransactWriteItems-request-ClientRequestToken
 */
export class TransactionTokens {
  readonly #uses = new Map<string, Use>();

  /**
   * Carries `transaction` out unless the token says that it was. One that fails leaves no trace of its token.
   *
   * @returns whether it was carried out now
   */
  async once(token: string | undefined, actions: unknown, transaction: () => Promise<void>): Promise<boolean> {
    if (token === undefined) {
      await transaction();
      return true;
    }
    this.#forgetExpired();
    const digest = digestOf(actions);
    const use = this.#uses.get(token);
    if (use !== undefined) {
      refuseOtherUse(use, digest);
      return false;
    }
    this.#uses.set(token, { digest });
    try {
      await transaction();
    } catch (error) {
      this.#uses.delete(token);
      throw error;
    }
    // Taken out and put back, the map stays ordered by the time of completion, which forgetting relies on.
    this.#uses.delete(token);
    this.#uses.set(token, { digest, endedAt: Date.now() });
    return true;
  }

  #forgetExpired(): void {
    const limit = Date.now() - VALID_MS;
    for (const [token, { endedAt }] of this.#uses) {
      if (endedAt === undefined) {
        continue;
      }
      if (endedAt > limit) {
        return;
      }
      this.#uses.delete(token);
    }
  }
}

function refuseOtherUse(use: Use, digest: string): void {
  if (use.digest !== digest) {
    const message = "The request uses the same client token as a previous, but non-identical request.";
    throw dynamoDbError("IdempotentParameterMismatchException", message);
  }
  if (use.endedAt === undefined) {
    const message = "The transaction with the given request token is already in progress.";
    throw dynamoDbError("TransactionInProgressException", message);
  }
}

/** Equal for equal content, whatever the order of the members. */
function digestOf(content: unknown): string {
  const canonical = JSON.stringify(content, (_name, value: unknown) => (isJsonObject(value) ? sorted(value) : value));
  return createHash("sha256").update(canonical).digest("base64");
}

function sorted(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
