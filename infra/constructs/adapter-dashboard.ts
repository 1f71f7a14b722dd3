import { Duration } from "aws-cdk-lib";
import { type Alarm, AlarmStatusWidget, Dashboard, GraphWidget, type IMetric } from "aws-cdk-lib/aws-cloudwatch";
import type { Construct } from "constructs";
import { DIMENSION } from "../../shared/runtime/metric-names.ts";
import type { Watched } from "./adapter-alarms.ts";

/** One page from the client to Particle and back: the alarms first, then what they are made of. */
export class AdapterDashboard extends Dashboard {
  constructor(scope: Construct, id: string, watched: Watched, alarms: readonly Alarm[]) {
    super(scope, id, { defaultInterval: Duration.hours(6) });
    const { metrics, stage, functions, mappings, deadLetters } = watched;
    const half = (title: string, left: IMetric[]) => new GraphWidget({ title, left, width: 12 });

    this.addWidgets(new AlarmStatusWidget({ title: "Alarms", alarms: [...alarms], width: 24 }));
    this.addWidgets(
      new GraphWidget({
        title: "Requests",
        left: [stage.metricCount(), stage.metricClientError({ statistic: "Sum" })],
        right: [stage.metricServerError({ statistic: "Sum" })],
        width: 12,
      }),
      new GraphWidget({
        title: "Time to answer (ms)",
        left: ["p50", "p95", "p99"].map((statistic) => stage.metricLatency({ statistic, label: statistic })),
        width: 12,
      }),
    );
    this.addWidgets(
      half("Registrations by outcome", [metrics.each("registrations", [DIMENSION.outcome], "Sum")]),
      half("Failures by kind", [metrics.each("failures", [DIMENSION.failure], "Sum")]),
    );
    this.addWidgets(
      half("Particle: attempts (ms, p95)", [
        metrics.each("particleLatency", [DIMENSION.call, DIMENSION.status], "p95"),
      ]),
      half("Particle: failures and retries", [
        metrics.metric("particleFailures", { statistic: "Sum" }),
        metrics.metric("particleRetries", { statistic: "Sum" }),
      ]),
    );
    this.addWidgets(
      half("Token: age (s)", [metrics.metric("tokenAge", { statistic: "Maximum" })]),
      new GraphWidget({
        title: "Operations of unknown outcome",
        left: [
          metrics.metric("overdueOperations", { statistic: "Maximum" }),
          metrics.metric("undecidableOperations", { statistic: "Maximum" }),
          metrics.metric("recoveredOperations", { statistic: "Sum" }),
        ],
        right: [metrics.metric("oldestOverdueOperation", { statistic: "Maximum", label: "the oldest (s)" })],
        width: 12,
      }),
    );
    this.addWidgets(
      half(
        "Functions: errors",
        Object.entries(functions).map(([label, one]) => one.metricErrors({ label })),
      ),
      half("Table throttled, dead letters, audit events not written", [
        mappings.metricThrottles(Duration.minutes(5)),
        deadLetters.metricApproximateNumberOfMessagesVisible(),
        metrics.metric("auditNotWritten", { statistic: "Sum" }),
      ]),
    );
  }
}
