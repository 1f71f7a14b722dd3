import type { Template, TemplateResource } from "./assembly.ts";

/** What CloudFormation would know about the place of a deployment; made up, and the same on every start. */
export const PLACE = { accountId: "000000000000", region: "us-east-1", partition: "aws" } as const;

const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  "AWS::AccountId": PLACE.accountId,
  "AWS::Region": PLACE.region,
  "AWS::Partition": PLACE.partition,
  "AWS::URLSuffix": "amazonaws.com",
  "AWS::StackName": "local",
  "AWS::StackId": arn("cloudformation", "stack/local/local"),
};

/** The ARN of a resource by its physical name. A type that is not here gets an ARN that nothing looks into. */
const ARNS: Readonly<Record<string, (name: string) => string>> = {
  "AWS::Lambda::Function": (name) => arn("lambda", `function:${name}`),
  "AWS::DynamoDB::Table": (name) => arn("dynamodb", `table/${name}`),
  // Secrets Manager appends a hyphen and six characters to the name.
  "AWS::SecretsManager::Secret": (name) => arn("secretsmanager", `secret:${name}-Local0`),
  "AWS::KMS::Key": (name) => arn("kms", `key/${name}`),
};

function arn(service: string, resource: string): string {
  return `arn:${PLACE.partition}:${service}:${PLACE.region}:${PLACE.accountId}:${resource}`;
}

export type Intrinsics = {
  /** A copy of any value of the template without a single intrinsic function in it. */
  resolve(value: unknown): unknown;
  nameOf(logicalId: string): string;
  arnOf(logicalId: string): string;
};

/**
 * Resolves the intrinsic functions of a template to made-up names and ARNs that fit each other, so that an environment
 * variable of a function and the thing that it names agree.
 *
 * A resource is named by its construct's id where the template tells it (`aws:cdk:path`) and the name is the only one,
 * and by its logical id otherwise.
 *
 * @throws Error for a function it does not know (`Fn::If` and other conditions among them) or a dangling reference.
 */
export function intrinsicsOf(template: Template): Intrinsics {
  const names = namesOf(template);

  function resourceOf(logicalId: string): TemplateResource {
    const resource = template.Resources[logicalId];
    if (resource === undefined) {
      throw new Error(`The template refers to ${logicalId}, which it does not hold.`);
    }
    return resource;
  }

  function nameOf(logicalId: string): string {
    resourceOf(logicalId);
    return names.get(logicalId) ?? logicalId;
  }

  function arnOf(logicalId: string): string {
    const { Type } = resourceOf(logicalId);
    const name = nameOf(logicalId);
    return ARNS[Type]?.(name) ?? arn(Type.split("::")[1]?.toLowerCase() ?? "local", name);
  }

  function reference(name: string): unknown {
    const pseudo = PSEUDO_PARAMETERS[name];
    if (pseudo !== undefined) {
      return pseudo;
    }
    const parameter = template.Parameters[name];
    if (parameter !== undefined) {
      return parameter.Default ?? name;
    }
    const { Type, Properties } = resourceOf(name);
    if (Type === "AWS::SecretsManager::Secret") {
      return arnOf(name);
    }
    return Type === "AWS::ApiGateway::Stage" ? resolve(Properties["StageName"]) : nameOf(name);
  }

  function attribute(logicalId: string, attributeName: string): string {
    return attributeName === "Arn" ? arnOf(logicalId) : `${nameOf(logicalId)}.${attributeName}`;
  }

  const functions: Readonly<Record<string, (argument: unknown) => unknown>> = {
    Ref: (argument) => reference(text(argument)),
    "Fn::GetAtt": (argument) => {
      const [logicalId, ...rest] = Array.isArray(argument) ? argument.map(text) : text(argument).split(".");
      return attribute(logicalId ?? "", rest.join("."));
    },
    "Fn::Join": (argument) => {
      const [separator, parts] = list(resolve(argument));
      return list(parts).map(text).join(text(separator));
    },
    "Fn::Sub": (argument) => {
      const [pattern, variables] = Array.isArray(argument) ? argument : [argument, {}];
      const own = record(resolve(variables));
      return text(pattern).replace(/\$\{([^}]+)\}/g, (_, name: string) => {
        if (name.startsWith("!")) {
          return `\${${name.slice(1)}}`;
        }
        const [logicalId, ...rest] = name.split(".");
        return text(own[name] ?? (rest.length > 0 ? attribute(logicalId ?? "", rest.join(".")) : reference(name)));
      });
    },
    "Fn::Select": (argument) => {
      const [index, items] = list(resolve(argument));
      return list(items)[Number(index)];
    },
    "Fn::Split": (argument) => {
      const [separator, value] = list(resolve(argument));
      return text(value).split(text(separator));
    },
    // Another stack's export: nothing local stands behind it, so its own name will do.
    "Fn::ImportValue": (argument) => text(resolve(argument)),
  };

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) {
      return value.map(resolve);
    }
    if (typeof value !== "object" || value === null) {
      return value;
    }
    const [[key, argument] = ["", undefined], ...others] = Object.entries(value);
    if (others.length === 0 && (key === "Ref" || key.startsWith("Fn::"))) {
      const apply = functions[key];
      if (apply === undefined) {
        throw new Error(`The local gateway does not resolve ${key}.`);
      }
      return apply(argument);
    }
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, resolve(item)]));
  }

  return { resolve, nameOf, arnOf };
}

function namesOf(template: Template): ReadonlyMap<string, string> {
  const owners = new Map<string, string[]>();
  for (const [logicalId, { Type, Metadata }] of Object.entries(template.Resources)) {
    const path = Metadata["aws:cdk:path"];
    // An L2 construct keeps its L1 resource under the id `Resource`.
    const constructId = typeof path === "string" ? path.split("/").findLast((part) => part !== "Resource") : undefined;
    const key = `${Type} ${constructId ?? logicalId}`;
    owners.set(key, [...(owners.get(key) ?? []), logicalId]);
  }
  const names = new Map<string, string>();
  for (const [key, logicalIds] of owners) {
    for (const logicalId of logicalIds) {
      names.set(logicalId, logicalIds.length === 1 ? key.slice(key.indexOf(" ") + 1) : logicalId);
    }
  }
  return names;
}

function text(value: unknown): string {
  if (typeof value === "string" || typeof value === "number") {
    return String(value);
  }
  throw new Error(`The template holds ${JSON.stringify(value)} where a string belongs.`);
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) {
    return value;
  }
  throw new Error(`The template holds ${JSON.stringify(value)} where a list belongs.`);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
