import type { AwsCall, JsonObject } from "../../local/aws-json/endpoint.ts";
import type { Template } from "../../local/template/assembly.ts";
import { intrinsicsOf, PLACE } from "../../local/template/intrinsics.ts";

type Statement = {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
};

type Access = { readonly action: string; readonly resource: string };

/** What a call needs to be allowed: an action of IAM on the ARN of a resource. */
export function accessesOf({ target, operation, input }: AwsCall): readonly Access[] {
  switch (target) {
    case "DynamoDB_20120810":
      return tableAccesses(operation, input);
    case "secretsmanager":
      return [{ action: `secretsmanager:${operation}`, resource: String(input["SecretId"]) }];
    default:
      return [{ action: `logs:${operation}`, resource: arn("logs", String(input["logGroupName"])) }];
  }
}

/** Of a transaction DynamoDB authorises each part, as if it had come alone. */
const PARTS: Readonly<Record<string, string>> = {
  Get: "GetItem",
  Put: "PutItem",
  Update: "UpdateItem",
  Delete: "DeleteItem",
  ConditionCheck: "ConditionCheckItem",
};

function tableAccesses(operation: string, input: JsonObject): readonly Access[] {
  const parts = input["TransactItems"] as readonly Readonly<Record<string, JsonObject>>[] | undefined;
  if (parts) {
    return parts.flatMap((part) =>
      Object.entries(part).flatMap(([kind, one]) => tableAccesses(PARTS[kind] ?? kind, one)),
    );
  }
  const action = `dynamodb:${operation}`;
  const tables = "RequestItems" in input ? Object.keys(input["RequestItems"] as object) : [String(input["TableName"])];
  const index = input["IndexName"] === undefined ? "" : `/index/${input["IndexName"]}`;
  return tables.map((table) => ({ action, resource: arn("dynamodb", `table/${table}${index}`) }));
}

const arn = (service: string, resource: string): string =>
  `arn:${PLACE.partition}:${service}:${PLACE.region}:${PLACE.accountId}:${resource}`;

/** Whether the policies of a template allow an access to a function, which is named as on the twin. */
export function permissionsIn(template: Template): (functionName: string, access: Access) => boolean {
  const { resolve, nameOf } = intrinsicsOf(template);
  const ofType = (type: string) => Object.entries(template.Resources).filter(([, { Type }]) => Type === type);
  const statementsOf = (role: string) =>
    ofType("AWS::IAM::Policy")
      .filter(([, { Properties }]) => (Properties["Roles"] as { Ref: string }[]).some(({ Ref }) => Ref === role))
      .flatMap(([, { Properties }]) => (resolve(Properties["PolicyDocument"]) as { Statement: Statement[] }).Statement);
  const statements = new Map(
    ofType("AWS::Lambda::Function").map(([id, { Properties }]) => {
      const [role = ""] = (Properties["Role"] as { "Fn::GetAtt": string[] })["Fn::GetAtt"];
      return [nameOf(id), statementsOf(role)];
    }),
  );
  return (functionName, { action, resource }) =>
    (statements.get(functionName) ?? []).some(
      ({ Effect, Action, Resource }) =>
        Effect === "Allow" &&
        [Action].flat().includes(action) &&
        [Resource].flat().some((pattern) => isNamedBy(pattern, resource)),
    );
}

/** A secret that is known by its name alone has an ARN with six more characters than the caller says. */
const isNamedBy = (pattern: string, resource: string): boolean =>
  pattern === resource || (pattern.endsWith("-??????") && pattern.slice(0, -"-??????".length) === resource);
