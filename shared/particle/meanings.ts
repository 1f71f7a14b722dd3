import type { Failure } from "../failure/failure.ts";

/** What an attempt that did not succeed means for the call that it belongs to. */
export type Meaning = {
  readonly failure: Extract<
    Failure["kind"],
    | "particle-rejected"
    | "particle-overlay"
    | "particle-throttled"
    | "particle-unintelligible"
    | "particle-unavailable"
    | "particle-refuses-token"
  >;
  /** Whether another attempt may end differently. */
  readonly repeat: boolean;
  /** "unknown" when a write may have been carried out all the same. */
  readonly carriedOut: "no" | "unknown";
};

export const MEANINGS = {
  rejected: { failure: "particle-rejected", repeat: false, carriedOut: "no" },
  overlay: { failure: "particle-overlay", repeat: false, carriedOut: "no" },
  /** The token is read again and the request repeated once, apart from the other repeats. */
  tokenRefused: { failure: "particle-refuses-token", repeat: false, carriedOut: "no" },
  forbidden: { failure: "particle-refuses-token", repeat: false, carriedOut: "no" },
  throttled: { failure: "particle-throttled", repeat: true, carriedOut: "no" },
  /** Particle is still at work on an earlier request. */
  busy: { failure: "particle-unavailable", repeat: true, carriedOut: "no" },
  /** The connection was never established. */
  unreachable: { failure: "particle-unavailable", repeat: true, carriedOut: "no" },
  /** The connection broke, the time was over, or the server failed somewhere on the way. */
  interrupted: { failure: "particle-unavailable", repeat: true, carriedOut: "unknown" },
  /** Nothing there: an answer to GET and DELETE of a patient, and otherwise another server than Particle's. */
  absent: { failure: "particle-unintelligible", repeat: false, carriedOut: "no" },
  misaddressed: { failure: "particle-unintelligible", repeat: false, carriedOut: "no" },
  unintelligible: { failure: "particle-unintelligible", repeat: false, carriedOut: "unknown" },
} as const satisfies Record<string, Meaning>;

export type MeaningName = keyof typeof MEANINGS;

/**
 * The statuses of https://docs.particlehealth.com/reference/handling-errors, and 422, which the vendor's client knows
 * although that page does not. 408 comes from proxies.
 */
const STATUSES: Readonly<Record<number, MeaningName>> = {
  400: "rejected",
  401: "tokenRefused",
  403: "forbidden",
  404: "absent",
  405: "misaddressed",
  406: "misaddressed",
  408: "interrupted",
  410: "absent",
  412: "busy",
  422: "rejected",
  429: "throttled",
};

/** Undefined for a success. Other 4xx are refusals; redirects say nothing about what was done. */
export function meaningOfStatus(status: number): MeaningName | undefined {
  if (status >= 200 && status < 300) {
    return undefined;
  }
  if (status >= 500) {
    return "interrupted";
  }
  return STATUSES[status] ?? (status >= 400 ? "rejected" : "unintelligible");
}
