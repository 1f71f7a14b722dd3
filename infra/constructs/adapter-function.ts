import { type RemovalPolicy, Validations } from "aws-cdk-lib";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import {
  Alias,
  Architecture,
  type IFunction,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { bundledHandler } from "./bundled-handler.ts";
import type { FunctionNetwork } from "./function-network.ts";
import type { DeployedFunctionName, FunctionSpec } from "./function-specs.ts";

export type FunctionConcurrency = {
  /**
   * The most that run at once, taken from the account's own limit.
   *
   * @default no limit but the account's
   */
  readonly reserved?: number;
  /**
   * How many are kept started, of those that are reserved.
   *
   * @default none
   */
  readonly provisioned?: number;
};

export type AdapterFunctionProps = {
  /** Its folder in `functions/`. */
  readonly name: DeployedFunctionName;
  readonly spec: FunctionSpec;
  readonly environment: Readonly<Record<string, string>>;
  readonly encryptionKey: IKey;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
  /** For what failed also when it was repeated; a function that answers a request has none. */
  readonly deadLetters?: IQueue;
  readonly network: FunctionNetwork | undefined;
  readonly concurrency: FunctionConcurrency | undefined;
};

/** One Lambda with a log group and a role of its own; the role may write those logs and traces, nothing else. */
export class AdapterFunction extends Construct {
  readonly lambda: LambdaFunction;
  /** What to call: the function, or its alias where some are kept started. */
  readonly target: IFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: AdapterFunctionProps) {
    super(scope, id);
    const { spec } = props;

    this.logGroup = new LogGroup(this, "Logs", {
      retention: props.logRetention,
      encryptionKey: props.encryptionKey,
      removalPolicy: props.removalPolicy,
    });
    // The managed policy AWSLambdaBasicExecutionRole would allow every log group of the account.
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    this.logGroup.grantWrite(role);
    const { network, concurrency = {} } = props;
    network?.grantInterfaces(role);

    this.lambda = new LambdaFunction(this, "Resource", {
      code: bundledHandler(props.name),
      handler: "index.handler",
      description: spec.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      role,
      memorySize: spec.memory,
      timeout: spec.timeout,
      environment: { ...props.environment },
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      tracing: Tracing.ACTIVE,
      ...(props.deadLetters && { deadLetterQueue: props.deadLetters }),
      ...(network && { vpc: network.vpc, vpcSubnets: network.subnets, securityGroups: network.securityGroups }),
      ...(concurrency.reserved !== undefined && { reservedConcurrentExecutions: concurrency.reserved }),
    });
    this.target =
      concurrency.provisioned === undefined
        ? this.lambda
        : new Alias(this, "Live", {
            aliasName: "live",
            version: this.lambda.currentVersion,
            provisionedConcurrentExecutions: concurrency.provisioned,
          });

    Validations.of(role).acknowledge(
      {
        id: "AwsSolutions-IAM5[Resource::*]",
        reason: "Traces and, in a VPC, network interfaces have no resource to name.",
      },
      { id: "HIPAA.Security-IAMNoInlinePolicy", reason: "The policy belongs to this role alone and goes with it." },
    );
    const rules = Validations.of(this.lambda);
    if (!props.deadLetters) {
      const reason = "Invoked synchronously: its caller is told.";
      rules.acknowledge({ id: "Serverless-LambdaDLQ", reason }, { id: "HIPAA.Security-LambdaDLQ", reason });
    }
    if (concurrency.reserved === undefined) {
      rules.acknowledge({
        id: "HIPAA.Security-LambdaConcurrency",
        reason: "The API is throttled; reserving concurrency would take it from the rest of the account.",
      });
    }
    if (!network) {
      rules.acknowledge({
        id: "HIPAA.Security-LambdaInsideVPC",
        reason: "It talks to Particle on the internet and to AWS with IAM; nothing it needs is in a VPC.",
      });
    }
  }
}
