import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export type SeenRequest = { readonly method: string; readonly path: string; readonly body: string };
export type SentAnswer = { status: number; readonly headers: Headers; body: string };

/** A server in front of another one. */
export type Altered = { readonly url: string; close(): Promise<void> };

/**
 * Passes requests on, and their answers back as `alter` leaves them: a server that works, but for one thing.
 *
 * @param alter called with the answer before it is sent; by `"hang up"` none is
 * @param refuse called with the request before it is passed on; an answer of it is sent in place of the other server's
 */
export async function alteredAnswers(
  target: string,
  alter: (request: SeenRequest, answer: SentAnswer) => unknown,
  refuse: (request: SeenRequest) => SentAnswer | undefined = () => undefined,
): Promise<Altered> {
  let url = "";
  const server = createServer(async (incoming, outgoing) => {
    const { method = "", url: path = "" } = incoming;
    const body = await text(incoming);
    const request = { method, path, body };
    const { host: _host, connection: _connection, "content-length": _length, ...headers } = incoming.headers;
    const answer = refuse(request) ?? (await passOn(target, request, headers as Record<string, string>));
    answer.headers.set("location", (answer.headers.get("location") ?? "").replace(target, url));
    if (alter(request, answer) === "hang up") {
      outgoing.destroy();
      return;
    }
    const kept = [...answer.headers].filter(([name, value]) => value !== "" && !LEFT_OUT.includes(name));
    outgoing.writeHead(answer.status, Object.fromEntries(kept));
    outgoing.end(answer.body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Of this connection, not of the answer. */
const LEFT_OUT = ["connection", "content-length", "keep-alive", "transfer-encoding"];

async function passOn(target: string, { method, path, body }: SeenRequest, headers: Record<string, string>) {
  const response = await fetch(target + path, { method, headers, ...(body !== "" && { body }) });
  return { status: response.status, headers: new Headers(response.headers), body: await response.text() };
}
