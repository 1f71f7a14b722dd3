import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export type HttpRequest = {
  readonly method: "GET" | "POST" | "DELETE";
  /** As it goes over the wire: below the base URL, percent-encoded, with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type HttpAnswer = {
  readonly status: number;
  readonly body: string;
  /** The Retry-After header as it came. */
  readonly retryAfter?: string;
};

/** The request ended without a complete answer. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  /** False only when no byte of the request can have left: the connection was never established. */
  readonly maybeSent: boolean;
  /** True when it was given up because its time was over. */
  readonly timedOut: boolean;

  // The error of Node is not kept as the cause: a parse error carries the raw packet, which holds demographics.
  constructor(reason: string, maybeSent: boolean, timedOut: boolean) {
    super(`No complete answer (${reason}).`);
    this.maybeSent = maybeSent;
    this.timedOut = timedOut;
  }
}

/**
 * One request and its answer, whatever its status; redirects are not followed.
 *
 * @param timeoutMs time for all of it: waiting for a socket, connecting, sending and reading the answer to its end.
 * @throws NoAnswer
 */
export type HttpExchange = (request: HttpRequest, timeoutMs: number) => Promise<HttpAnswer>;

// A page of 200 ids of 200 characters each is about 40 KB, and a page of objects a few times that.
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

const POOL = {
  keepAlive: true,
  maxSockets: 50,
  maxFreeSockets: 10,
  scheduling: "lifo",
  // NAT gateways drop idle connections without a word, and a frozen function does not hear of a closed one.
  timeout: 15_000,
} as const;

/**
 * Requests to one host over kept-alive connections. `node:https` and not `fetch`, whose first use costs a cold start
 * about 65 ms.
 */
export function createHttpExchange(baseUrl: string): HttpExchange {
  const base = new URL(baseUrl);
  const prefix = base.pathname.replace(/\/+$/, "");
  const secure = base.protocol === "https:";
  const agent = secure ? new HttpsAgent(POOL) : new HttpAgent(POOL);
  const open = secure ? httpsRequest : httpRequest;
  const established = secure ? "secureConnect" : "connect";

  return ({ method, path, headers, body }, timeoutMs) =>
    new Promise((resolve, reject) => {
      let maybeSent = false;
      const outgoing = open(base, { agent, method, path: `${prefix}${path}`, headers });
      const giveUp = (reason: string, timedOut = false) => {
        clearTimeout(timer);
        reject(new NoAnswer(reason, maybeSent, timedOut));
        outgoing.destroy();
      };
      const timer = setTimeout(() => giveUp("time is over", true), timeoutMs);

      outgoing.on("error", (error) => giveUp(codeOf(error)));
      outgoing.on("socket", (socket) => {
        if (outgoing.reusedSocket || !socket.connecting) {
          maybeSent = true;
        } else {
          socket.once(established, () => {
            maybeSent = true;
          });
        }
      });
      outgoing.on("response", (incoming) => {
        readBody(incoming, giveUp, (text) => {
          clearTimeout(timer);
          const retryAfter = incoming.headers["retry-after"];
          resolve({ status: incoming.statusCode ?? 0, body: text, ...(retryAfter !== undefined && { retryAfter }) });
        });
      });
      outgoing.end(body);
    });
}

function readBody(incoming: IncomingMessage, giveUp: (reason: string) => void, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  incoming.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      giveUp(`more than ${MAX_ANSWER_BYTES} bytes`);
    }
  });
  incoming.on("error", (error) => giveUp(codeOf(error)));
  incoming.on("end", () => done(Buffer.concat(chunks).toString("utf8")));
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
