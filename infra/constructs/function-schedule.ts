import { Duration, Stack, Validations } from "aws-cdk-lib";
import { Grant, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { Schedule, ScheduleExpression } from "aws-cdk-lib/aws-scheduler";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";

export type FunctionScheduleProps = {
  readonly target: IFunction;
  readonly every: Duration;
  /** For runs that could not be started. */
  readonly deadLetters: IQueue;
};

/**
 * Runs a function at a rate. A rate without a start date runs for the first time when it is deployed.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based
 */
export class FunctionSchedule extends Construct {
  constructor(scope: Construct, id: string, props: FunctionScheduleProps) {
    super(scope, id);
    const role = new Role(this, "Role", {
      assumedBy: new ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": Stack.of(this).account } },
      }),
    });
    // Not grantInvoke: that allows every version and alias as well.
    const invoke = Grant.addToPrincipal({
      grantee: role,
      actions: ["lambda:InvokeFunction"],
      resourceArns: [props.target.functionArn],
    });
    // Not grantSendMessages: that allows to look at the queue as well.
    const bury = Grant.addToPrincipal({
      grantee: role,
      actions: ["sqs:SendMessage"],
      resourceArns: [props.deadLetters.queueArn],
    });
    const schedule = new Schedule(this, "Resource", {
      schedule: ScheduleExpression.rate(props.every),
      target: {
        bind: () => ({
          arn: props.target.functionArn,
          role,
          deadLetterConfig: { arn: props.deadLetters.queueArn },
          retryPolicy: { maximumRetryAttempts: 3, maximumEventAgeInSeconds: Duration.minutes(10).toSeconds() },
        }),
      },
    });
    // Its first run must not come before it is allowed.
    invoke.applyBefore(schedule);
    bury.applyBefore(schedule);

    Validations.of(role).acknowledge({
      id: "HIPAA.Security-IAMNoInlinePolicy",
      reason: "The policy belongs to this role alone and goes with it.",
    });
  }
}
