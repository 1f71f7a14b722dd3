import { type App, type Stack, Validations } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { type StageName, stages } from "../../infra/config.ts";
import { pipelineConfig, pipelineVariables } from "../../infra/pipeline-config.ts";
import { PipelineStack } from "../../infra/pipeline-stack.ts";
import packageJson from "../../package.json" with { type: "json" };
import { resourcesOf, synthesisedStage, testApp } from "./test-app.ts";

const config = {
  repository: "owner/name",
  branch: "main",
  connectionArn: "arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-0000-0000-000000000000",
};

const pipelineIn = (app: App) => new PipelineStack(app, "Pipeline", { pipeline: config, stages });

const app = testApp();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app), new ServerlessChecks(app));
const stack = pipelineIn(app);
const template = Template.fromStack(stack);

type Action = {
  readonly Name: string;
  readonly RunOrder: number;
  readonly ActionTypeId: { readonly Category: string };
};
type PipelineStage = { readonly Name: string; readonly Actions: readonly Action[] };
const [pipeline] = Object.values(resourcesOf(template, "AWS::CodePipeline::Pipeline"));
const pipelineStages: readonly PipelineStage[] = pipeline!.Properties.Stages;
const inOrder = (name: string): string[] =>
  pipelineStages
    .find((stage) => stage.Name === name)!
    .Actions.toSorted((one, other) => one.RunOrder - other.RunOrder)
    .map(({ Name, RunOrder }) => `${RunOrder} ${Name}`);

/** What the project of a step runs, by the name of the step. */
const commandsOf = (step: string): string[] => {
  const [project] = Object.entries(resourcesOf(template, "AWS::CodeBuild::Project")).filter(([id]) =>
    id.includes(step),
  );
  const { phases } = JSON.parse(project![1].Properties.Source.BuildSpec);
  return phases.build.commands;
};

