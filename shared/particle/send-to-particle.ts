import { setTimeout as delay } from "node:timers/promises";
import { AdapterError, type Failure, type Refusable } from "../failure/failure.ts";
import { type HttpAnswer, type HttpExchange, type HttpRequest, NoAnswer } from "./http-exchange.ts";
import { MEANINGS, type MeaningName, meaningOfStatus } from "./meanings.ts";
import type { ParticleGateway, Written } from "./particle-gateway.ts";
import { particleWords, type Sent } from "./particle-words.ts";
import { retryAfterMs } from "./retry-after.ts";
import type { TokenSource } from "./token-source.ts";

/** One call of the gateway, which may take several attempts. */
export type Operation = {
  /** For the operator's log and metrics. */
  readonly name: keyof ParticleGateway;
  readonly request: Omit<HttpRequest, "headers">;
  readonly writes: boolean;
  /** What of the caller's can be at fault; where nothing can, a refusal is nonsense. */
  readonly refusable: Refusable | undefined;
  /** Whether 404 and 410 are answers rather than failures. */
  readonly mayBeAbsent: boolean;
  /** What must not come back out of Particle's words. */
  readonly sent: Sent;
};

/** What varies from run to run; tests replace it. */
export type Effects = {
  /** Epoch milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** From 0 to below 1. */
  random(): number;
};

export type SendSettings = {
  /** What stands before the token in the Authorization header; empty for the raw token. */
  readonly authorizationPrefix: string;
  readonly attemptTimeoutMs: number;
};

/** One attempt, for whoever measures. */
export type Attempt = {
  readonly call: keyof ParticleGateway;
  /** Of the answer; absent where there was none. */
  readonly status?: number;
  readonly durationMs: number;
  /** Whether an earlier attempt of the same call has failed. */
  readonly isRepeat: boolean;
};

export type ObserveAttempt = (attempt: Attempt) => void;

/** Sends until there is an answer that counts, and nothing after the deadline (epoch milliseconds). */
export type SendToParticle = (operation: Operation, deadline: number) => Promise<HttpAnswer & Written>;

export const realEffects: Effects = { now: Date.now, sleep: (ms) => delay(ms), random: Math.random };

/** The most attempts of one call, the first included. Waits grow from `baseMs` by doubling, with full jitter. */
const RETRY = { attempts: 4, baseMs: 200, capMs: 3_000 };
// A repeat that has hardly any time left would only leave another unknown outcome behind.
const LEAST_ATTEMPT_MS = 250;

// Particle's limits are counted per minute (https://docs.particlehealth.com/docs/rate-limiting-and-quotas); no page of
// the vendor mentions a Retry-After header.
const THROTTLED = { waitMs: 60_000, jitterMs: 15_000 };
const RETRY_AFTER_SECONDS = { unavailable: 10, refusesToken: 10, outcomeUnknown: 60 };

/** A failed attempt, and what Particle said about it. */
type Failed = {
  readonly meaning: MeaningName;
  readonly detail: string;
  readonly words: string;
  readonly cause?: Error;
  readonly retryAfterMs?: number;
  readonly cutByDeadline: boolean;
};

/**
 * The retries of a call, its token, its deadline, and what is known about its outcome.
 *
 * A write of which one attempt ended unknown and none succeeded fails with `outcomeUnknown`, whatever the last attempt
 * said: a refusal of the repeat does not say that the first was not carried out, so it becomes `outcome-unknown`.
 */
