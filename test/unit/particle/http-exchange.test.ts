import { once } from "node:events";
import { createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createHttpExchange, NoAnswer } from "../../../shared/particle/http-exchange.ts";
import {
  closedPort,
  type Received,
  type Reply,
  type ScriptedServer,
  startScriptedServer,
} from "../../support/scripted-server.ts";

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function exchangeWith(reply: (request: Received) => Reply, path = "") {
  server = await startScriptedServer(reply);
  return createHttpExchange(`${server.url}${path}`);
}

async function noAnswerOf(work: Promise<unknown>): Promise<NoAnswer> {
  const error = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(NoAnswer);
  return error as NoAnswer;
}

const get = { method: "GET", path: "/x", headers: {} } as const;

describe("createHttpExchange", () => {
  it("sends the path as it is, below that of the base URL", async () => {
    const exchange = await exchangeWith(() => ({ status: 201, body: "ä", headers: { "retry-after": "3" } }), "/proxy/");
    const post = { method: "POST", path: "/p/a%2Fb%3F?c=%2B", headers: { "x-one": "1" }, body: '{"ü":1}' } as const;
    expect(await exchange(post, 1_000)).toStrictEqual({ status: 201, body: "ä", retryAfter: "3" });
    expect(server?.received).toMatchObject([
      {
        method: "POST",
        path: "/proxy/p/a%2Fb%3F?c=%2B",
        body: '{"ü":1}',
        headers: { "x-one": "1", "content-length": "8" },
      },
    ]);
  });

  it("uses a connection again", async () => {
    const exchange = await exchangeWith(() => ({ body: "ok" }));
    await exchange(get, 1_000);
    await new Promise((resolve) => setImmediate(resolve));
    await exchange(get, 1_000);
    expect(server?.connections()).toBe(1);
  });

  it("knows that nothing was sent where nobody listens", async () => {
    const exchange = createHttpExchange(`http://127.0.0.1:${await closedPort()}`);
    const error = await noAnswerOf(exchange(get, 1_000));
    expect(error).toMatchObject({ maybeSent: false, timedOut: false });
    expect(error.message).toContain("ECONNREFUSED");
  });

  it("knows that nothing was sent when TLS was never established", async () => {
    server = await startScriptedServer(() => ({ body: "no TLS here" }));
    const exchange = createHttpExchange(`https://127.0.0.1:${server.port}`);
    expect(await noAnswerOf(exchange(get, 1_000))).toMatchObject({ maybeSent: false, timedOut: false });
  });

  it("knows that nothing was sent while the handshake of TLS hangs", async () => {
    const silent = createTcpServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const exchange = createHttpExchange(`https://127.0.0.1:${port}`);
    expect(await noAnswerOf(exchange(get, 100))).toMatchObject({ maybeSent: false, timedOut: true });
    silent.close();
  });

  it("does not know what became of a request that got no answer in time", async () => {
    const exchange = await exchangeWith(() => "silence");
    const started = performance.now();
    expect(await noAnswerOf(exchange(get, 100))).toMatchObject({ maybeSent: true, timedOut: true });
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it("hangs up when the time is over", async () => {
    let hungUp: Promise<unknown> | undefined;
    const exchange = await exchangeWith(() => (socket) => {
      hungUp = once(socket, "close");
    });
    await noAnswerOf(exchange(get, 100));
    expect(hungUp).toBeDefined();
    await hungUp;
  });

  it("counts the answer's body into the time", async () => {
    const exchange = await exchangeWith(
      () => (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
    );
    expect(await noAnswerOf(exchange(get, 100))).toMatchObject({ maybeSent: true, timedOut: true });
  });

  it.each([
    { how: "before an answer", head: "" },
    { how: "in the middle of the headers", head: "HTTP/1.1 200 OK\r\ncont" },
    { how: "in the middle of the body", head: "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc" },
    { how: "in the middle of a chunk", head: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc" },
  ])("does not know what became of a request whose connection ended $how", async ({ head }) => {
    const exchange = await exchangeWith(() => (socket) => void socket.end(head));
    expect(await noAnswerOf(exchange(get, 1_000))).toMatchObject({ maybeSent: true, timedOut: false });
  });

  it("does not know what became of a request on a kept connection that was reset", async () => {
    const exchange = await exchangeWith(({ path }) =>
      path === "/first" ? { body: "ok" } : (socket) => void socket.resetAndDestroy(),
    );
    await exchange({ ...get, path: "/first" }, 1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await noAnswerOf(exchange(get, 1_000))).toMatchObject({ maybeSent: true, timedOut: false });
    expect(server?.connections()).toBe(1);
  });

  it("keeps nothing of an answer that is no HTTP", async () => {
    const exchange = await exchangeWith(() => (socket) => void socket.end("Testingson\r\n\r\n"));
    const error = await noAnswerOf(exchange(get, 1_000));
    expect(error.cause).toBeUndefined();
    expect(JSON.stringify({ ...error, stack: error.stack })).not.toContain("Testingson");
  });

  it("does not read on for ever", async () => {
    const exchange = await exchangeWith(() => ({ body: "x".repeat(5 * 1024 * 1024) }));
    const error = await noAnswerOf(exchange(get, 5_000));
    expect(error).toMatchObject({ maybeSent: true, timedOut: false });
  });

  it("does not follow redirects", async () => {
    const exchange = await exchangeWith(() => ({ status: 307, headers: { location: "/elsewhere" } }));
    expect(await exchange(get, 1_000)).toMatchObject({ status: 307 });
    expect(server?.received).toHaveLength(1);
  });

  it("gives up waiting for one of the bounded connections without having sent anything", async () => {
    const exchange = await exchangeWith(() => "silence");
    const busy = Array.from({ length: 50 }, () => noAnswerOf(exchange(get, 400)));
    expect(await noAnswerOf(exchange(get, 100))).toMatchObject({ maybeSent: false, timedOut: true });
    await Promise.all(busy);
    expect(server?.received).toHaveLength(50);
  });
});
