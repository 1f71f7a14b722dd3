import { Duration } from "aws-cdk-lib";
import { MathExpression, Metric } from "aws-cdk-lib/aws-cloudwatch";
import { DEPLOYMENT_DIMENSION, METRIC, METRIC_NAMESPACE } from "../../shared/runtime/metric-names.ts";

type Options = {
  readonly statistic: "Sum" | "Maximum" | "p95";
  readonly period?: Duration;
  readonly dimensions?: Readonly<Record<string, string>>;
  readonly label?: string;
};

/** What the functions measure, as this deployment alone measures it. */
export class AdapterMetrics {
  private readonly deployment: string;

  /** @param deployment what the functions are told in their environment. */
  constructor(deployment: string) {
    this.deployment = deployment;
  }

  metric(name: keyof typeof METRIC, { dimensions, period = Duration.minutes(5), ...options }: Options): Metric {
    return new Metric({
      namespace: METRIC_NAMESPACE,
      metricName: METRIC[name],
      dimensionsMap: { [DEPLOYMENT_DIMENSION]: this.deployment, ...dimensions },
      period,
      ...options,
    });
  }

  /** One line for each value that the dimensions have taken; for a dashboard, alarms cannot search. */
  each(name: keyof typeof METRIC, dimensions: readonly string[], statistic: Options["statistic"]): MathExpression {
    const schema = [METRIC_NAMESPACE, DEPLOYMENT_DIMENSION, ...dimensions].join(",");
    const search = `{${schema}} ${DEPLOYMENT_DIMENSION}="${this.deployment}" MetricName="${METRIC[name]}"`;
    return new MathExpression({
      expression: `SEARCH('${search}', '${statistic}', 300)`,
      usingMetrics: {},
      label: "",
      period: Duration.minutes(5),
    });
  }
}
