import { Duration, Stack, type StackProps, Validations } from "aws-cdk-lib";
import { BuildSpec, LinuxBuildImage } from "aws-cdk-lib/aws-codebuild";
import { PolicyStatement, Role } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { BlockPublicAccess, Bucket, BucketEncryption } from "aws-cdk-lib/aws-s3";
import { CodeBuildStep, CodePipeline, CodePipelineSource, ManualApprovalStep, ShellStep } from "aws-cdk-lib/pipelines";
import type { Construct } from "constructs";
import { AdapterStage } from "./adapter-stage.ts";
import { publishAssetsByCli } from "./asset-publishing.ts";
import type { StageConfig, StageName } from "./config.ts";
import { type PipelineConfig, pipelineVariables } from "./pipeline-config.ts";
import { acknowledgePipelineFindings, type StepWildcard } from "./pipeline-findings.ts";
import { CDK_CLI_VERSION, INSTALL } from "./pipeline-tools.ts";
import { type SmokeTestStep, smokeTestStep } from "./smoke-test-step.ts";

export type PipelineStackProps = StackProps & {
  readonly pipeline: PipelineConfig;
  readonly stages: Readonly<Record<StageName, StageConfig>>;
};

const RUNTIME = { "runtime-versions": { nodejs: "22" } } as const;

/**
 * From a push to production: test and synthesise, update the pipeline itself, deploy to beta, try it there, ask, deploy
 * to prod, look at it there. Before each deployment a release that would lose a table, a secret or a key is refused.
 *
 * The stages are in the account and region of the pipeline.
 */
export class PipelineStack extends Stack {
  private readonly source: CodePipelineSource;
  private readonly synth: ShellStep;
  private readonly wildcards: StepWildcard[] = [];

  /** @throws Error where a stage is to be in another account or region, or could never pass its smoke test. */
  constructor(scope: Construct, id: string, { pipeline, stages, ...props }: PipelineStackProps) {
    super(scope, id, props);
    const { repository, branch, connectionArn } = pipeline;
    this.source = CodePipelineSource.connection(repository, branch, { connectionArn });
    this.synth = new ShellStep("Synth", {
      input: this.source,
      // By these the next synthesis finds the pipeline again.
      env: pipelineVariables(pipeline),
      commands: [...INSTALL, "npm test", "npx cdk synth -q", "npm run sbom"],
    });
    const artifacts = this.artifacts();
    const codePipeline = new CodePipeline(this, "Pipeline", {
      synth: this.synth,
      artifactBucket: artifacts,
      publishAssetsInParallel: false,
      cliVersion: CDK_CLI_VERSION,
      codeBuildDefaults: {
        buildEnvironment: { buildImage: LinuxBuildImage.STANDARD_7_0 },
        partialBuildSpec: BuildSpec.fromObject({ phases: { install: RUNTIME } }),
      },
    });

    const beta = this.stage("beta", stages.beta);
    codePipeline.addStage(beta, { pre: [this.gate(beta)], post: this.afterwards(beta, stages.beta, "everything") });
    const prod = this.stage("prod", stages.prod);
    const gate = this.gate(prod);
    const approval = new ManualApprovalStep("Approve", { comment: "Releases to real patients what was tried in beta" });
    approval.addStepDependency(gate);
    codePipeline.addStage(prod, { pre: [gate, approval], post: this.afterwards(prod, stages.prod, "read-only") });

    codePipeline.buildPipeline();
    allowConnection(codePipeline, connectionArn);
    publishAssetsByCli(codePipeline, RUNTIME);
    acknowledgePipelineFindings(codePipeline, artifacts, this.wildcards);
  }

