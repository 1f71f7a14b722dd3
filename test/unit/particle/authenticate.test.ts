import { afterEach, describe, expect, it } from "vitest";
import { requestToken } from "../../../shared/particle/authenticate.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import { closedPort, type Reply, type ScriptedServer, startScriptedServer } from "../../support/scripted-server.ts";

const token = "eyJhbGciOiJub25lIn0.eyJleHAiOjE4MDAwMDAwMDB9.c2ln";
const credentials = { client_id: "client-1", client_secret: "very-secret-words" };

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

async function ask(reply: Reply, asWhom: { client_id: string; client_secret: string; scope?: string } = credentials) {
  server = await startScriptedServer(() => reply);
  return requestToken({ baseUrl: server.url, timeoutMs: 300 }, asWhom);
}

describe("requestToken", () => {
  it("asks with the credentials in headers, and for text", async () => {
    await ask({ body: token }, { ...credentials, scope: "projects/1" });
    expect(server?.received).toMatchObject([
      {
        method: "GET",
        path: "/auth",
        headers: {
          accept: "text/plain",
          "client-id": "client-1",
          "client-secret": "very-secret-words",
          scope: "projects/1",
        },
      },
    ]);
  });

  it("sends no scope when there is none", async () => {
    await ask({ body: token });
    expect(server?.received[0]?.headers).not.toHaveProperty("scope");
  });

  it.each([
    token,
    ` ${token}\n`,
    JSON.stringify(token),
    JSON.stringify({ access_token: token, expires_in: 3600 }),
    JSON.stringify({ token }),
  ])("reads the token of %j", async (body) => {
    expect(await ask({ body })).toBe(token);
  });

  it.each([
    { reply: { status: 200, body: "" }, kind: "particle-unintelligible" },
    { reply: { status: 200, body: "<html>very-secret-words</html>" }, kind: "particle-unintelligible" },
    { reply: { status: 200, body: '{"access_token": "x"}' }, kind: "particle-unintelligible" },
    { reply: { status: 302, headers: { location: "https://example.com/" } }, kind: "particle-unintelligible" },
    { reply: { status: 404 }, kind: "particle-unintelligible" },
    { reply: { status: 400, body: "scope is required" }, kind: "particle-refuses-token" },
    { reply: { status: 401, body: "very-secret-words are wrong" }, kind: "particle-refuses-token" },
    { reply: { status: 403 }, kind: "particle-refuses-token" },
    { reply: { status: 429 }, kind: "particle-throttled" },
    { reply: { status: 503 }, kind: "particle-unavailable" },
    { reply: "silence", kind: "particle-unavailable" },
  ] as const)("fails with $kind on $reply, without the secret", async ({ reply, kind }) => {
    const error = await adapterErrorOf(ask(reply));
    expect(error.failure.kind).toBe(kind);
    expect(`${error.stack}${JSON.stringify(error)}${error.cause}`).not.toContain("very-secret-words");
  });

  it("is unavailable where nobody listens", async () => {
    const baseUrl = `http://127.0.0.1:${await closedPort()}`;
    const error = await adapterErrorOf(requestToken({ baseUrl, timeoutMs: 300 }, credentials));
    expect(error.failure.kind).toBe("particle-unavailable");
  });
});
