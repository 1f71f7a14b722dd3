import { App, Validations } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks } from "cdk-nag";
import cdkJson from "../../cdk.json" with { type: "json" };
import { AdapterStage } from "../../infra/adapter-stage.ts";
import { type StageName, stages } from "../../infra/config.ts";

const unbundled = { ...cdkJson.context, "aws:cdk:bundling-stacks": [] };

/**
 * An app with the feature flags of cdk.json. It bundles nothing, which also keeps asset hashes apart from the code, and
 * leaves out the CDK's own validation, which takes longer than the rest of a synthesis.
 */
export const testApp = () =>
  new App({ analyticsReporting: false, context: unbundled, builtinCloudFormationValidation: false });

/** The same, under all the rules that the deployed app is under. */
export function checkedApp(): App {
  const app = new App({ analyticsReporting: false, context: unbundled });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app), new ServerlessChecks(app));
  return app;
}

export const stageNames = Object.keys(stages) as StageName[];

export function synthesisedStage(name: StageName) {
  const { stack } = new AdapterStage(testApp(), name, stages[name]);
  return { stack, template: Template.fromStack(stack) };
}

/** All stages in one app, as the app makes them: stages share their assets, and thereby the hashes of these. */
export function synthesisedStages(): Record<StageName, Template> {
  const app = testApp();
  const built = stageNames.map((name) => [name, new AdapterStage(app, name, stages[name]).stack] as const);
  return Object.fromEntries(built.map(([name, stack]) => [name, Template.fromStack(stack)])) as Record<
    StageName,
    Template
  >;
}

type Resource = {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: the shape of a template is data, and each test looks at another part.
  readonly Properties: any;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
};

export const resourcesOf = (template: Template, type: string): Record<string, Resource> =>
  template.findResources(type) as Record<string, Resource>;

/** Less the one with which the CDK runs a trigger: CloudFormation calls it, and nothing else does. */
export const functionsOf = (template: Template): Record<string, Resource> =>
  Object.fromEntries(
    Object.entries(resourcesOf(template, "AWS::Lambda::Function")).filter(([id]) => !id.startsWith("AWSCDK")),
  );

export const logicalIdOf = (value: { readonly Ref?: string; readonly "Fn::GetAtt"?: readonly string[] }) =>
  value.Ref ?? value["Fn::GetAtt"]?.[0];