  /** What passes between the steps: the code and the templates, no patients. */
  private artifacts(): Bucket {
    const bucket = new Bucket(this, "Artifacts", {
      encryption: BucketEncryption.KMS,
      encryptionKey: new Key(this, "ArtifactsKey", {
        description: "Artifacts of the pipeline",
        enableKeyRotation: true,
      }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      versioned: true,
      lifecycleRules: [{ expiration: Duration.days(90), noncurrentVersionExpiration: Duration.days(1) }],
    });
    const logged = "Only the pipeline's own steps reach it, and CloudTrail records what they do.";
    Validations.of(bucket).acknowledge(
      { id: "AwsSolutions-S1", reason: logged },
      { id: "HIPAA.Security-S3BucketLoggingEnabled", reason: logged },
      {
        id: "HIPAA.Security-S3BucketReplicationEnabled",
        reason: "It holds what the repository and a new run of the pipeline make again, and no patients.",
      },
    );
    return bucket;
  }

  private stage(name: StageName, config: StageConfig): AdapterStage {
    const { account = this.account, region = this.region } = config.env ?? {};
    if (account !== this.account || region !== this.region) {
      throw new Error(`Stage ${name} must be in the account and region of the pipeline, whose steps look at it there.`);
    }
    return new AdapterStage(this, name, config);
  }

  private stackArn({ stack }: AdapterStage): string {
    return this.formatArn({ service: "cloudformation", resource: "stack", resourceName: `${stack.stackName}/*` });
  }

  /** Before the deployment: compares what is deployed with what is to be. */
  private gate(stage: AdapterStage): CodeBuildStep {
    const { stageName, artifactId, stack } = stage;
    const { stackName, templateFile } = stack;
    const stackArn = this.stackArn(stage);
    this.wildcards.push({
      arn: stackArn,
      reason: "The ARN of a stack ends with an id that its first deployment makes.",
    });
    return new CodeBuildStep(`Keep data of ${stageName}`, {
      input: this.source,
      additionalInputs: { "cdk.out": this.synth },
      commands: [
        ...INSTALL,
        `npm run check:release -- --stack-name ${stackName} --template cdk.out/${artifactId}/${templateFile} --allow-new`,
      ],
      rolePolicyStatements: [new PolicyStatement({ actions: ["cloudformation:GetTemplate"], resources: [stackArn] })],
    });
  }

  private afterwards(stage: AdapterStage, config: StageConfig, access: "read-only" | "everything"): CodeBuildStep[] {
    const smokeTest = smokeTestStep(stage.stageName, config, access);
    return [this.protection(stage), ...(smokeTest ? [this.smokeTest(stage, smokeTest)] : [])];
  }

  /**
   * The CLI reads `terminationProtection` of a stack and sets it; the actions of CDK Pipelines do not
   * (https://github.com/aws/aws-cdk/issues/17871). A step of its own, which runs nothing of the repository: whoever may
   * protect a stack may take the protection off.
   */
  private protection(stage: AdapterStage): CodeBuildStep {
    const { stackName } = stage.stack;
    return new CodeBuildStep(`Protect ${stage.stageName}`, {
      input: this.source,
      commands: [
        `aws cloudformation update-termination-protection --enable-termination-protection --stack-name ${stackName}`,
      ],
      rolePolicyStatements: [
        new PolicyStatement({
          actions: ["cloudformation:UpdateTerminationProtection"],
          resources: [this.stackArn(stage)],
        }),
      ],
    });
  }

  /** Signed as the role of this step, where the API takes signatures. */
  private smokeTest(
    { stageName, apiUrl }: AdapterStage,
    { commands, requests, ...step }: SmokeTestStep,
  ): CodeBuildStep {
    const resources = requests.map((resourceName) =>
      this.formatArn({ service: "execute-api", resource: "*", resourceName }),
    );
    const reason = "The id of the API is made by the stage, after this policy.";
    this.wildcards.push(...resources.map((arn) => ({ arn, reason })));
    return new CodeBuildStep(`Try ${stageName}`, {
      ...step,
      input: this.source,
      envFromCfnOutputs: { API_URL: apiUrl },
      commands: [...INSTALL, ...commands],
      ...(resources.length > 0 && {
        rolePolicyStatements: [new PolicyStatement({ actions: ["execute-api:Invoke"], resources })],
      }),
    });
  }
}

/**
 * By either name of the action: AWS's pages contradict each other on whether its prefix has to be that of the ARN, and the
 * CDK allows the older one alone.
 */
function allowConnection({ pipeline }: CodePipeline, connectionArn: string): void {
  const source = pipeline.node.findChild("Source");
  for (const role of source.node.findAll().filter((node) => node instanceof Role)) {
    role.addToPolicy(
      new PolicyStatement({
        actions: ["codeconnections:UseConnection", "codestar-connections:UseConnection"],
        resources: [connectionArn],
      }),
    );
  }
}
