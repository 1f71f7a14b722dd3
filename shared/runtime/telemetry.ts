import type { Telemetry } from "../http/telemetry.ts";
import { type Audit, AuditNotWritten, createAudit } from "./audit.ts";
import { readEnv } from "./env.ts";
import { createLogGroupWriter } from "./log-group.ts";
import type { Metrics } from "./metrics.ts";
import { metricsFromEnv } from "./metrics-from-env.ts";
import { createRequestLog } from "./request-log.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** An answer waits for its audit event no longer than this. */
const LONGEST_WRITE_MS = 2_000;
/** For saying that it could not be written, and for answering. */
const RESERVE_MS = 200;

/** What a function tells that serves patients: log, metrics and audit. */
export function telemetryFromEnv(
  env: Env,
  metrics = metricsFromEnv(env),
): Telemetry & Pick<Metrics, "attempted"> & Pick<Audit, "decided"> {
  const requestLog = createRequestLog();
  const audit = auditFromEnv(env);
  const { log } = requestLog;
  return {
    log,
    attempted: metrics.attempted,
    decided: audit.decided,
    ended(end, durationMs) {
      for (const teller of [requestLog, metrics, audit]) {
        teller.ended(end, durationMs);
      }
    },
    async flush(remainingMs) {
      // What was done is done: the client is told, and the events stay in this log until they are copied by hand.
      await audit.flush(Math.min(LONGEST_WRITE_MS, remainingMs - RESERVE_MS)).catch((error: unknown) => {
        const events = error instanceof AuditNotWritten ? error.events : [];
        metrics.auditNotWritten(events.length);
        log("error", { code: "audit-not-written", reason: error instanceof Error ? error.message : "", events });
      });
      metrics.flush();
    },
  };
}

/** A stream for each execution environment: nobody else writes to it, and its name leads to the function's own log. */
function auditFromEnv(env: Env): Audit {
  const { auditLogGroup, auditLogEndpoint } = readEnv(env, ["auditLogGroup", "auditLogEndpoint"]);
  const { AWS_REGION: region = "", AWS_LAMBDA_FUNCTION_NAME: name = "", AWS_LAMBDA_LOG_STREAM_NAME: stream = "" } = env;
  return createAudit(
    createLogGroupWriter({
      region,
      endpoint: auditLogEndpoint,
      group: auditLogGroup,
      stream: `${name}/${stream}`,
    }),
  );
}
