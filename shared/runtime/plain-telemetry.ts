import type { Telemetry } from "../http/telemetry.ts";
import { metricsFromEnv } from "./metrics-from-env.ts";
import { createRequestLog } from "./request-log.ts";

/** What a function tells whose requests are about no patient: log and metrics. */
export function plainTelemetryFromEnv(env: Readonly<Record<string, string | undefined>>): Telemetry {
  const { log, ended } = createRequestLog();
  const metrics = metricsFromEnv(env);
  return {
    log,
    ended(end, durationMs) {
      ended(end, durationMs);
      metrics.ended(end);
    },
    flush: async () => metrics.flush(),
  };
}
