import { describe, expect, it } from "vitest";
import { resourcesOf, stageNames, synthesisedStage } from "./test-app.ts";

const basics = ["logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"];
const readSecret = ["kms:Decrypt", "secretsmanager:GetSecretValue"];
const readKey = ["kms:Decrypt", "kms:DescribeKey"];
const change = [
  ...basics,
  ...readKey,
  "dynamodb:ConditionCheckItem",
  "dynamodb:DeleteItem",
  "dynamodb:GetItem",
  "dynamodb:PutItem",
  "dynamodb:UpdateItem",
  "kms:Encrypt",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
  ...readSecret,
];
const write = [...change, "dynamodb:BatchGetItem", "dynamodb:Query"];

const schedule = ["lambda:InvokeFunction", "sqs:SendMessage"];

/** Everything that each function may do. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  CreatePatient: write,
  UpdatePatient: write,
  PatchPatient: change,
  DeletePatient: write,
  ReadPatient: [...basics, ...readKey, "dynamodb:GetItem", ...readSecret],
  SearchPatients: [...basics, ...readKey, "dynamodb:BatchGetItem", "dynamodb:Query", ...readSecret],
  PatientOperation: [...basics, ...readKey, "dynamodb:GetItem", ...readSecret],
  ProcessBundle: write,
  DescribeCapabilities: basics,
  AnswerUnrouted: basics,
  RefreshToken: [...basics, ...readSecret, "kms:GenerateDataKey", "secretsmanager:PutSecretValue", "sqs:SendMessage"],
  RecoverRegistrations: [...write, "sqs:SendMessage"],
  TokenSchedule: schedule,
  RecoverySchedule: schedule,
};

const ownLogs = ["logs Logs", "xray *"];
const onTable = ["dynamodb Mappings", "kms Key"];
const onPatients = [...ownLogs, ...onTable, "secretsmanager DigestKey", "secretsmanager Token"];
const audited = "logs AuditLog";
const failed = "sqs DeadLetters";

/** On what: service and resource, of everything that each function may do. */
const RESOURCES: Readonly<Record<string, readonly string[]>> = {
  CreatePatient: [...onPatients, audited],
  UpdatePatient: [...onPatients, audited],
  PatchPatient: [...onPatients, audited],
  DeletePatient: [...onPatients, audited],
  ReadPatient: [...ownLogs, ...onTable, "secretsmanager Token", audited],
  SearchPatients: [...onPatients, audited],
  PatientOperation: [...ownLogs, ...onTable, "secretsmanager DigestKey", audited],
  ProcessBundle: [...onPatients, audited],
  DescribeCapabilities: ownLogs,
  AnswerUnrouted: ownLogs,
  RefreshToken: [...ownLogs, "kms Key", "secretsmanager Credentials", "secretsmanager Token", failed],
  RecoverRegistrations: [...onPatients, "dynamodb Mappings/index/open-operations", audited, failed],
  TokenSchedule: ["lambda RefreshToken", failed],
  RecoverySchedule: ["lambda RecoverRegistrations", failed],
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

/** `Mappings` for `AdapterMappings1A2B3C4D` and its ARN; the log group and the secret of a function by their kind. */
function nameOf(resource: unknown): string {
  const text = JSON.stringify(resource);
  const [, id = "*"] = /"(?:Ref|Fn::GetAtt)":\[?"Adapter(?:Secrets)?(\w+?)[0-9A-F]{8}"/.exec(text) ?? [];
  const [, index = ""] = /(\/index\/[\w-]+)/.exec(text) ?? [];
  if (text.includes(":secret:fhir-particle-adapter/")) {
    return "Credentials";
  }
  return `${id.endsWith("Logs") ? "Logs" : id}${index}`;
}

type Inline = { readonly PolicyDocument: { readonly Statement: readonly Statement[] } };

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
  const policiesOfFunctions = Object.keys(ALLOWED).filter((role) => !role.endsWith("Schedule")).length;
  const every = Object.values(policies).flatMap(({ Properties }) => Properties.PolicyDocument.Statement as Statement[]);

  it.each(Object.entries(ALLOWED))("allows %s exactly what it needs", (role, actions) => {
    const allowed = statementsOf(role).flatMap(({ Action }) => list(Action));
    expect([...new Set(allowed)].sort()).toEqual([...new Set(actions)].sort());
  });

  it.each(Object.entries(RESOURCES))("lets %s at exactly what it needs", (role, expected) => {
    const touched = statementsOf(role).flatMap(({ Action, Resource }) =>
      list(Action).flatMap((action) => list(Resource).map((resource) => `${action.split(":")[0]} ${nameOf(resource)}`)),
    );
    expect([...new Set(touched)].sort()).toEqual([...expected].sort());
  });

  it("lets each function at its own logs, beside the audit log", () => {
    for (const [id, { Properties }] of Object.entries(policies)) {
      const logs = (Properties.PolicyDocument.Statement as Statement[]).filter(({ Action }) =>
        list(Action)[0]?.startsWith("logs:"),
      );
      const groups = logs.flatMap(({ Resource }) => list(Resource)).filter((group) => nameOf(group) !== "AuditLog");
      for (const group of groups) {
        const [, owner = "none"] = /"Fn::GetAtt":\["(\w+)Logs[0-9A-F]{8}"/.exec(JSON.stringify(group)) ?? [];
        expect(id.startsWith(owner), id).toBe(true);
      }
    }
  });

  it("lets no role be assumed but by the one service that it is for", () => {
    const trusts = Object.entries(resourcesOf(template, "AWS::IAM::Role")).map(([id, { Properties }]) => {
      const statements: { Action: string; Effect: string; Principal: object; Condition?: object }[] =
        Properties.AssumeRolePolicyDocument.Statement;
      expect(statements.map(({ Action, Effect }) => `${Effect} ${Action}`)).toEqual(["Allow sts:AssumeRole"]);
      const service = id.includes("Schedule") ? "scheduler" : id.includes("CloudWatchRole") ? "apigateway" : "lambda";
      expect(statements[0]!.Principal, id).toEqual({ Service: `${service}.amazonaws.com` });
      return service;
    });
    const count = (service: string) => trusts.filter((trust) => trust === service).length;
    // The schedules and the gateway; each function, and the one that runs the trigger.
    expect([count("scheduler"), count("apigateway"), count("lambda")]).toEqual([2, 1, policiesOfFunctions + 1]);
  });

  it("lets the trigger of the deployment run refresh-token, and nothing else", () => {
    const [role] = Object.values(resourcesOf(template, "AWS::IAM::Role")).filter(
      ({ Properties }) => Properties.Policies,
    );
    const statements = role!.Properties.Policies.flatMap((policy: Inline) => policy.PolicyDocument.Statement);
    expect(statements).toHaveLength(1);
    expect(statements[0].Action).toEqual(["lambda:InvokeFunction"]);
    expect(list(statements[0].Resource).map(nameOf)).toEqual(["RefreshToken"]);
  });

  it("has no policy beside those", () => {
    expect(Object.keys(policies)).toHaveLength(Object.keys(ALLOWED).length);
    template.resourceCountIs("AWS::IAM::ManagedPolicy", 0);
    for (const [id, { Properties }] of Object.entries(resourcesOf(template, "AWS::IAM::Role"))) {
      if (id.startsWith("AWSCDKTrigger")) continue;
      expect(Properties.Policies, id).toBeUndefined();
      // API Gateway's own role for the account is the only one with a policy that AWS manages.
      expect(id.includes("CloudWatchRole") ? [] : (Properties.ManagedPolicyArns ?? []), id).toEqual([]);
    }
  });

  it.each(Object.entries(SECRETS))("lets %s at no other secret", (role, expected) => {
    const uses = statementsOf(role).flatMap(({ Action, Resource }) =>
      list(Action)[0]?.startsWith("secretsmanager:")
        ? list(Resource).map((secret) => {
            return `${nameOf(secret)} ${list(Action).includes("secretsmanager:PutSecretValue") ? "write" : "read"}`;
          })
        : [],
    );
    expect(uses.sort()).toEqual(expected);
  });

  it("lets only the functions that serve or decide about patients write the audit log, and nobody read or delete it", () => {
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
      "RecoverRegistrations",
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
