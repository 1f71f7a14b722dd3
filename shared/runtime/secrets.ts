import { GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { AdapterError } from "../failure/failure.ts";

/** Secrets of text. All methods throw AdapterError `store-unavailable`, whose message names the ARN and the error. */
export type Secrets = {
  read(arn: string): Promise<string>;
  /** Epoch milliseconds at which the current version was written. */
  writtenAt(arn: string): Promise<number>;
  /** Makes the value the current version of the secret. */
  write(arn: string, value: string): Promise<void>;
};

// The SDK would wait for ever on a connection that is gone, and the callers have deadlines of seconds.
const PATIENCE = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true },
};

export function createSecrets(client: SecretsManagerClient = new SecretsManagerClient(PATIENCE)): Secrets {
  return {
    async read(arn) {
      const { SecretString } = await attempt("read", arn, client.send(new GetSecretValueCommand({ SecretId: arn })));
      if (SecretString === undefined || SecretString === "") {
        throw unavailable("read", arn, "it holds no text");
      }
      return SecretString;
    },
    async writtenAt(arn) {
      const { CreatedDate } = await attempt("read", arn, client.send(new GetSecretValueCommand({ SecretId: arn })));
      if (CreatedDate === undefined) {
        throw unavailable("read", arn, "it does not say when it was written");
      }
      return CreatedDate.getTime();
    },
    async write(arn, value) {
      await attempt("write", arn, client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: value })));
    },
  };
}

async function attempt<Output>(action: "read" | "write", arn: string, sent: Promise<Output>): Promise<Output> {
  try {
    return await sent;
  } catch (error) {
    // Only its name: a refusal of Secrets Manager may repeat the value that it was given.
    throw unavailable(action, arn, error instanceof Error ? error.name : "no error");
  }
}

function unavailable(action: "read" | "write", arn: string, reason: string): AdapterError {
  return new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 5 }, `Cannot ${action} ${arn}: ${reason}.`);
}
