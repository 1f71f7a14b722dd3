import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { type Answer, refusal, textAnswer } from "./answer.ts";
import type { Strike } from "./fault-rules.ts";
import { Abandoned, type HeldRequests } from "./held-requests.ts";
import type { ApiRequest, CarryOut } from "./particle-api.ts";
import type { LoggedRequest } from "./request-log.ts";
import type { Switches } from "./switches.ts";

// The documented patient is below a kilobyte.
const bodyLimitBytes = 1_000_000;

/** Undefined when it is too large; read to its end all the same, so that the caller hears the answer. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= bodyLimitBytes) chunks.push(chunk);
  }
  return bytes > bodyLimitBytes ? undefined : Buffer.concat(chunks).toString("utf8");
}

/** @throws what the connection ended with when the caller hangs up in the middle of the body */
export async function readRequest(request: IncomingMessage): Promise<ApiRequest> {
  // Not `new URL`: it would take "/../" and "%2e%2e" of a patient_id for steps up.
  const [path = "", ...query] = (request.url ?? "").split("?");
  const body = await readBody(request);
  return { method: request.method ?? "", path, query: query.join("?"), headers: request.headers, body };
}

export function send(response: ServerResponse, { status, contentType, body, headers }: Answer): void {
  response.writeHead(status, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

export type Surroundings = {
  readonly held: HeldRequests;
  /** Aborted when the simulator closes. */
  readonly closing: AbortSignal;
  readonly switches: () => Switches;
};

/** One request on its way through whatever strikes it. */
export class Exchange {
  readonly #response: ServerResponse;
  readonly #entry: LoggedRequest;
  readonly #carryOut: CarryOut;
  readonly #around: Surroundings;

  constructor(response: ServerResponse, entry: LoggedRequest, carryOut: CarryOut, around: Surroundings) {
    this.#response = response;
    this.#entry = entry;
    this.#carryOut = carryOut;
    this.#around = around;
  }

  /** @throws Abandoned when it was held and dropped, or the simulator closed before it was carried out */
  async undergo({ delayMs, fault }: Strike): Promise<void> {
    await this.#wait(this.#around.switches().delayMs + delayMs);
    switch (fault?.fault) {
      case undefined:
        return this.#answer(this.#commit());
      case "status":
        return this.#answer(this.#error(fault.status, fault.retryAfterSeconds, fault.message));
      case "status-after-commit":
        this.#commit();
        return this.#answer(this.#error(fault.status));
      case "reset-before-commit":
        return this.reset();
      case "reset-after-commit":
        this.#commit();
        return this.reset();
      case "late-commit":
        if (fault.hangUp === "simulator") this.reset();
        else await this.#callerGone();
        await this.#wait(fault.commitAfterMs);
        this.#commit();
        return;
      case "garbage":
        if (fault.commit) this.#commit();
        return this.#answer({ ...textAnswer(200, fault.body), contentType: "application/json" });
      case "hold-before-commit":
        await this.#held();
        return this.#answer(this.#commit());
      case "hold-after-commit": {
        const answer = this.#commit();
        await this.#held();
        return this.#answer(answer);
      }
    }
  }

  #commit(): Answer {
    const { answer, committed } = this.#carryOut();
    this.#entry.committed = committed;
    return answer;
  }

  #error(status: number, retryAfterSeconds?: number, message = `Status ${status}.`): Answer {
    const headers = retryAfterSeconds === undefined ? {} : { headers: { "retry-after": String(retryAfterSeconds) } };
    return refusal(this.#around.switches().errorBody, status, message, headers);
  }

  #answer(answer: Answer): void {
    if (this.#response.destroyed) {
      this.#entry.state = "hung-up";
      return;
    }
    send(this.#response, answer);
    this.#entry.state = "answered";
    this.#entry.status = answer.status;
  }

  /** Ends the connection with a TCP reset. */
  reset(): void {
    this.#entry.state = "hung-up";
    this.#response.socket?.resetAndDestroy();
  }

  async #held(): Promise<void> {
    this.#entry.state = "held";
    await this.#around.held.wait();
    this.#entry.state = "running";
  }

  async #callerGone(): Promise<void> {
    if (!this.#response.destroyed) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#response.once("close", resolve);
      await promise;
    }
    this.#entry.state = "hung-up";
  }

  async #wait(ms: number): Promise<void> {
    const { closing } = this.#around;
    if (ms > 0) {
      await setTimeout(ms, undefined, { signal: closing }).catch((cause: unknown) => {
        throw new Abandoned("the simulator closes", { cause });
      });
    }
    if (closing.aborted) throw new Abandoned("the simulator closes");
  }
}
