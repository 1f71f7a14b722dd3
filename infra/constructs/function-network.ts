import { Stack } from "aws-cdk-lib";
import {
  type ISecurityGroup,
  type IVpc,
  Peer,
  Port,
  SecurityGroup,
  type SelectedSubnets,
  type SubnetSelection,
} from "aws-cdk-lib/aws-ec2";
import { Effect, PolicyStatement, type Role } from "aws-cdk-lib/aws-iam";
import { Construct } from "constructs";

export type NetworkSettings = {
  readonly vpc: IVpc;
  /**
   * They need a way to Particle, and to DynamoDB, Secrets Manager and CloudWatch Logs: NAT for all, or NAT for Particle
   * and endpoints for the others.
   *
   * @default the private subnets with a way out
   */
  readonly subnets?: SubnetSelection;
  /** @default a new one, with nothing inbound and port 443 outbound */
  readonly securityGroups?: readonly ISecurityGroup[];
};

// https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html: what Lambda does with the role of the function.
const INTERFACE_ACTIONS = [
  "ec2:CreateNetworkInterface",
  "ec2:DescribeNetworkInterfaces",
  "ec2:DescribeSubnets",
  "ec2:DeleteNetworkInterface",
  "ec2:AssignPrivateIpAddresses",
  "ec2:UnassignPrivateIpAddresses",
];

/** Where the functions of one adapter run, when that is inside a VPC. */
export class FunctionNetwork extends Construct {
  readonly vpc: IVpc;
  readonly subnets: SelectedSubnets;
  readonly securityGroups: ISecurityGroup[];

  constructor(scope: Construct, id: string, { vpc, subnets, securityGroups }: NetworkSettings) {
    super(scope, id);
    this.vpc = vpc;
    this.subnets = vpc.selectSubnets(subnets);
    this.securityGroups = [...(securityGroups ?? [this.httpsOnly()])];
  }

  /** Lets Lambda keep the network interfaces of a function, and nothing that runs in the function. */
  grantInterfaces(role: Role): void {
    const statement = { actions: INTERFACE_ACTIONS, resources: ["*"] };
    role.addToPolicy(new PolicyStatement(statement));
    // https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html#permissions-executionrole-source-function-arn
    const anyFunction = Stack.of(this).formatArn({ service: "lambda", resource: "function:*" });
    role.addToPolicy(
      new PolicyStatement({
        ...statement,
        effect: Effect.DENY,
        conditions: { ArnLike: { "lambda:SourceFunctionArn": anyFunction } },
      }),
    );
  }

  private httpsOnly(): SecurityGroup {
    const group = new SecurityGroup(this, "SecurityGroup", {
      vpc: this.vpc,
      description: "Functions of a FHIR to Particle adapter",
      allowAllOutbound: false,
    });
    group.addEgressRule(Peer.anyIpv4(), Port.tcp(443), "Particle, and endpoints of AWS services");
    return group;
  }
}
