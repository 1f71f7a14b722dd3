import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { createRefreshToken as CreateRefreshToken } from "../../../functions/refresh-token/handler.ts";
import { AdapterError } from "../../../shared/failure/failure.ts";
import { requestToken } from "../../../shared/particle/authenticate.ts";
import type { Secrets } from "../../../shared/runtime/secrets.ts";
import { type Reply, type ScriptedServer, startScriptedServer } from "../../support/scripted-server.ts";

const token = "eyJhbGciOiJub25lIn0.eyJleHAiOjE4MDAwMDAwMDB9.c2ln";
const credentialsSecret = "arn:credentials";
const tokenSecret = "arn:token";

let createRefreshToken: typeof CreateRefreshToken;
let server: ScriptedServer | undefined;

beforeAll(async () => {
  vi.stubEnv("PARTICLE_CREDENTIALS_SECRET_ARN", credentialsSecret);
  vi.stubEnv("PARTICLE_TOKEN_SECRET_ARN", tokenSecret);
  vi.stubEnv("PARTICLE_BASE_URL", "http://127.0.0.1:9");
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("DEPLOYMENT", "a deployment");
  ({ createRefreshToken } = await import("../../../functions/refresh-token/handler.ts"));
  vi.unstubAllEnvs();
});
afterEach(() => server?.close());

async function scene(credentials: string, reply: Reply) {
  const kept = new Map([[credentialsSecret, credentials]]);
  const secrets: Pick<Secrets, "read" | "write"> = {
    read: async (arn) => kept.get(arn) ?? "",
    write: async (arn, value) => void kept.set(arn, value),
  };
  const particle = await startScriptedServer(() => reply);
  server = particle;
  const refresh = createRefreshToken({
    secrets,
    credentialsSecret,
    tokenSecret,
    requestToken: (given) => requestToken({ baseUrl: particle.url, timeoutMs: 500 }, given),
  });
  return { kept, refresh };
}

describe("refresh-token", () => {
  it("trades the credentials for a token and stores it", async () => {
    const stored = JSON.stringify({ client_id: "client-1", client_secret: " very-secret\n", scope: "projects/1" });
    const { kept, refresh } = await scene(stored, { body: token });
    await refresh();
    expect(kept.get(tokenSecret)).toBe(token);
    expect(server?.received[0]?.headers).toMatchObject({
      "client-id": "client-1",
      "client-secret": "very-secret",
      scope: "projects/1",
    });
  });

  it.each([
    { stored: "client-1:very-secret", says: "not a JSON object" },
    { stored: '"very-secret"', says: "not a JSON object" },
    { stored: '{"client_id": "client-1", "client_secret": ["very-secret"]}', says: "client_secret" },
    { stored: '{"client_id": "", "client_secret": "very-secret"}', says: "client_id" },
    { stored: '{"client_id": "very-secret", "client_secret": "x", "scope": 7}', says: "scope" },
  ])("says what is wrong with credentials, not what they are: $says", async ({ stored, says }) => {
    const { kept, refresh } = await scene(stored, { body: token });
    const error = await refresh().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toContain(`${says}.`);
    expect(`${(error as Error).stack}${JSON.stringify(error)}`).not.toContain("very-secret");
    expect(kept.has(tokenSecret)).toBe(false);
    expect(server?.received).toEqual([]);
  });

  it.each([{ status: 401 }, { status: 500 }, { body: "no token" }])(
    "fails, and keeps the token that there is, when Particle answers %j",
    async (reply) => {
      const { kept, refresh } = await scene('{"client_id": "c", "client_secret": "s"}', reply);
      kept.set(tokenSecret, "the old one");
      await expect(refresh()).rejects.toThrow(AdapterError);
      expect(kept.get(tokenSecret)).toBe("the old one");
    },
  );
});
