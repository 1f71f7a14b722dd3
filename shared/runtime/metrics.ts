import { MetricUnit, Metrics as PowertoolsMetrics } from "@aws-lambda-powertools/metrics";
import type { InteractionEnd } from "../http/interaction-end.ts";
import type { Attempt } from "../particle/send-to-particle.ts";
import type { Recovery } from "../registration/recover-registrations.ts";
import { DIMENSION, METRIC, METRIC_NAMESPACE } from "./metric-names.ts";

type Name = keyof typeof METRIC;

const UNITS = {
  registrations: MetricUnit.Count,
  failures: MetricUnit.Count,
  particleLatency: MetricUnit.Milliseconds,
  particleRetries: MetricUnit.Count,
  particleFailures: MetricUnit.Count,
  auditNotWritten: MetricUnit.Count,
  tokenRefreshes: MetricUnit.Count,
  tokenAge: MetricUnit.Seconds,
  overdueOperations: MetricUnit.Count,
  oldestOverdueOperation: MetricUnit.Seconds,
  recoveredOperations: MetricUnit.Count,
  undecidableOperations: MetricUnit.Count,
} as const satisfies Record<Name, (typeof MetricUnit)[keyof typeof MetricUnit]>;

/** What a function counts and times; CloudWatch takes it out of the log (embedded metric format). */
export type Metrics = {
  ended(end: InteractionEnd): void;
  /** An unexpected error of a function that answers no request, which would be the end of one otherwise. */
  bug(): void;
  attempted(attempt: Attempt): void;
  recovered(recovery: Recovery): void;
  auditNotWritten(events: number): void;
  tokenRefreshed(): void;
  /** @param seconds since the token was stored. */
  tokenAged(seconds: number): void;
  /** Writes what was gathered since the last time: a line for each set of dimensions that was used. */
  flush(): void;
};

/** @param deployment tells its metrics from those of others in the account. */
export function createMetrics(deployment: string): Metrics {
  // One for each set of dimensions: the library writes all that it has gathered under the same ones.
  const bySet = new Map<string, PowertoolsMetrics>();
  const used = new Set<PowertoolsMetrics>();

  function add(name: Name, value: number, dimensions: Readonly<Record<string, string>> = {}): void {
    const key = JSON.stringify(dimensions);
    const metrics =
      bySet.get(key) ??
      new PowertoolsMetrics({
        namespace: METRIC_NAMESPACE,
        serviceName: deployment,
        defaultDimensions: { ...dimensions },
      });
    bySet.set(key, metrics);
    used.add(metrics);
    metrics.addMetric(METRIC[name], UNITS[name], value);
  }

  return {
    ended({ outcome, failure }) {
      if (outcome !== undefined) {
        add("registrations", 1, { [DIMENSION.outcome]: outcome });
      }
      if (failure !== undefined) {
        add("failures", 1, { [DIMENSION.failure]: failure });
      }
    },
    bug: () => add("failures", 1, { [DIMENSION.failure]: "bug" }),
    attempted({ call, status, durationMs, isRepeat }) {
      add("particleLatency", durationMs, { [DIMENSION.call]: call, [DIMENSION.status]: statusClass(status) });
      add("particleRetries", isRepeat ? 1 : 0);
      add("particleFailures", isFailure(status) ? 1 : 0);
    },
    recovered({ found, decided, failed, oldestSeconds }) {
      add("overdueOperations", found);
      add("recoveredOperations", decided);
      add("undecidableOperations", failed);
      add("oldestOverdueOperation", oldestSeconds);
    },
    auditNotWritten: (events) => add("auditNotWritten", events),
    tokenRefreshed: () => add("tokenRefreshes", 1),
    tokenAged: (seconds) => add("tokenAge", seconds),
    flush() {
      for (const metrics of used) {
        metrics.publishStoredMetrics();
      }
      used.clear();
    },
  };
}

/** `2xx` to `5xx`, `429`, or `none` where there was no answer. */
function statusClass(status: number | undefined): string {
  if (status === undefined || status < 200 || status > 599) {
    return "none";
  }
  return status === 429 ? "429" : `${Math.floor(status / 100)}xx`;
}

/** Whether Particle, or our token, is at fault; what it says of one patient (400, 404, 409, 422) is an answer. */
const isFailure = (status = 0): boolean =>
  status < 200 || (status >= 300 && status < 400) || [401, 403, 429].includes(status) || status >= 500;
