import type { Context } from "aws-lambda";

/** What is left for recording how the operations ended, and for answering. */
const RESERVE_MS = 3_000;

/** Epoch milliseconds after which an invocation sends nothing to Particle any more, at most `longestMs` from now. */
export const deadlineOf = (
  { getRemainingTimeInMillis }: Pick<Context, "getRemainingTimeInMillis">,
  longestMs = Number.POSITIVE_INFINITY,
): number => Date.now() + Math.min(longestMs, getRemainingTimeInMillis() - RESERVE_MS);
