import { type CfnElement, Stack, Validations } from "aws-cdk-lib";
import { CfnProject } from "aws-cdk-lib/aws-codebuild";
import type { Bucket } from "aws-cdk-lib/aws-s3";
import type { CodePipeline } from "aws-cdk-lib/pipelines";

/** One wildcard that a step of ours needs: the ARN as its policy has it. */
export type StepWildcard = { readonly arn: string; readonly reason: string };

const GRANTED_BY_PIPELINES = [
  "kms:GenerateDataKey*",
  "kms:ReEncrypt*",
  "s3:Abort*",
  "s3:DeleteObject*",
  "s3:GetBucket*",
  "s3:GetObject*",
  "s3:List*",
];

/** Answers what cdk-nag finds in the roles and projects that CDK Pipelines makes, each wildcard by itself. */
export function acknowledgePipelineFindings(
  pipeline: CodePipeline,
  artifacts: Bucket,
  wildcards: readonly StepWildcard[],
): void {
  const stack = Stack.of(pipeline);
  const rules = Validations.of(pipeline);
  const wildcard = (what: string, reason: string) => rules.acknowledge({ id: `AwsSolutions-IAM5[${what}]`, reason });
  const resource = (arn: string, reason: string) => wildcard(`Resource::${asFound(stack, arn)}`, reason);
  const codeBuild = (resourceName: string) =>
    stack.formatArn({ service: "codebuild", resource: "report-group", resourceName });
  const logs = (name: string) => stack.formatArn({ service: "logs", resource: `log-group:/aws/codebuild/${name}` });

  for (const action of GRANTED_BY_PIPELINES) {
    wildcard(`Action::${action}`, "How CDK Pipelines grants the use of the one bucket of artifacts and of its key.");
  }
  resource(`${artifacts.bucketArn}/*`, "Each step reads and writes artifacts, whose names are made by CodePipeline.");
  for (const project of pipeline.node.findAll().filter((node) => node instanceof CfnProject)) {
    const name = referenceTo(project);
    resource(logs(`${name}:*`), "The streams of the project's own log group.");
    resource(codeBuild(`${name}-*`), "The project's own test reports.");
  }
  wildcard(
    "Resource::*",
    "Updating the pipeline and publishing assets look up stacks and buckets, which take no name.",
  );
  wildcard(
    `Resource::arn:*:iam::${asFound(stack, stack.account)}:role/*`,
    "Updating the pipeline assumes the roles of the CDK bootstrap, by a condition on their tag.",
  );
  resource(logs("*"), "Assets are published by a project that is named after this role.");
  resource(codeBuild("*"), "Assets are published by a project that is named after this role.");
  for (const { arn, reason } of wildcards) {
    resource(arn, reason);
  }
  rules.acknowledge(
    { id: "HIPAA.Security-IAMNoInlinePolicy", reason: "Each policy belongs to one role alone and goes with it." },
    {
      id: "HIPAA.Security-CodeBuildProjectSourceRepoUrl",
      reason: "The source comes from the pipeline: no project has the address of a repository, or a password of one.",
    },
  );
}

const referenceTo = (element: CfnElement): string => `<${Stack.of(element).getLogicalId(element)}>`;

/** As cdk-nag writes it: what only a deployment knows stands in angle brackets. */
function asFound(stack: Stack, value: string): string {
  const resolved: string | Reference | { readonly "Fn::Join": readonly [string, readonly (string | Reference)[]] } =
    stack.resolve(value);
  const parts = typeof resolved === "object" && "Fn::Join" in resolved ? resolved["Fn::Join"][1] : [resolved];
  return parts
    .map((part) => (typeof part === "string" ? part : `<${"Ref" in part ? part.Ref : part["Fn::GetAtt"].join(".")}>`))
    .join("");
}

type Reference = { readonly Ref: string } | { readonly "Fn::GetAtt": readonly string[] };
