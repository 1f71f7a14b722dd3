import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type App, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { InterfaceVpcEndpoint } from "aws-cdk-lib/aws-ec2";
import { describe, expect, it } from "vitest";
import { type StageConfig, type StageName, stages } from "../../infra/config.ts";
import { pipelineConfig, pipelineVariables } from "../../infra/pipeline-config.ts";
import { PipelineStack } from "../../infra/pipeline-stack.ts";
import { smokeTestStep } from "../../infra/smoke-test-step.ts";
import packageJson from "../../package.json" with { type: "json" };
import { checkedApp, resourcesOf, synthesisedStage, testApp } from "./test-app.ts";

const config = {
  repository: "owner/name",
  branch: "main",
  connectionArn: "arn:aws:codeconnections:us-east-1:111122223333:connection/00000000-0000-0000-0000-000000000000",
};

const pipelineIn = (app: App) => new PipelineStack(app, "Pipeline", { pipeline: config, stages });

const app = checkedApp();
const stack = pipelineIn(app);
const template = Template.fromStack(stack);
const INSTALL = ["npm ci --ignore-scripts", "npm rebuild classic-level esbuild node"];

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

/** The project of a step, by the name of the step. */
const projectOf = (step: string, from = template) =>
  Object.entries(resourcesOf(from, "AWS::CodeBuild::Project")).find(([id]) => id.includes(step))?.[1].Properties;

/** What it runs. */
const commandsOf = (step: string, from = template): string[] =>
  JSON.parse(projectOf(step, from).Source.BuildSpec).phases.build.commands;

type Statement = { readonly Action: string | string[]; readonly Resource: unknown };

/** What the role of a step may do, less what CDK Pipelines grants to all. */
const statementsOf = (step: string, service: string, from = template): Statement[] =>
  Object.entries(resourcesOf(from, "AWS::IAM::Policy"))
    .filter(([id]) => id.includes(step))
    .flatMap(([, { Properties }]): Statement[] => Properties.PolicyDocument.Statement)
    .filter(({ Action }) => [Action].flat().some((action) => action.startsWith(`${service}:`)));

/**
 * A template less the hashes of assets, which a bundle that a test does not make takes from its path in the app, and the
 * hashes of those in the ids of versions.
 */