describe("the pipeline", () => {
  it("meets or answers every nag rule", () => expect(() => app.synth()).not.toThrow());

  it("goes from the source to production, past itself and past beta", () => {
    expect(pipelineStages.map(({ Name }) => Name)).toEqual([
      "Source",
      "Build",
      "UpdatePipeline",
      "Assets",
      "beta",
      "prod",
    ]);
    expect(pipeline!.Properties.RestartExecutionOnUpdate).toBe(true);
  });

  it("looks before it deploys and after it has, and asks before production", () => {
    expect(inOrder("beta")).toEqual([
      "1 Keep_data_of_beta",
      "2 FhirParticleAdapter.Prepare",
      "3 FhirParticleAdapter.Deploy",
      "4 Try_beta",
    ]);
    expect(inOrder("prod")).toEqual([
      "1 Keep_data_of_prod",
      "2 Approve",
      "3 FhirParticleAdapter.Prepare",
      "4 FhirParticleAdapter.Deploy",
      "5 Try_prod",
    ]);
    const approval = pipelineStages.flatMap(({ Actions }) => Actions).find(({ Name }) => Name === "Approve")!;
    expect(approval.ActionTypeId.Category).toBe("Approval");
  });

  it("takes the code from the connection that is there", () => {
    const [source] = pipelineStages[0]!.Actions as unknown as [{ Configuration: Record<string, string> }];
    expect(source.Configuration).toMatchObject({
      ConnectionArn: config.connectionArn,
      FullRepositoryId: "owner/name",
      BranchName: "main",
    });
  });

  it("tests what it builds, lists its parts, and finds itself again", () => {
    expect(commandsOf("Synth")).toEqual(["npm ci", "npm test", "npm run sbom", "npx cdk synth -q"]);
    const [, synth] = Object.entries(resourcesOf(template, "AWS::CodeBuild::Project")).find(([id]) =>
      id.includes("Synth"),
    )!;
    const variables = synth.Properties.Environment.EnvironmentVariables as { Name: string; Value: string }[];
    const env = Object.fromEntries(variables.map(({ Name, Value }) => [Name, Value]));
    expect(pipelineConfig(env)).toEqual(config);
  });

  it.each(["beta", "prod"] as const)("compares the template that it deploys to %s with the deployed one", (name) => {
    const [, command = ""] = commandsOf(`Keepdataof${name}`);
    const [, stackName, file] = /--stack-name (\S+) --template cdk\.out\/(\S+) --allow-new$/.exec(command) ?? [];
    expect(stackName).toBe(synthesisedStage(name).stack.stackName);
    const { stack: deployed, artifactId } = stack.node.findChild(name) as unknown as {
      stack: Stack;
      artifactId: string;
    };
    expect(file).toBe(`${artifactId}/${deployed.templateFile}`);
  });

  it("tries beta with a made-up patient, and registers nobody in production", () => {
    expect(commandsOf("Trybeta")[1]).toBe('npm run test:smoke -- --url "$API_URL"');
    expect(commandsOf("Tryprod")[1]).toBe('npm run test:smoke -- --url "$API_URL" --read-only');
    const resource = (name: StageName) => {
      const [, policy] = Object.entries(resourcesOf(template, "AWS::IAM::Policy")).find(([id]) =>
        id.includes(`Try${name}`),
      )!;
      const statements: { Action: string; Resource: unknown }[] = policy.Properties.PolicyDocument.Statement;
      const [invoke] = statements.filter(({ Action }) => Action === "execute-api:Invoke");
      return JSON.stringify(invoke!.Resource);
    };
    expect(resource("beta")).toContain(":*/fhir/*");
    expect(resource("prod")).toContain(":*/fhir/GET/*");
  });

  it("runs scripts that are there", () => {
    const scripts = ["Synth", "Keepdataofbeta", "Trybeta"]
      .flatMap(commandsOf)
      .flatMap((command) => /npm run ([\w:]+)/.exec(command)?.[1] ?? []);
    expect(scripts).toEqual(["sbom", "check:release", "test:smoke"]);
    expect(Object.keys(packageJson.scripts)).toEqual(expect.arrayContaining(scripts));
  });

  it("keeps its artifacts encrypted, private and for a while", () => {
    template.hasResourceProperties("AWS::S3::Bucket", {
      BucketEncryption: Match.objectLike({
        ServerSideEncryptionConfiguration: [
          { ServerSideEncryptionByDefault: Match.objectLike({ SSEAlgorithm: "aws:kms" }) },
        ],
      }),
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, RestrictPublicBuckets: true },
      LifecycleConfiguration: Match.anyValue(),
    });
    template.hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: { Statement: Match.arrayWith([Match.objectLike({ Effect: "Deny" })]) },
    });
  });

  it("deploys what a hand would: the same resources as the stages by themselves", () => {
    const inPipeline = stack.node.findChild("beta") as unknown as { stack: Stack };
    const ids = Object.keys(Template.fromStack(inPipeline.stack).toJSON()["Resources"]);
    const stateful = ids.filter((id) => /Mappings|Secrets|Key/.test(id));
    const byHand = Object.keys(synthesisedStage("beta").template.toJSON()["Resources"]);
    expect(stateful.length).toBeGreaterThan(3);
    expect(byHand).toEqual(expect.arrayContaining(stateful));
    expect(inPipeline.stack.stackName).toBe(synthesisedStage("beta").stack.stackName);
  });

  it("refuses a stage that its steps could not look at", () => {
    const elsewhere = { ...stages, prod: { ...stages.prod, env: { account: "111122223333", region: "us-east-1" } } };
    expect(() => new PipelineStack(testApp(), "Pipeline", { pipeline: config, stages: elsewhere })).toThrow(/prod/);
  });
});

describe("the settings of the pipeline", () => {
  it("are none where the environment has none of them", () => expect(pipelineConfig({})).toBeUndefined());

  it("are refused where some are missing", () => {
    const { PIPELINE_BRANCH: _, ...some } = pipelineVariables(config);
    expect(() => pipelineConfig(some)).toThrow(/PIPELINE_BRANCH/);
  });
});
