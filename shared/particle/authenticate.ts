import * as v from "valibot";
import { AdapterError, type Failure } from "../failure/failure.ts";
import { createHttpExchange, type HttpAnswer } from "./http-exchange.ts";

export type Credentials = {
  readonly client_id: string;
  readonly client_secret: string;
  /** `projects/<project id>`; sent only when set. */
  readonly scope?: string;
};

export type AuthenticationSettings = {
  /** Such as `https://api.particlehealth.com`. */
  readonly baseUrl: string;
  readonly timeoutMs: number;
};

const jwt = v.pipe(v.string(), v.trim(), v.regex(/^[\w-]+\.[\w-]+\.[\w-]*$/));
const jsonAnswer = v.pipe(v.string(), v.parseJson());
const tokenAnswer = v.union([
  jwt,
  v.pipe(jsonAnswer, jwt),
  v.pipe(
    jsonAnswer,
    v.object({ access_token: jwt }),
    v.transform((answer) => answer.access_token),
  ),
  v.pipe(
    jsonAnswer,
    v.object({ token: jwt }),
    v.transform((answer) => answer.token),
  ),
]);

/**
 * Trades credentials for a JWT: `GET {base}/auth` with the credentials in headers, answered as bare text (the vendor's
 * own client, https://github.com/ParticleHealth/particle-connect). A JSON string, and an object as the vendor's
 * management API answers it, are understood too. One attempt: whoever schedules it repeats it.
 *
 * @throws AdapterError `particle-refuses-token` (the credentials are refused), `particle-throttled`,
 *   `particle-unavailable` or `particle-unintelligible`.
 */
export async function requestToken(settings: AuthenticationSettings, credentials: Credentials): Promise<string> {
  const answer = await ask(settings, credentials);
  if (answer.status < 200 || answer.status > 299) {
    throw new AdapterError(failureOf(answer.status), `Particle answered ${answer.status} to the request for a token.`);
  }
  const token = v.safeParse(tokenAnswer, answer.body);
  if (!token.success) {
    throw new AdapterError(
      { kind: "particle-unintelligible" },
      "Particle's answer to the request for a token is no JWT.",
    );
  }
  return token.output;
}

async function ask({ baseUrl, timeoutMs }: AuthenticationSettings, credentials: Credentials): Promise<HttpAnswer> {
  const headers = {
    accept: "text/plain",
    "client-id": credentials.client_id,
    "client-secret": credentials.client_secret,
    ...(credentials.scope !== undefined && { scope: credentials.scope }),
  };
  try {
    return await createHttpExchange(baseUrl)({ method: "GET", path: "/auth", headers }, timeoutMs);
  } catch (error) {
    throw new AdapterError(
      { kind: "particle-unavailable", retryAfterSeconds: 60 },
      "Particle did not answer the request for a token.",
      { cause: error },
    );
  }
}

function failureOf(status: number): Failure {
  if (status === 429) {
    return { kind: "particle-throttled", retryAfterSeconds: 60 };
  }
  if (status >= 500) {
    return { kind: "particle-unavailable", retryAfterSeconds: 60 };
  }
  const refused = status === 400 || status === 401 || status === 403;
  return refused ? { kind: "particle-refuses-token", retryAfterSeconds: 60 } : { kind: "particle-unintelligible" };
}
