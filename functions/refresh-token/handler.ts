import * as v from "valibot";
import { AdapterError } from "../../shared/failure/failure.ts";
import { type Credentials, requestToken } from "../../shared/particle/authenticate.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { createLog } from "../../shared/runtime/log.ts";
import { metricsFromEnv } from "../../shared/runtime/metrics-from-env.ts";
import { scheduledHandler } from "../../shared/runtime/scheduled-handler.ts";
import { createSecrets, type Secrets } from "../../shared/runtime/secrets.ts";

export type RefreshTokenDependencies = {
  readonly secrets: Pick<Secrets, "read" | "write">;
  /** ARN of the secret that holds the credentials as JSON. */
  readonly credentialsSecret: string;
  /** ARN of the secret that the other functions read the token from. */
  readonly tokenSecret: string;
  readonly requestToken: (credentials: Credentials) => Promise<string>;
};

const text = v.pipe(v.string(), v.trim(), v.nonEmpty());
const credentialsSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ client_id: text, client_secret: text, scope: v.optional(text) }),
);

/**
 * Trades the credentials for a token and stores it. Runs on a schedule, more often than a token lives, so that one
 * failed run is no outage. Throws when it fails: Lambda repeats it, and counts it in its error metric.
 */
export function createRefreshToken(dependencies: RefreshTokenDependencies): () => Promise<void> {
  const { secrets, credentialsSecret, tokenSecret } = dependencies;
  return async () => {
    const credentials = parseCredentials(await secrets.read(credentialsSecret), credentialsSecret);
    const token = await dependencies.requestToken(credentials);
    await secrets.write(tokenSecret, token);
  };
}

function parseCredentials(secret: string, arn: string): Credentials {
  const result = v.safeParse(credentialsSchema, secret);
  if (!result.success) {
    // Paths only: the messages of the issues repeat what they found.
    const faults = result.issues.map((issue) => v.getDotPath(issue) ?? "not a JSON object").join(", ");
    throw new AdapterError(
      { kind: "particle-refuses-token", retryAfterSeconds: 60 },
      `The secret ${arn} does not hold {"client_id", "client_secret", "scope"?}: ${faults}.`,
    );
  }
  return result.output;
}

const settings = readEnv(process.env, ["credentialsSecret", "tokenSecret", "particleBaseUrl"]);

const log = createLog();
const metrics = metricsFromEnv(process.env);

const refreshToken = createRefreshToken({
  secrets: createSecrets(),
  credentialsSecret: settings.credentialsSecret,
  tokenSecret: settings.tokenSecret,
  requestToken: (credentials) => requestToken({ baseUrl: settings.particleBaseUrl, timeoutMs: 10_000 }, credentials),
});

export const handler = scheduledHandler(log, metrics, async ({ awsRequestId }) => {
  await refreshToken();
  metrics.tokenRefreshed();
  log("info", { code: "token-refreshed", requestId: awsRequestId });
});
