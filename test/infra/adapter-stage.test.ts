import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Match } from "aws-cdk-lib/assertions";
import { CfnFunction } from "aws-cdk-lib/aws-lambda";
import { CfnLogGroup } from "aws-cdk-lib/aws-logs";
import { afterAll, describe, expect, it } from "vitest";
import { functionsOf, resourcesOf, stageNames, synthesisedStage, synthesisedStages } from "./test-app.ts";

const PARTICLE_HOSTS = { beta: "https://sandbox.particlehealth.com", prod: "https://api.particlehealth.com" };

describe.each(stageNames)("stage %s", (name) => {
  const { stack, template } = synthesisedStage(name);

  it("is the reviewed template", () => expect(template.toJSON()).toMatchSnapshot());

  it("talks to the Particle host of the stage", () => {
    const hosts = Object.values(functionsOf(template)).flatMap(
      ({ Properties }) => Properties.Environment?.Variables.PARTICLE_BASE_URL ?? [],
    );
    expect(hosts.length).toBeGreaterThan(0);
    expect(new Set(hosts)).toEqual(new Set([PARTICLE_HOSTS[name]]));
  });

  it("cannot be deleted by a slip", () => expect(stack.terminationProtection).toBe(true));

  it("keeps the table, the secrets, the key and the logs when the stack goes", () => {
    for (const type of [
      "AWS::DynamoDB::Table",
      "AWS::SecretsManager::Secret",
      "AWS::KMS::Key",
      "AWS::Logs::LogGroup",
    ]) {
      const policies = Object.values(resourcesOf(template, type)).map(
        ({ DeletionPolicy, UpdateReplacePolicy }) => `${DeletionPolicy} ${UpdateReplacePolicy}`,
      );
      expect([...new Set(policies)], type).toEqual(["Retain Retain"]);
    }
  });

  it("encrypts the table with a rotated key of its own, protects it, and can restore any second of it", () => {
    template.hasResourceProperties("AWS::DynamoDB::Table", {
      SSESpecification: { SSEEnabled: true, SSEType: "KMS", KMSMasterKeyId: Match.anyValue() },
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      BillingMode: "PAY_PER_REQUEST",
    });
    template.hasResourceProperties("AWS::KMS::Key", { EnableKeyRotation: true });
  });

  it("has the keys, the sparse index, the time to live and the stream that the store is written for", () => {
    template.hasResourceProperties("AWS::DynamoDB::Table", {
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "sk", KeyType: "RANGE" },
      ],
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: "S" },
        { AttributeName: "openShard", AttributeType: "S" },
        { AttributeName: "actionableAt", AttributeType: "N" },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: "open-operations",
          KeySchema: [
            { AttributeName: "openShard", KeyType: "HASH" },
            { AttributeName: "actionableAt", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
      ],
      TimeToLiveSpecification: { AttributeName: "expiresAt", Enabled: true },
      StreamSpecification: { StreamViewType: "NEW_AND_OLD_IMAGES" },
    });
  });

  it("encrypts every secret and every log with the key", () => {
    const key = { "Fn::GetAtt": [Object.keys(resourcesOf(template, "AWS::KMS::Key"))[0], "Arn"] };
    template.allResourcesProperties("AWS::SecretsManager::Secret", { KmsKeyId: key });
    template.allResourcesProperties("AWS::Logs::LogGroup", { KmsKeyId: key });
  });

  it("lets CloudWatch Logs use the key for log groups of this account only", () => {
    template.hasResourceProperties("AWS::KMS::Key", {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Principal: {
              Service: { "Fn::Join": ["", ["logs.", { Ref: "AWS::Region" }, ".", { Ref: "AWS::URLSuffix" }]] },
            },
            Condition: { ArnLike: { "kms:EncryptionContext:aws:logs:arn": Match.anyValue() } },
          }),
        ]),
      },
    });
  });

  it("never rotates a secret by itself", () => template.resourceCountIs("AWS::SecretsManager::RotationSchedule", 0));

  it("keeps the audit for six years and every other log for one, nothing for ever", () => {
    const groups = stack.node.findAll().filter((node) => node instanceof CfnLogGroup);
    const audit = groups.filter(({ node }) => node.path.includes("AuditLog"));
    expect(audit.map(({ retentionInDays }) => retentionInDays)).toEqual([2192]);
    const others = groups.filter((group) => !audit.includes(group));
    expect([...new Set(others.map(({ retentionInDays }) => retentionInDays))]).toEqual([365]);
  });

  it("runs every function on arm64 and Node.js 24, traced, with JSON logs in a group of its own", () => {
    const functions = stack.node.findAll().filter((node) => node instanceof CfnFunction);
    expect(functions).toHaveLength(12);
    for (const lambda of functions) {
      expect(lambda.architectures, lambda.node.path).toEqual(["arm64"]);
      expect(lambda.runtime, lambda.node.path).toBe("nodejs24.x");
      expect(lambda.tracingConfig, lambda.node.path).toEqual({ mode: "Active" });
    }
    const logs = Object.values(functionsOf(template)).map(({ Properties }) => Properties.LoggingConfig);
    expect(logs.every(({ LogFormat }) => LogFormat === "JSON")).toBe(true);
    expect(new Set(logs.map(({ LogGroup }) => LogGroup.Ref)).size).toBe(12);
  });

  it("ends every function that a request waits for before the gateway gives up", () => {
    const timeouts = Object.entries(functionsOf(template))
      .filter(([id]) => !/RefreshToken|RecoverRegistrations/.test(id))
      .map(([, { Properties }]) => Properties.Timeout);
    expect(timeouts).toEqual(Array(10).fill(25));
    template.allResourcesProperties("AWS::ApiGateway::Method", { Integration: { TimeoutInMillis: 29_000 } });
  });

  it.each([
    ["RefreshToken", "rate(30 minutes)"],
    ["RecoverRegistrations", "rate(1 minute)"],
  ])("runs %s at a %s, from the deployment on", (target, rate) => {
    template.resourceCountIs("AWS::Scheduler::Schedule", 2);
    template.hasResourceProperties("AWS::Scheduler::Schedule", {
      ScheduleExpression: rate,
      StartDate: Match.absent(),
      State: "ENABLED",
      Target: {
        Arn: { "Fn::GetAtt": [Match.stringLikeRegexp(target), "Arn"] },
        RetryPolicy: { MaximumRetryAttempts: 3 },
      },
    });
  });

  it("fetches the first token while it is created, once the API is there, with credentials that are there before", () => {
    const version = Match.stringLikeRegexp("^AdapterRefreshTokenCurrentVersion");
    template.hasResource("Custom::Trigger", {
      Properties: { HandlerArn: { Ref: version }, InvocationType: "RequestResponse", ExecuteOnHandlerChange: false },
      DependsOn: Match.arrayWith([Match.stringLikeRegexp("DeploymentStage")]),
    });
    const made = Object.keys(resourcesOf(template, "AWS::SecretsManager::Secret"));
    expect(made.filter((id) => id.includes("Credentials"))).toEqual([]);
    expect(JSON.stringify(functionsOf(template))).toContain(`:secret:fhir-particle-adapter/${name}`);
  });

  it("tells operators where the API, the table and the secrets are", () => {
    expect(Object.keys(template.toJSON()["Outputs"]).sort()).toEqual([
      "ApiUrl",
      "CredentialsSecretArn",
      "DigestKeySecretArn",
      "TableName",
      "TokenSecretArn",
    ]);
  });
});

describe("the app", () => {
  const directory = mkdtempSync(join(tmpdir(), "adapter-app-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  it("synthesises to any directory without AWS, credentials or network, and every nag rule is met or answered", () => {
    // Not bundled, and with no variable of this process but the path: no AWS_*, no CDK_*, no HOME.
    execFileSync(process.execPath, ["infra/app.ts"], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: {
        PATH: process.env["PATH"],
        CDK_OUTDIR: directory,
        CDK_CONTEXT_JSON: JSON.stringify({ "aws:cdk:bundling-stacks": [] }),
      },
      stdio: "pipe",
    });
    const inOneApp = synthesisedStages();
    for (const name of stageNames) {
      const assembly = join(directory, `assembly-${name}`);
      const file = readdirSync(assembly).find((entry) => entry.endsWith(".template.json"))!;
      const template = JSON.parse(readFileSync(join(assembly, file), "utf8"));
      expect(template.Resources).toEqual(inOneApp[name].toJSON()["Resources"]);
    }
  }, 90_000);
});
