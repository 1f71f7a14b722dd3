/**
 * Names of what the functions measure. The functions write them and the CDK app sets alarms on them, so a name that only
 * one side knows does not compile.
 */
export const METRIC_NAMESPACE = "FhirParticleAdapter";

/** Of every metric: which deployment measured it. */
export const DEPLOYMENT_DIMENSION = "service";

export const METRIC = {
  /** Writes that succeeded, by {@link DIMENSION.outcome}. */
  registrations: "Registrations",
  /** Requests, entries of Bundles and runs without a request (`bug` only) that failed, by {@link DIMENSION.failure}. */
  failures: "Failures",
  /** Milliseconds of each attempt at Particle, by {@link DIMENSION.call} and {@link DIMENSION.status}. */
  particleLatency: "ParticleLatency",
  /** Attempts at Particle after the first one of a call. */
  particleRetries: "ParticleRetries",
  /** Attempts that Particle did not answer, or answered with 401, 403, 429, 5xx or a redirect. */
  particleFailures: "ParticleFailures",
  /** Audit events that could not be written to their log group. */
  auditNotWritten: "AuditEventsNotWritten",
  /** Tokens that were fetched and stored. */
  tokenRefreshes: "TokenRefreshes",
  /** Seconds since the token was stored, every minute. */
  tokenAge: "TokenAge",
  /** Operations and transactions of unknown outcome that anyone may decide now, every minute. */
  overdueOperations: "OverdueOperations",
  /** Seconds since the longest waiting of them could first have been decided; 0 where there is none. */
  oldestOverdueOperation: "OldestOverdueOperation",
  /** Of them, those that were decided. */
  recoveredOperations: "RecoveredOperations",
  /** Of them, those that could not be decided. */
  undecidableOperations: "UndecidableOperations",
} as const;

export const DIMENSION = { outcome: "outcome", failure: "failure", call: "call", status: "status" } as const;
