import { Duration, Validations } from "aws-cdk-lib";
import type { Stage } from "aws-cdk-lib/aws-apigateway";
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { DIMENSION } from "../../shared/runtime/metric-names.ts";
import type { AdapterMetrics } from "./adapter-metrics.ts";
import type { MappingsTable } from "./mappings-table.ts";

/** What there is to watch. */
export type Watched = {
  readonly metrics: AdapterMetrics;
  readonly stage: Stage;
  readonly functions: Readonly<Record<string, IFunction>>;
  readonly mappings: MappingsTable;
  readonly deadLetters: IQueue;
};

/** `high`: clients are not served, or soon will not be, or a duty is not met. `medium`: in working hours. */
type Severity = "high" | "medium";

type AlarmSpec = {
  /** The heading of its article in docs/runbook.md. */
  readonly name: string;
  readonly severity: Severity;
  /** One metric, or one for each of several things of a kind, by their names. */
  readonly metric: (watched: Watched) => IMetric | Readonly<Record<string, IMetric>>;
  /** The least value that is too much. */
  readonly threshold: number;
  /** How many of the latest periods must reach it. @default the latest one */
  readonly outOf?: readonly [reached: number, periods: number];
  /** Silence is a failure: what measures runs every minute. @default false */
  readonly isMissingBad?: true;
};

const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = Duration.minutes(5);

const ALARMS: readonly AlarmSpec[] = [
  {
    name: "Server errors",
    severity: "high",
    // The mean of 0 and 1 per request: the rate.
    metric: ({ stage }) => stage.metricServerError({ statistic: "Average", period: FIVE_MINUTES }),
    threshold: 0.05,
    outOf: [2, 3],
  },
  {
    name: "Slow answers",
    severity: "medium",
    metric: ({ stage }) => stage.metricLatency({ statistic: "p95", period: FIVE_MINUTES }),
    threshold: Duration.seconds(10).toMilliseconds(),
    outOf: [3, 3],
  },
  {
    name: "Function throttled",
    severity: "medium",
    metric: ({ functions }) =>
      Object.fromEntries(
        Object.entries(functions).map(([name, one]) => [name, one.metricThrottles({ period: FIVE_MINUTES })]),
      ),
    threshold: 1,
  },
  {
    name: "Bug",
    severity: "medium",
    metric: ({ metrics }) =>
      metrics.metric("failures", { statistic: "Sum", dimensions: { [DIMENSION.failure]: "bug" } }),
    threshold: 1,
  },
  {
    name: "Particle failing",
    severity: "high",
    metric: ({ metrics }) => metrics.metric("particleFailures", { statistic: "Sum" }),
    threshold: 10,
    outOf: [2, 3],
  },
  {
    name: "Token refused",
    severity: "high",
    metric: ({ metrics }) =>
      metrics.metric("failures", { statistic: "Sum", dimensions: { [DIMENSION.failure]: "particle-refuses-token" } }),
    threshold: 1,
  },
  {
    name: "Token too old",
    severity: "high",
    metric: ({ metrics }) => metrics.metric("tokenAge", { statistic: "Maximum" }),
    threshold: Duration.minutes(50).toSeconds(),
    isMissingBad: true,
  },
  {
    name: "Operation open too long",
    severity: "high",
    metric: ({ metrics }) => metrics.metric("oldestOverdueOperation", { statistic: "Maximum" }),
    threshold: Duration.minutes(10).toSeconds(),
    isMissingBad: true,
  },
  {
    name: "Recovery failing",
    severity: "medium",
    metric: ({ metrics }) => metrics.metric("undecidableOperations", { statistic: "Maximum", period: MINUTE }),
    threshold: 1,
    // Each attempt gets time to settle before the next one, three minutes at most: a failing recovery is not seen in every minute.
    outOf: [3, 20],
  },
  {
    name: "Audit not written",
    severity: "high",
    metric: ({ metrics }) => metrics.metric("auditNotWritten", { statistic: "Sum" }),
    threshold: 1,
  },
  {
    name: "Dead letters",
    severity: "medium",
    metric: ({ deadLetters }) => deadLetters.metricApproximateNumberOfMessagesVisible({ period: FIVE_MINUTES }),
    threshold: 1,
  },
  {
    name: "Table throttled",
    severity: "medium",
    metric: ({ mappings }) => mappings.metricThrottles(FIVE_MINUTES),
    threshold: 10,
  },
];

/** Where the article of an alarm is. */
const runbookOf = (name: string): string => `docs/runbook.md#${name.toLowerCase().replaceAll(" ", "-")}`;

/** Every alarm of the table above, each with its severity and its article in its description. */
export class AdapterAlarms extends Construct {
  readonly all: readonly Alarm[];

  /** @param topic told when an alarm begins and when it ends; without one, they are seen in CloudWatch only. */
  constructor(scope: Construct, id: string, watched: Watched, topic: ITopic | undefined) {
    super(scope, id);
    this.all = ALARMS.flatMap((spec) => {
      const made = spec.metric(watched);
      const metrics = isMetric(made) ? [["", made] as const] : Object.entries(made);
      return metrics.map(([of, metric]) => this.alarm(spec, of, metric, topic));
    });
  }

  private alarm(spec: AlarmSpec, of: string, metric: IMetric, topic: ITopic | undefined): Alarm {
    const { name, severity, threshold, outOf: [reached, periods] = [1, 1], isMissingBad } = spec;
    const whole = of === "" ? name : `${name}: ${of}`;
    const alarm = new Alarm(this, pascalCase(whole), {
      alarmDescription: `${whole} (${severity}). Runbook: ${runbookOf(name)}`,
      metric,
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      datapointsToAlarm: reached,
      treatMissingData: isMissingBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    });
    if (topic) {
      const action = new SnsAction(topic);
      alarm.addAlarmAction(action);
      alarm.addOkAction(action);
    } else {
      Validations.of(alarm).acknowledge({
        id: "HIPAA.Security-CloudWatchAlarmAction",
        reason: "Whom to tell is a choice of the account that deploys this: alarmTopic.",
      });
    }
    return alarm;
  }
}

const isMetric = (made: IMetric | Readonly<Record<string, IMetric>>): made is IMetric => "toMetricConfig" in made;

const pascalCase = (name: string): string =>
  name.replace(/(?:^|[^A-Za-z]+)([A-Za-z])/g, (_, letter: string) => letter.toUpperCase());