const lessCode = (template: Template): unknown =>
  JSON.parse(
    JSON.stringify(template.toJSON()).replaceAll(/\b[0-9a-f]{64}\b|(?<=CurrentVersion\w{8})[0-9a-f]{32}/g, ""),
  );

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
      "4 Protect_beta",
      "4 Try_beta",
    ]);
    expect(inOrder("prod")).toEqual([
      "1 Keep_data_of_prod",
      "2 Approve",
      "3 FhirParticleAdapter.Prepare",
      "4 FhirParticleAdapter.Deploy",
      "5 Protect_prod",
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
    expect(commandsOf("Synth")).toEqual([...INSTALL, "npm test", "npx cdk synth -q", "npm run sbom"]);
    const variables = projectOf("Synth").Environment.EnvironmentVariables as { Name: string; Value: string }[];
    const env = Object.fromEntries(variables.map(({ Name, Value }) => [Name, Value]));
    expect(pipelineConfig(env)).toEqual(config);
  });

  it.each(["beta", "prod"] as const)("compares the template that it deploys to %s with the deployed one", (name) => {
    const command = commandsOf(`Keepdataof${name}`).at(-1)!;
    const [, stackName, file] = /--stack-name (\S+) --template cdk\.out\/(\S+) --allow-new$/.exec(command) ?? [];
    expect(stackName).toBe(synthesisedStage(name).stack.stackName);
    const { stack: deployed, artifactId } = stack.node.findChild(name) as unknown as {
      stack: Stack;
      artifactId: string;
    };
    expect(file).toBe(`${artifactId}/${deployed.templateFile}`);
  });

  it("tries beta with a made-up patient, and registers nobody in production", () => {
    expect(commandsOf("Trybeta")).toEqual([...INSTALL, 'npm run test:smoke -- --url "$API_URL"']);
    expect(commandsOf("Tryprod")).toEqual([...INSTALL, 'npm run test:smoke -- --url "$API_URL" --read-only']);
    const resources = (name: StageName) =>
      statementsOf(`Try${name}`, "execute-api")
        .flatMap(({ Action, Resource }) => (Action === "execute-api:Invoke" ? Resource : []))
        .map((resource) => JSON.stringify(resource).match(/:\*(\/.*?)"/)?.[1]);
    expect(resources("beta")).toEqual(["/fhir/*"]);
    expect(resources("prod")).toEqual(["/fhir/GET/*", "/fhir/HEAD/Patient"]);
  });

  it.each(["beta", "prod"] as const)("protects the stack of %s from deletion, and may do that to no other", (name) => {
    const { stackName } = synthesisedStage(name).stack;
    expect(commandsOf(`Protect${name}`)).toEqual([
      `aws cloudformation update-termination-protection --enable-termination-protection --stack-name ${stackName}`,
    ]);
    const [statement, ...others] = statementsOf(`Protect${name}`, "cloudformation");
    expect(statement?.Action).toBe("cloudformation:UpdateTerminationProtection");
    expect(JSON.stringify(statement?.Resource)).toContain(`:stack/${stackName}/*"`);
    expect(others).toEqual([]);
  });

  it("uses the connection by either name of the right, and no other connection", () => {
    const statements = [
      ...statementsOf("PipelineSource", "codestar-connections"),
      ...statementsOf("PipelineSource", "codeconnections"),
    ];
    expect(statements.flatMap(({ Action }) => Action).toSorted()).toEqual(
      expect.arrayContaining(["codeconnections:UseConnection", "codestar-connections:UseConnection"]),
    );
    expect(new Set(statements.map(({ Resource }) => Resource))).toEqual(new Set([config.connectionArn]));
  });

  it("installs nothing but exact versions, and runs no script that package.json does not allow", () => {
    const specs = Object.values(resourcesOf(template, "AWS::CodeBuild::Project")).map(
      ({ Properties }): string => Properties.Source.BuildSpec,
    );
    const commands = specs.flatMap((spec): string[] => {
      // One that is not here is a file of the assembly.
      const { phases } = JSON.parse(spec.startsWith("{") ? spec : readFileSync(join(app.outdir, spec), "utf8"));
      return [...(phases.install.commands ?? []), ...phases.build.commands];
    });
    const installs = commands.filter((command) => /npm (i|install|ci|rebuild)\b|npx -/.test(command));
    expect(new Set(installs)).toEqual(
      new Set([...INSTALL, `npm install -g aws-cdk@${packageJson.devDependencies["aws-cdk"]}`]),
    );
    const allowed = Object.entries(packageJson.allowScripts).flatMap(([name, may]) => (may ? name : []));
    expect(INSTALL[1]).toBe(`npm rebuild ${allowed.join(" ")}`);
  });

  it("publishes the code of the functions with the CLI, which reads what the app synthesises", () => {
    expect(commandsOf("Assets")).toEqual(["cdk -a . publish-assets 'Pipeline/**' --unstable=publish-assets"]);
    const [parameter, ...others] = statementsOf("AssetsFileRole", "ssm");
    expect([parameter?.Action, others]).toEqual(["ssm:GetParameter", []]);
    expect(JSON.stringify(parameter?.Resource)).toContain(":parameter/cdk-bootstrap/hnb659fds/version");
  });

  it("runs scripts that are there", () => {
    const scripts = ["Synth", "Keepdataofbeta", "Trybeta"]
      .flatMap((step) => commandsOf(step))
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
    const byHand = synthesisedStage("beta");
    expect(inPipeline.stack.stackName).toBe(byHand.stack.stackName);
    expect(lessCode(Template.fromStack(inPipeline.stack))).toEqual(lessCode(byHand.template));
  });

  it("refuses a stage that its steps could not look at", () => {
    const elsewhere = { ...stages, prod: { ...stages.prod, env: { account: "111122223333", region: "us-east-1" } } };
    expect(() => new PipelineStack(testApp(), "Pipeline", { pipeline: config, stages: elsewhere })).toThrow(/prod/);
  });
});