export function createSendToParticle(
  exchange: HttpExchange,
  settings: SendSettings,
  tokens: TokenSource,
  effects: Effects,
  observe: ObserveAttempt = () => undefined,
): SendToParticle {
  const { now, random, sleep } = effects;

  /** @throws NoAnswer */
  async function observed(
    call: Attempt["call"],
    request: HttpRequest,
    timeoutMs: number,
    isRepeat: boolean,
  ): Promise<HttpAnswer> {
    const begun = now();
    const told = (status?: number) =>
      observe({ call, isRepeat, durationMs: now() - begun, ...(status !== undefined && { status }) });
    try {
      const answer = await exchange(request, timeoutMs);
      told(answer.status);
      return answer;
    } catch (error) {
      told();
      throw error;
    }
  }

  async function attempt(
    operation: Operation,
    token: string,
    left: number,
    isRepeat: boolean,
  ): Promise<HttpAnswer | Failed> {
    const headers = {
      accept: "application/json",
      authorization: settings.authorizationPrefix === "" ? token : `${settings.authorizationPrefix} ${token}`,
      ...(operation.request.body !== undefined && { "content-type": "application/json" }),
    };
    try {
      const request = { ...operation.request, headers };
      const answer = await observed(operation.name, request, Math.min(left, settings.attemptTimeoutMs), isRepeat);
      const meaning = meaningOfStatus(answer.status);
      if (meaning === undefined || (meaning === "absent" && operation.mayBeAbsent)) {
        return answer;
      }
      return refused(meaning, answer, { ...operation.sent, opaque: [...operation.sent.opaque, token] });
    } catch (error) {
      if (!(error instanceof NoAnswer)) {
        throw error;
      }
      return {
        meaning: error.maybeSent ? "interrupted" : "unreachable",
        detail: error.message,
        words: "",
        cause: error,
        cutByDeadline: error.timedOut && left <= settings.attemptTimeoutMs,
      };
    }
  }

  function refused(meaning: MeaningName, answer: HttpAnswer, sent: Sent): Failed {
    const { words, overlay } = particleWords(answer.body, sent);
    const wait = retryAfterMs(answer.retryAfter, now());
    return {
      meaning: overlay && answer.status >= 400 && answer.status < 500 ? "overlay" : meaning,
      detail: `It answered ${answer.status}.`,
      words,
      cutByDeadline: false,
      ...(wait !== undefined && { retryAfterMs: wait }),
    };
  }

  /** Milliseconds that Particle wants to be left alone. */
  function quietMs({ meaning, retryAfterMs: asked }: Failed): number {
    return asked ?? (meaning === "throttled" ? THROTTLED.waitMs + random() * THROTTLED.jitterMs : 0);
  }

  return async (operation, deadline) => {
    let unknown = false;

    const overdue = () =>
      unknown
        ? outcomeUnknown(operation, undefined)
        : new AdapterError(UNAVAILABLE, `${operation.name}: the deadline was over before an attempt could be made.`);

    async function readToken(read: () => Promise<string>): Promise<string> {
      try {
        return await before(deadline - now(), read, overdue);
      } catch (error) {
        throw unknown ? outcomeUnknown(operation, error) : error;
      }
    }

    let token = await readToken(() => tokens.current());
    let tokenWasReread = false;
    let attempts = 0;
    for (;;) {
      const left = deadline - now();
      if (left <= 0) {
        throw overdue();
      }
      const result = await attempt(operation, token, left, attempts > 0 || tokenWasReread);
      if ("status" in result) {
        return unknown ? { ...result, unsettled: true } : result;
      }
      unknown ||= operation.writes && MEANINGS[result.meaning].carriedOut === "unknown";
      if (result.cutByDeadline && unknown) {
        throw outcomeUnknown(operation, result.cause);
      }

      if (result.meaning === "tokenRefused" && !tokenWasReread) {
        tokenWasReread = true;
        const refusedToken = token;
        token = await readToken(() => tokens.reread(refusedToken));
        if (token !== refusedToken) {
          continue;
        }
      }

      attempts += 1;
      const quiet = quietMs(result);
      const wait = quiet + random() * Math.min(RETRY.capMs, RETRY.baseMs * 2 ** (attempts - 1));
      const worthRepeating = MEANINGS[result.meaning].repeat && attempts < RETRY.attempts;
      if (!worthRepeating || now() + wait + LEAST_ATTEMPT_MS > deadline) {
        throw errorOf(operation, result, quiet, unknown);
      }
      await sleep(wait);
    }
  };
}

const UNAVAILABLE: Failure = {
  kind: "particle-unavailable",
  retryAfterSeconds: RETRY_AFTER_SECONDS.unavailable,
};
const OUTCOME_UNKNOWN: Failure = {
  kind: "outcome-unknown",
  retryAfterSeconds: RETRY_AFTER_SECONDS.outcomeUnknown,
};

function outcomeUnknown(operation: Operation, cause: unknown): AdapterError {
  const message = `${operation.name}: an attempt ended without an answer, and no later one succeeded.`;
  return new AdapterError(OUTCOME_UNKNOWN, message, { cause, outcomeUnknown: true });
}

function errorOf(operation: Operation, failed: Failed, quiet: number, unknown: boolean): AdapterError {
  const failure = failureOf(operation, failed, quiet);
  const error = new AdapterError(failure, `${operation.name} failed (${failed.meaning}). ${failed.detail}`, {
    cause: failed.cause,
    outcomeUnknown: unknown,
  });
  const claimsNothing = failure.kind === "particle-unavailable" || failure.kind === "particle-unintelligible";
  return unknown && !claimsNothing ? outcomeUnknown(operation, error) : error;
}

function failureOf({ refusable }: Operation, { meaning, words }: Failed, quiet: number): Failure {
  const kind = MEANINGS[meaning].failure;
  const askedSeconds = Math.ceil(quiet / 1000);
  switch (kind) {
    case "particle-rejected":
      return refusable === undefined
        ? { kind: "particle-unintelligible" }
        : // What Particle says of a call without demographics can only be about what it holds.
          { kind, refused: refusable, ...(refusable === "demographics" && words !== "" && { words }) };
    case "particle-overlay":
    case "particle-unintelligible":
      return { kind };
    case "particle-throttled":
      return { kind, retryAfterSeconds: Math.max(1, askedSeconds) };
    case "particle-unavailable":
      return { kind, retryAfterSeconds: askedSeconds || RETRY_AFTER_SECONDS.unavailable };
    case "particle-refuses-token":
      return { kind, retryAfterSeconds: RETRY_AFTER_SECONDS.refusesToken };
  }
}

/** Gives up waiting, not the work: a secret that is being read is of use to the next caller. */
async function before<Value>(ms: number, work: () => Promise<Value>, overdue: () => Error): Promise<Value> {
  if (ms <= 0) {
    throw overdue();
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    // Longer delays overflow, and a timer of Node would fire at once.
    timer = setTimeout(() => reject(overdue()), Math.min(ms, 2 ** 31 - 1));
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
