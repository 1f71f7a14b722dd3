import { describe, expect, it } from "vitest";
import { logicalIdOf, resourcesOf, stageNames, synthesisedStage } from "./test-app.ts";

const basics = ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"];
const readSecret = ["kms:Decrypt", "secretsmanager:GetSecretValue"];
const readKey = ["kms:Decrypt", "kms:DescribeKey"];
const write = [
  ...basics,
  ...readKey,
  "dynamodb:BatchGetItem",
  "dynamodb:ConditionCheckItem",
  "dynamodb:DeleteItem",
  "dynamodb:GetItem",
  "dynamodb:PutItem",
  "dynamodb:Query",
  "dynamodb:UpdateItem",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
  ...readSecret,
];

const schedule = ["lambda:InvokeFunction", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"];

/** Everything that each function may do. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  CreatePatient: write,
  UpdatePatient: write,
  PatchPatient: write,
  DeletePatient: write,
  ReadPatient: [...basics, ...readKey, "dynamodb:GetItem", ...readSecret],
  SearchPatients: [...basics, ...readKey, "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", ...readSecret],
  PatientOperation: [...basics, ...readKey, "dynamodb:GetItem", ...readSecret],
  ProcessBundle: write,
  DescribeCapabilities: basics,
  AnswerUnrouted: basics,
  RefreshToken: [...basics, ...readSecret, "kms:GenerateDataKey", "secretsmanager:PutSecretValue", "sqs:SendMessage"],
  RecoverRegistrations: [...write, "sqs:SendMessage"],
  TokenSchedule: schedule,
  RecoverySchedule: schedule,
};

/** Which secrets each function may use, and how. */
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  CreatePatient: ["DigestKey read", "Token read"],
  UpdatePatient: ["DigestKey read", "Token read"],
  PatchPatient: ["DigestKey read", "Token read"],
  DeletePatient: ["DigestKey read", "Token read"],
  ReadPatient: ["Token read"],
  SearchPatients: ["DigestKey read", "Token read"],
  PatientOperation: ["DigestKey read"],
  ProcessBundle: ["DigestKey read", "Token read"],
  DescribeCapabilities: [],
  AnswerUnrouted: [],
  RefreshToken: ["Credentials read", "Token write"],
  RecoverRegistrations: ["DigestKey read", "Token read"],
  TokenSchedule: [],
  RecoverySchedule: [],
};

type Statement = {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
};

const list = <Value>(value: Value | readonly Value[]): readonly Value[] =>
  Array.isArray(value) ? value : [value as Value];

describe.each(stageNames)("stage %s", (name) => {
  const { template } = synthesisedStage(name);
  const policies = resourcesOf(template, "AWS::IAM::Policy");
  const statementsOf = (role: string): readonly Statement[] =>
    Object.values(policies)
      .filter(({ Properties }) =>
        Properties.Roles.every((ref: { Ref: string }) => ref.Ref.startsWith(`Adapter${role}`)),
      )
      .flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  const every = Object.values(policies).flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[]);

  it.each(Object.entries(ALLOWED))("allows %s exactly what it needs", (role, actions) => {
    const allowed = statementsOf(role).flatMap(({ Action }) => list(Action));
    expect([...new Set(allowed)].sort()).toEqual([...new Set(actions)].sort());
  });

  it("has no policy beside those", () => {
    expect(Object.keys(policies)).toHaveLength(Object.keys(ALLOWED).length);
    template.resourceCountIs("AWS::IAM::ManagedPolicy", 0);
    for (const [id, { Properties }] of Object.entries(resourcesOf(template, "AWS::IAM::Role"))) {
      expect(Properties.Policies, id).toBeUndefined();
      // API Gateway's own role for the account is the only one with a policy that AWS manages.
      expect(id.includes("CloudWatchRole") ? [] : (Properties.ManagedPolicyArns ?? []), id).toEqual([]);
    }
  });

  it.each(Object.entries(SECRETS))("lets %s at no other secret", (role, expected) => {
    const uses = statementsOf(role).flatMap(({ Action, Resource }) =>
      list(Action)[0]?.startsWith("secretsmanager:")
        ? list(Resource).map((secret) => {
            const id = logicalIdOf(secret as { Ref: string })!;
            return `${/^AdapterSecrets(\w+?)[0-9A-F]{8}$/.exec(id)?.[1]} ${list(Action).includes("secretsmanager:PutSecretValue") ? "write" : "read"}`;
          })
        : [],
    );
    expect(uses.sort()).toEqual(expected);
  });

  it("lets only the functions that serve patients write the audit log, and nobody read or delete it", () => {
    const writers = Object.keys(ALLOWED).filter((role) =>
      statementsOf(role).some(({ Resource }) => JSON.stringify(Resource).includes('"AdapterAuditLog')),
    );
    expect(writers).toEqual([
      "CreatePatient",
      "UpdatePatient",
      "PatchPatient",
      "DeletePatient",
      "ReadPatient",
      "SearchPatients",
      "PatientOperation",
      "ProcessBundle",
    ]);
    const logs = every.flatMap(({ Action }) => list(Action)).filter((action) => action.startsWith("logs:"));
    expect(new Set(logs)).toEqual(new Set(["logs:CreateLogStream", "logs:PutLogEvents"]));
  });

  it("allows nothing by wildcard but traces, which have no resource to name", () => {
    expect(every.flatMap(({ Action }) => list(Action)).filter((action) => action.includes("*"))).toEqual([]);
    const wide = every.filter(({ Resource }) => JSON.stringify(Resource).includes("*"));
    expect(wide.flatMap(({ Action }) => list(Action)).filter((action) => !action.startsWith("xray:"))).toEqual([]);
  });

  it("allows the key only through the service whose data it encrypts", () => {
    const uses = every.filter(({ Action }) => list(Action)[0]?.startsWith("kms:"));
    expect(uses.length).toBeGreaterThan(0);
    for (const { Condition } of uses) {
      expect(JSON.stringify(Condition)).toMatch(/"kms:ViaService":.*"(dynamodb|secretsmanager)\./);
    }
  });

  it("gives nobody a right in the policy of the key but the account, CloudWatch Logs and the storing services", () => {
    const [key] = Object.values(resourcesOf(template, "AWS::KMS::Key"));
    const roles = Object.keys(resourcesOf(template, "AWS::IAM::Role"));
    expect(roles.filter((role) => JSON.stringify(key!.Properties.KeyPolicy).includes(role))).toEqual([]);
  });

  it("lets the gateway invoke a function by its own methods only", () => {
    const permissions = Object.values(resourcesOf(template, "AWS::Lambda::Permission"));
    expect(permissions.length).toBeGreaterThan(0);
    for (const { Properties } of permissions) {
      expect(Properties.Principal).toBe("apigateway.amazonaws.com");
      const source = JSON.stringify(Properties.SourceArn);
      expect(source).toContain('{"Ref":"AdapterApi');
      expect(source).not.toContain("test-invoke-stage");
    }
  });
});
