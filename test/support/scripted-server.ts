import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

export type Received = {
  readonly method: string;
  /** As it came: percent-encoded, with its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

type Scripted = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** `silence` never answers; a function does what it likes to the connection. */
export type Reply = Scripted | "silence" | ((socket: Socket) => void);

export type ScriptedServer = {
  readonly url: string;
  readonly port: number;
  readonly received: readonly Received[];
  readonly connections: () => number;
  close(): Promise<void>;
};

/** A loopback HTTP server that answers what `reply` says to each request. */
export async function startScriptedServer(reply: (request: Received) => Reply): Promise<ScriptedServer> {
  const received: Received[] = [];
  let connections = 0;
  const server: Server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) {
      chunks.push(chunk);
    }
    const { method = "", url: path = "", headers } = incoming;
    const request = { method, path, headers, body: Buffer.concat(chunks).toString("utf8") };
    received.push(request);
    const answer = reply(request);
    if (typeof answer === "function") {
      answer(incoming.socket);
    } else if (answer !== "silence") {
      response.writeHead(answer.status ?? 200, answer.headers).end(answer.body);
    }
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    connections: () => connections,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A loopback port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const server = await startScriptedServer(() => "silence");
  await server.close();
  return server.port;
}
