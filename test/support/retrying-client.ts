import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, fhirClient } from "./fhir-over-http.ts";

export type Patience = {
  /** The most that it waits for one Retry-After; a client that comes back too early is only told so again. */
  readonly longestWaitMs: number;
  /** After this long it stops repeating. */
  readonly giveUpAfterMs: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Called with the status of every answer, and with the error code where there was none. */
  readonly onAttempt?: (status: number | string) => void;
};

export type Send = ReturnType<typeof retryingClient>;

/** Answers after which a well-behaved client repeats the identical request. */
const WORTH_REPEATING: readonly number[] = [429, 502, 503, 504];

const FIRST_WAIT_MS = 100;
const JITTER_MS = 300;

/** Sends each request until the answer is final: honours Retry-After, and backs off where there is none. */
export function retryingClient(base: string, { longestWaitMs, giveUpAfterMs, random, onAttempt }: Patience) {
  const client = fhirClient(base);

  /** @throws Error when it gives up */
  return async <Resource = unknown>(
    method: string,
    path: string,
    request: Parameters<typeof client.send>[2] = {},
  ): Promise<Answer<Resource>> => {
    const end = Date.now() + giveUpAfterMs;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await client.send<Resource>(method, path, request).catch(codeOf);
      const status = typeof answer === "string" ? answer : answer.status;
      onAttempt?.(status);
      const retryAfter = typeof answer === "string" ? null : answer.headers.get("retry-after");
      if (typeof answer !== "string" && !isWorthRepeating(answer.status, retryAfter)) {
        return answer;
      }
      if (Date.now() > end) {
        throw new Error(`${method} was given up after ${attempt + 1} attempts, the last answered ${status}.`);
      }
      const asked = retryAfter === null ? FIRST_WAIT_MS * 2 ** attempt : Number(retryAfter) * 1_000;
      await sleep(Math.min(asked, longestWaitMs) + random() * JITTER_MS);
    }
  };
}

/** A 409 that asks to be repeated is a lock; without that, it is a conflict that stays. */
const isWorthRepeating = (status: number, retryAfter: string | null): boolean =>
  WORTH_REPEATING.includes(status) || (status === 409 && retryAfter !== null);

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) {
    throw error;
  }
  return "code" in cause ? String(cause.code) : cause.name;
}
