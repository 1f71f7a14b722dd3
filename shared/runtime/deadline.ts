import type { Context } from "aws-lambda";

/** Clients and the gateway in front of us wait no longer than 29 seconds. */
export const LONGEST_REQUEST_MS = 20_000;

/** What is left for recording how the operations ended, and for answering. */
const RESERVE_MS = 3_000;

/** Epoch milliseconds after which an invocation sends nothing to Particle any more, at most `longestMs` from now. */
export const deadlineOf = (
  { getRemainingTimeInMillis }: Pick<Context, "getRemainingTimeInMillis">,
  longestMs = Number.POSITIVE_INFINITY,
): number => Date.now() + Math.min(longestMs, getRemainingTimeInMillis() - RESERVE_MS);