describe("the smoke test of a stage", () => {
  const oidc: Pick<StageConfig, "adapter"> = {
    adapter: {
      ...stages.beta.adapter,
      authorisation: {
        kind: "oidc",
        issuer: "https://issuer.example",
        audiences: ["https://adapter.example/fhir"],
        tokenEndpoint: "https://issuer.example/token",
      },
    },
  };
  const token = { secretName: "smoke-test-client", tokenCommand: "./get-token" };
  const privateEndpoint: Pick<StageConfig, "adapter"> = {
    adapter: {
      ...stages.beta.adapter,
      privateEndpoint: {
        vpcEndpoints: [
          InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(new Stack(), "Endpoint", {
            vpcEndpointId: "vpce-0123456789abcdef0",
            port: 443,
          }),
        ],
      },
    },
  };
  const pipelineOf = (app: App, changes: Partial<Record<StageName, Partial<StageConfig>>>) => {
    const changed = { beta: { ...stages.beta, ...changes.beta }, prod: { ...stages.prod, ...changes.prod } };
    return new PipelineStack(app, "Pipeline", { pipeline: config, stages: changed });
  };

  it.each([
    ["takes tokens, of which it has none", oidc, /beta.*tokens/],
    ["takes signatures, where it has a token", { smokeTest: token }, /beta.*signatures/],
    ["is out of its reach", privateEndpoint, /beta.*private/],
    ["is out of its reach, whoever asks", { ...privateEndpoint, smokeTest: token }, /beta.*private/],
  ])("is refused where the API %s", (_, beta, message) =>
    expect(() => smokeTestStep("beta", { ...stages.beta, ...beta }, "everything")).toThrow(message),
  );

  it("stops the synthesis where it could never pass", () => {
    expect(() => pipelineOf(testApp(), { prod: oidc })).toThrow(/prod.*tokens/);
  });

  it("is left out where the stage says so, and the stack is protected all the same", () => {
    const none = { smokeTest: "none" } as const;
    const without = Template.fromStack(
      pipelineOf(testApp(), { beta: { ...privateEndpoint, ...none }, prod: { ...oidc, ...none } }),
    );
    for (const name of ["beta", "prod"]) {
      expect(projectOf(`Try${name}`, without)).toBeUndefined();
      expect(projectOf(`Protect${name}`, without)).toBeDefined();
    }
  });

  it("gets a token by the command of the stage and no right to sign, and an identifier for the patient_id", () => {
    const patientIdSystem = "https://hospital.example/mpi";
    const tokenApp = checkedApp();
    const withToken = Template.fromStack(
      pipelineOf(tokenApp, { beta: { adapter: { ...oidc.adapter, patientIdSystem }, smokeTest: token } }),
    );
    expect(commandsOf("Trybeta", withToken)).toEqual([
      ...INSTALL,
      'BEARER_TOKEN="$(./get-token)"',
      "export BEARER_TOKEN",
      'npm run test:smoke -- --url "$API_URL" --patient-id-system "$PATIENT_ID_SYSTEM"',
    ]);
    expect(projectOf("Trybeta", withToken).Environment.EnvironmentVariables).toEqual(
      expect.arrayContaining([
        { Name: "TOKEN_SECRET", Type: "SECRETS_MANAGER", Value: token.secretName },
        { Name: "PATIENT_ID_SYSTEM", Type: "PLAINTEXT", Value: patientIdSystem },
      ]),
    );
    expect(statementsOf("Trybeta", "execute-api", withToken)).toEqual([]);
    const [read, ...others] = statementsOf("Trybeta", "secretsmanager", withToken);
    expect([read?.Action, others]).toEqual(["secretsmanager:GetSecretValue", []]);
    expect(JSON.stringify(read?.Resource)).toContain(":secret:smoke-test-client-??????");
    expect(() => tokenApp.synth()).not.toThrow();
  });
});

describe("the settings of the pipeline", () => {
  it("are none where the environment has none of them", () => expect(pipelineConfig({})).toBeUndefined());

  it("are refused where some are missing", () => {
    const { PIPELINE_BRANCH: _, ...some } = pipelineVariables(config);
    expect(() => pipelineConfig(some)).toThrow(/PIPELINE_BRANCH/);
  });
});
