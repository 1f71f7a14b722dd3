import { DefaultStackSynthesizer, Stack } from "aws-cdk-lib";
import { CfnProject } from "aws-cdk-lib/aws-codebuild";
import { PolicyStatement, Role } from "aws-cdk-lib/aws-iam";
import type { CodePipeline } from "aws-cdk-lib/pipelines";
import { CDK_CLI } from "./pipeline-tools.ts";

/**
 * Has the CDK's CLI publish the code of the functions. CDK Pipelines would take `cdk-assets` for it, whose newest release
 * (4.7.3) reads cloud assemblies up to schema 54, while the aws-cdk-lib of package.json writes 55. The CLI of package.json
 * reads them, and has the same publisher in it.
 *
 * @param runtime the phase `install` of the pipeline's projects
 */
export function publishAssetsByCli({ pipeline }: CodePipeline, runtime: object): void {
  const stack = Stack.of(pipeline);
  const buildSpec = {
    version: "0.2",
    phases: {
      install: { ...runtime, commands: [`npm install -g ${CDK_CLI}`] },
      build: { commands: [`cdk -a . publish-assets '${stack.node.path}/**' --unstable=publish-assets`] },
    },
  };
  const nodes = stack.node.findAll().filter(({ node }) => node.path.startsWith(`${stack.node.path}/Pipeline/Assets/`));
  for (const project of nodes.filter((node) => node instanceof CfnProject)) {
    project.addPropertyOverride("Source.BuildSpec", JSON.stringify(buildSpec, null, 2));
  }
  for (const role of nodes.filter((node) => node instanceof Role)) {
    // The CLI looks whether the bootstrap is new enough. By itself this role may only assume the one that publishes files.
    role.addToPolicy(
      new PolicyStatement({
        actions: ["ssm:GetParameter"],
        resources: [
          stack.formatArn({
            service: "ssm",
            resource: "parameter",
            resourceName: `cdk-bootstrap/${DefaultStackSynthesizer.DEFAULT_QUALIFIER}/version`,
          }),
        ],
      }),
    );
  }
}
