import { App, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { AccountPrincipal, Role } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { describe, expect, it } from "vitest";
import { FhirParticleAdapter } from "../../infra/constructs/fhir-particle-adapter.ts";
import { functionSpecs } from "../../infra/constructs/function-specs.ts";
import { checkedApp, functionsOf, logicalIdOf, resourcesOf, testApp } from "./test-app.ts";

const particle = { baseUrl: "https://sandbox.particlehealth.com" };
const KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000";
const SECRET_KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/11111111-1111-1111-1111-111111111111";
const SECRET_ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:particle-AbCdEf";

const variablesOf = (template: Template): Record<string, string>[] =>
  Object.values(functionsOf(template)).map(({ Properties }) => Properties.Environment?.Variables ?? {});

describe("FhirParticleAdapter with the required props", () => {
  const app = checkedApp();
  const stack = new Stack(app, "SomebodyElse");
  new FhirParticleAdapter(stack, "Adapter", { particle });

  it("meets or answers every nag rule in a stack of somebody else", () => {
    expect(() => app.synth()).not.toThrow();
  });

  const template = Template.fromStack(stack);

  it("adds no outputs to that stack", () => expect(template.toJSON()).not.toHaveProperty("Outputs"));

  it("gives nothing a physical name that a second copy would collide with", () => {
    const named = Object.values(template.toJSON()["Resources"]).flatMap((resource) => {
      const { Type, Properties } = resource as { Type: string; Properties: Record<string, unknown> };
      const names = ["TableName", "FunctionName", "RoleName", "LogGroupName", "AliasName", "Name"];
      return names.filter((name) => typeof Properties[name] === "string").map((name) => `${Type} ${name}`);
    });
    // APIs may share a name.
    expect(named).toEqual(["AWS::ApiGateway::RestApi Name"]);
  });

  it("tells the functions the documented defaults", () => {
    const variables = Object.assign({}, ...variablesOf(template));
    expect(variables).not.toHaveProperty("UNIQUE_IDENTIFIER_SYSTEMS");
    expect(variables).not.toHaveProperty("PATIENT_ID_SYSTEM");
    expect(variables).toMatchObject({
      PARTICLE_BASE_URL: "https://sandbox.particlehealth.com",
      PARTICLE_API_VERSION: "v1",
      PARTICLE_AUTHORIZATION_PREFIX: "Bearer",
      PARTICLE_ATTEMPT_TIMEOUT_MS: "6000",
      SETTLE_SECONDS: "60",
      RETRY_WINDOW_SECONDS: "86400",
      REPLACED_PATIENTS: "keep",
      VALIDATION: "strict",
      PATIENT_ID_IDENTIFIER_SYSTEM: "https://particlehealth.com/fhir/sid/patient_id",
      PARTICLE_PATIENT_ID_IDENTIFIER_SYSTEM: "https://particlehealth.com/fhir/sid/particle_patient_id",
    });
  });

  it("makes the digest key so that every digest can name its key", () => {
    template.hasResourceProperties("AWS::SecretsManager::Secret", {
      GenerateSecretString: {
        SecretStringTemplate: JSON.stringify({ current: "k1" }),
        GenerateStringKey: "k1",
        PasswordLength: 64,
      },
    });
  });

  it("sets API Gateway's role for the account, without which nothing is logged", () => {
    template.resourceCountIs("AWS::ApiGateway::Account", 1);
  });
});

describe("FhirParticleAdapter with every prop", () => {
  const stack = new Stack(testApp(), "Stack");
  const adapter = new FhirParticleAdapter(stack, "Adapter", {
    particle: {
      baseUrl: "https://particle.example",
      apiVersion: "v2",
      authorizationPrefix: "",
      attemptTimeout: Duration.seconds(3),
      credentials: Secret.fromSecretAttributes(stack, "OwnSecret", {
        secretCompleteArn: SECRET_ARN,
        encryptionKey: Key.fromKeyArn(stack, "OwnSecretKey", SECRET_KEY_ARN),
      }),
    },
    settle: Duration.seconds(90),
    retryWindow: Duration.seconds(0),
    uniqueIdentifierSystems: ["https://example.org/mrn", "https://example.org/member"],
    patientIdSystem: "https://example.org/mpi",
    replacedPatients: "delete",
    validation: "lenient",
    patientIdIdentifierSystem: "https://example.org/patient_id",
    particlePatientIdIdentifierSystem: "https://example.org/particle_patient_id",
    encryptionKey: Key.fromKeyArn(stack, "OwnKey", KEY_ARN),
    removalPolicy: RemovalPolicy.DESTROY,
    logRetention: RetentionDays.TEN_YEARS,
    auditRetention: RetentionDays.TEN_YEARS,
    throttling: { rateLimit: 5, burstLimit: 7 },
    manageAccountLogging: false,
  });
  adapter.grantInvoke(new Role(stack, "Caller", { assumedBy: new AccountPrincipal("111122223333") }));
  const template = Template.fromStack(stack);
  const policies = Object.entries(resourcesOf(template, "AWS::IAM::Policy"));

  it("tells the functions what it is told", () => {
    expect(Object.assign({}, ...variablesOf(template))).toMatchObject({
      PARTICLE_BASE_URL: "https://particle.example",
      PARTICLE_API_VERSION: "v2",
      PARTICLE_AUTHORIZATION_PREFIX: "",
      PARTICLE_ATTEMPT_TIMEOUT_MS: "3000",
      SETTLE_SECONDS: "90",
      RETRY_WINDOW_SECONDS: "0",
      UNIQUE_IDENTIFIER_SYSTEMS: "https://example.org/mrn https://example.org/member",
      PATIENT_ID_SYSTEM: "https://example.org/mpi",
      REPLACED_PATIENTS: "delete",
      VALIDATION: "lenient",
      PATIENT_ID_IDENTIFIER_SYSTEM: "https://example.org/patient_id",
      PARTICLE_PATIENT_ID_IDENTIFIER_SYSTEM: "https://example.org/particle_patient_id",
    });
    template.hasResourceProperties("AWS::ApiGateway::GatewayResponse", {
      ResponseType: "INTEGRATION_TIMEOUT",
      ResponseParameters: { "gatewayresponse.header.Retry-After": "'90'" },
    });
  });

  it("uses the credentials that are there, and shows them to refresh-token only", () => {
    template.resourceCountIs("AWS::SecretsManager::Secret", 2);
    const readers = policies.filter(([, policy]) => JSON.stringify(policy).includes(SECRET_ARN));
    expect(readers.map(([id]) => id)).toEqual([expect.stringMatching(/^AdapterRefreshToken/)]);
    const decrypters = policies.filter(([, policy]) => JSON.stringify(policy).includes(SECRET_KEY_ARN));
    expect(decrypters).toEqual(readers);
    const told = variablesOf(template).filter(({ PARTICLE_CREDENTIALS_SECRET_ARN: arn }) => arn === SECRET_ARN);
    expect(told).toHaveLength(1);
  });

  it("uses the key that is there, and lets each function use it for what it reads and writes", () => {
    template.resourceCountIs("AWS::KMS::Key", 0);
    template.allResourcesProperties("AWS::Logs::LogGroup", { KmsKeyId: KEY_ARN });
    template.allResourcesProperties("AWS::SecretsManager::Secret", { KmsKeyId: KEY_ARN });
    const servicesOf = (role: string): string[] => {
      const statements = policies.find(([id]) => id.startsWith(role))![1].Properties.PolicyDocument.Statement;
      const uses = statements.filter(({ Resource }: { Resource: unknown }) => Resource === KEY_ARN);
      return uses.map(
        (use: object) => /"kms:ViaService":.*?"(dynamodb|secretsmanager)\./.exec(JSON.stringify(use))?.[1],
      );
    };
    expect(new Set(servicesOf("AdapterCreatePatient"))).toEqual(new Set(["dynamodb", "secretsmanager"]));
    expect(new Set(servicesOf("AdapterReadPatient"))).toEqual(new Set(["dynamodb", "secretsmanager"]));
    expect(servicesOf("AdapterRefreshToken")).toEqual(["secretsmanager"]);
    expect(servicesOf("AdapterAnswerUnrouted")).toEqual([]);
  });

  it("leaves nothing behind", () => {
    template.hasResourceProperties("AWS::DynamoDB::Table", { DeletionProtectionEnabled: false });
    for (const type of ["AWS::DynamoDB::Table", "AWS::SecretsManager::Secret", "AWS::Logs::LogGroup"]) {
      template.allResources(type, { DeletionPolicy: "Delete" });
    }
  });

  it("keeps logs and bounds traffic as it is told", () => {
    template.allResourcesProperties("AWS::Logs::LogGroup", { RetentionInDays: 3653 });
    template.hasResourceProperties("AWS::ApiGateway::Stage", {
      MethodSettings: [Match.objectLike({ ThrottlingRateLimit: 5, ThrottlingBurstLimit: 7 })],
    });
  });

  it("leaves API Gateway's role for the account to whoever sets it", () => {
    template.resourceCountIs("AWS::ApiGateway::Account", 0);
    expect(JSON.stringify(template.toJSON())).not.toContain("AmazonAPIGatewayPushToCloudWatchLogs");
  });

  it("lets the one call it who was granted it, and this API only", () => {
    const [, caller] = policies.find(([id]) => id.startsWith("Caller"))!;
    const [statement] = caller.Properties.PolicyDocument.Statement;
    expect(statement.Action).toBe("execute-api:Invoke");
    const [api] = Object.keys(resourcesOf(template, "AWS::ApiGateway::RestApi"));
    const parts: readonly (string | { Ref?: string })[] = statement.Resource["Fn::Join"][1];
    expect(parts.some((part) => typeof part === "object" && logicalIdOf(part) === api)).toBe(true);
    expect(parts.at(-1)).toBe("/*/*");
  });
});

describe("FhirParticleAdapter", () => {
  it("stands twice in one stack, nothing shared, whatever the feature flags", () => {
    const app = new App({
      analyticsReporting: false,
      context: { "aws:cdk:bundling-stacks": [] },
      builtinCloudFormationValidation: false,
    });
    const stack = new Stack(app, "Stack");
    new FhirParticleAdapter(stack, "First", { particle });
    new FhirParticleAdapter(stack, "Second", { particle });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::ApiGateway::RestApi", 2);
    template.resourceCountIs("AWS::DynamoDB::Table", 2);
    template.resourceCountIs("AWS::Lambda::Function", 2 * Object.keys(functionSpecs).length);
    template.allResourcesProperties("AWS::ApiGateway::Method", { AuthorizationType: "AWS_IAM" });
    for (const { Properties } of Object.values(resourcesOf(template, "AWS::IAM::Policy"))) {
      const text = JSON.stringify(Properties);
      expect(text.includes('"First') && text.includes('"Second')).toBe(false);
    }
  });
});
