import { Duration, type RemovalPolicy, Validations } from "aws-cdk-lib";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";

/**
 * What became of scheduled runs that failed for good: those that could not be started, and those that ended in errors
 * also when Lambda repeated them. A message holds the schedule's empty input and the operator's text of the error.
 */
export class DeadLetters extends Queue {
  constructor(scope: Construct, id: string, props: { readonly removalPolicy: RemovalPolicy }) {
    super(scope, id, {
      // Nothing of a patient is in it: the service's own key spares the senders a right on the deployment's.
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: props.removalPolicy,
    });
    const reason = "It is itself the queue of dead letters.";
    Validations.of(this).acknowledge(
      { id: "AwsSolutions-SQS3", reason },
      { id: "Serverless-SQSRedrivePolicy", reason },
    );
  }
}
