import * as v from "valibot";
import { AwsError, type JsonObject } from "../aws-json/endpoint.ts";
import {
  attach,
  detach,
  holderOf,
  now,
  putVersion,
  type Secret,
  type SecretContent,
  type SecretVault,
  type SecretVersion,
} from "./secret-vault.ts";

const SecretId = v.pipe(v.string(), v.minLength(1), v.maxLength(2048));
const Name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/));
const Stage = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const VersionId = v.pipe(v.string(), v.minLength(32), v.maxLength(64));
const Value = {
  ClientRequestToken: v.optional(VersionId),
  SecretString: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(65_536))),
  SecretBinary: v.optional(v.pipe(v.string(), v.base64(), v.maxLength(87_384))),
};
const Details = { Description: v.optional(v.string()), KmsKeyId: v.optional(v.string()) };

type Operation = (vault: SecretVault, input: JsonObject) => JsonObject;

/**
 * The operations by their names on the wire, https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Operations.html.
 * They change the vault at once or throw an {@link AwsError} and change nothing.
 */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  CreateSecret: operation(
    {
      Name,
      ...Value,
      ...Details,
      Tags: v.optional(v.array(v.object({ Key: v.string(), Value: v.optional(v.string()) }))),
    },
    (vault, input) => {
      const content = contentOf(input);
      const token = content && tokenOf(input);
      const existing = vault.find(input.Name);
      if (existing?.deletedAt !== undefined) {
        throw new AwsError(
          "InvalidRequestException",
          "You can't create this secret because a secret with this name is already scheduled for deletion.",
        );
      }
      // A repetition of the request that created it is answered as that one was.
      if (existing !== undefined && !existing.versions.some(({ id }) => id === token)) {
        throw new AwsError("ResourceExistsException", "The operation failed because the secret already exists.");
      }
      const secret =
        existing ??
        vault.create({ name: input.Name, description: input.Description, kmsKeyId: input.KmsKeyId, tags: input.Tags });
      const version = content && token !== undefined ? putVersion(secret, token, content) : undefined;
      return { ...namesOf(secret), VersionId: version?.id };
    },
  ),

  GetSecretValue: operation(
    { SecretId, VersionId: v.optional(VersionId), VersionStage: v.optional(Stage) },
    (vault, input) => {
      const secret = vault.usable(input.SecretId);
      const version = versionAsked(secret, input.VersionId, input.VersionStage);
      return {
        ...namesOf(secret),
        VersionId: version.id,
        ...version.content,
        VersionStages: version.stages,
        CreatedDate: version.createdAt,
      };
    },
  ),

  PutSecretValue: operation(
    { SecretId, ...Value, VersionStages: v.optional(v.pipe(v.array(Stage), v.minLength(1), v.maxLength(20))) },
    (vault, input) => {
      const content = contentOf(input);
      if (content === undefined) {
        throw new AwsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.");
      }
      const secret = vault.usable(input.SecretId);
      const version = putVersion(secret, tokenOf(input), content, input.VersionStages);
      return { ...namesOf(secret), VersionId: version.id, VersionStages: version.stages };
    },
  ),

  UpdateSecret: operation({ SecretId, ...Value, ...Details }, (vault, input) => {
    const content = contentOf(input);
    const secret = vault.usable(input.SecretId);
    const version = content && putVersion(secret, tokenOf(input), content);
    secret.description = input.Description ?? secret.description;
    secret.kmsKeyId = input.KmsKeyId ?? secret.kmsKeyId;
    secret.changedAt = now();
    return { ...namesOf(secret), VersionId: version?.id };
  }),

  DescribeSecret: operation({ SecretId }, (vault, input) => description(vault.existing(input.SecretId))),

  ListSecrets: operation(
    {
      MaxResults: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)), 100),
      NextToken: v.optional(v.string()),
      IncludePlannedDeletion: v.optional(v.boolean(), false),
      Filters: v.optional(v.array(v.object({ Key: v.picklist(["name"]), Values: v.array(v.string()) })), []),
    },
    (vault, input) => {
      // The token is the name of the last secret that was shown, so that changes between two pages lose nothing.
      const found = vault
        .all()
        .filter(({ deletedAt }) => input.IncludePlannedDeletion || deletedAt === undefined)
        .filter(({ name }) => input.Filters.every(({ Values }) => Values.some((prefix) => name.startsWith(prefix))))
        .filter(({ name }) => input.NextToken === undefined || name > input.NextToken)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      const page = found.slice(0, input.MaxResults);
      return {
        SecretList: page.map(description),
        NextToken: found.length > page.length ? page.at(-1)?.name : undefined,
      };
    },
  ),

  DeleteSecret: operation(
    {
      SecretId,
      RecoveryWindowInDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(7), v.maxValue(30))),
      ForceDeleteWithoutRecovery: v.optional(v.boolean(), false),
    },
    (vault, { SecretId: id, RecoveryWindowInDays: days, ForceDeleteWithoutRecovery: force }) => {
      if (force && days !== undefined) {
        throw new AwsError(
          "InvalidParameterException",
          "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        );
      }
      const secret = force ? vault.find(id) : vault.usable(id);
      if (secret === undefined) {
        return { ARN: id, Name: id, DeletionDate: now() };
      }
      if (force) {
        vault.remove(secret);
        return { ...namesOf(secret), DeletionDate: now() };
      }
      secret.deletedAt = now() + (days ?? 30) * 86_400;
      return { ...namesOf(secret), DeletionDate: secret.deletedAt };
    },
  ),

  RestoreSecret: operation({ SecretId }, (vault, input) => {
    const secret = vault.existing(input.SecretId);
    secret.deletedAt = undefined;
    return namesOf(secret);
  }),

  UpdateSecretVersionStage: operation(
    {
      SecretId,
      VersionStage: Stage,
      RemoveFromVersionId: v.optional(VersionId),
      MoveToVersionId: v.optional(VersionId),
    },
    (vault, { SecretId: id, VersionStage: stage, RemoveFromVersionId: from, MoveToVersionId: to }) => {
      const secret = vault.usable(id);
      const holder = holderOf(secret, stage);
      const target = to === undefined ? undefined : versionAsked(secret, to, undefined);
      if (from !== undefined && holder?.id !== from) {
        throw new AwsError(
          "InvalidParameterException",
          `The staging label ${stage} isn't attached to the version in RemoveFromVersionId.`,
        );
      }
      if (from === undefined && holder !== undefined && holder !== target) {
        throw new AwsError(
          "InvalidParameterException",
          `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
        );
      }
      if (stage === "AWSCURRENT" && target === undefined) {
        throw new AwsError("InvalidParameterException", "You can only move staging label AWSCURRENT, not remove it.");
      }
      if (target === undefined) {
        detach(secret, stage);
      } else {
        attach(secret, stage, target);
      }
      return namesOf(secret);
    },
  ),
};

/** An operation whose request is checked before it runs; members that it does not know are ignored. */
function operation<Entries extends v.ObjectEntries>(
  members: Entries,
  run: (vault: SecretVault, input: v.InferOutput<v.ObjectSchema<Entries, undefined>>) => JsonObject,
): Operation {
  const schema = v.object(members);
  return (vault, input) => {
    const parsed = v.safeParse(schema, input);
    if (!parsed.success) {
      const paths = [...new Set(parsed.issues.map((issue) => v.getDotPath(issue)))].join(", ");
      throw new AwsError("ValidationException", `Validation error detected: not a valid value at: ${paths}`);
    }
    return run(vault, parsed.output);
  };
}

type ValueInput = {
  readonly ClientRequestToken?: string | undefined;
  readonly SecretString?: string | undefined;
  readonly SecretBinary?: string | undefined;
};

function contentOf({ SecretString, SecretBinary }: ValueInput): SecretContent | undefined {
  if (SecretString !== undefined && SecretBinary !== undefined) {
    throw new AwsError(
      "InvalidParameterException",
      "You can't specify both a binary secret value and a string secret value in the same secret.",
    );
  }
  if (SecretString !== undefined) {
    return { SecretString };
  }
  return SecretBinary === undefined ? undefined : { SecretBinary };
}

/** The SDKs make a token up where the caller gives none; whoever calls without them has to give one. */
function tokenOf({ ClientRequestToken }: ValueInput): string {
  if (ClientRequestToken === undefined) {
    throw new AwsError(
      "InvalidParameterException",
      "You must provide a ClientRequestToken value. We recommend a UUID-type value.",
    );
  }
  return ClientRequestToken;
}

function versionAsked(secret: Secret, id: string | undefined, stage: string | undefined): SecretVersion {
  const label = stage ?? "AWSCURRENT";
  const version = id === undefined ? holderOf(secret, label) : secret.versions.find((each) => each.id === id);
  if (version === undefined) {
    const what = id === undefined ? `staging label: ${label}` : `VersionId: ${id}`;
    throw new AwsError(
      "ResourceNotFoundException",
      `Secrets Manager can't find the specified secret value for ${what}`,
    );
  }
  if (stage !== undefined && !version.stages.includes(stage)) {
    throw new AwsError(
      "InvalidRequestException",
      "You provided a VersionStage that is not associated to the provided VersionId.",
    );
  }
  return version;
}

function namesOf({ arn, name }: Secret): { ARN: string; Name: string } {
  return { ARN: arn, Name: name };
}

function description(secret: Secret): JsonObject {
  const labelled = secret.versions.filter(({ stages }) => stages.length > 0);
  return {
    ...namesOf(secret),
    Description: secret.description,
    KmsKeyId: secret.kmsKeyId,
    Tags: secret.tags,
    CreatedDate: secret.createdAt,
    LastChangedDate: secret.changedAt,
    DeletedDate: secret.deletedAt,
    VersionIdsToStages: Object.fromEntries(labelled.map(({ id, stages }) => [id, stages])),
  };
}
