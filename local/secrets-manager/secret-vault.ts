import { randomBytes } from "node:crypto";
import * as v from "valibot";
import { AwsError } from "../aws-json/endpoint.ts";

/** Text or base64 bytes, never both. */
const contentSchema = v.union([
  v.strictObject({ SecretString: v.string() }),
  v.strictObject({ SecretBinary: v.string() }),
]);
const versionSchema = v.object({
  id: v.string(),
  /** Seconds since 1970, as all times here. */
  createdAt: v.number(),
  stages: v.array(v.string()),
  content: contentSchema,
});
const secretSchema = v.object({
  arn: v.string(),
  name: v.string(),
  description: v.optional(v.string()),
  kmsKeyId: v.optional(v.string()),
  tags: v.array(v.object({ Key: v.string(), Value: v.optional(v.string()) })),
  createdAt: v.number(),
  changedAt: v.number(),
  /** When it goes for good; it cannot be used from the moment this is set. */
  deletedAt: v.optional(v.number()),
  /** Oldest first. */
  versions: v.array(versionSchema),
});
/** What a data file holds. */
export const secretsSchema = v.array(secretSchema);

export type SecretContent = v.InferOutput<typeof contentSchema>;
export type SecretVersion = v.InferOutput<typeof versionSchema>;
export type Secret = v.InferOutput<typeof secretSchema>;

const CURRENT = "AWSCURRENT";
const PREVIOUS = "AWSPREVIOUS";
/** Versions without a label beyond this many go, oldest first, as the service has them go. */
const MAX_VERSIONS = 100;

type NewSecret = Pick<Secret, "name" | "description" | "kmsKeyId"> & {
  readonly arn?: string | undefined;
  readonly tags?: Secret["tags"] | undefined;
};

/**
 * Secrets with their versions and staging labels, by the service's rules.
 * https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
 */
export class SecretVault {
  readonly #secrets = new Map<string, Secret>();
  /** ARN by each way in which a secret can be named. */
  readonly #arns = new Map<string, string>();

  constructor(secrets: readonly Secret[]) {
    for (const secret of secrets) {
      this.#add(secret);
    }
  }

  all(): Secret[] {
    return [...this.#secrets.values()].filter((secret) => this.find(secret.arn) !== undefined);
  }

  /** By name, ARN, or ARN without the six characters that the service appends to the name. */
  find(id: string): Secret | undefined {
    const secret = this.#secrets.get(this.#arns.get(id) ?? "");
    if (secret?.deletedAt !== undefined && secret.deletedAt <= now()) {
      this.remove(secret);
      return undefined;
    }
    return secret;
  }

  /** @throws {AwsError} when it is not there */
  existing(id: string): Secret {
    const secret = this.find(id);
    if (secret === undefined) {
      throw new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    }
    return secret;
  }

  /** @throws {AwsError} when it is not there or marked for deletion */
  usable(id: string): Secret {
    const secret = this.existing(id);
    if (secret.deletedAt !== undefined) {
      throw new AwsError(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
      );
    }
    return secret;
  }

  create({ name, arn, description, kmsKeyId, tags = [] }: NewSecret): Secret {
    const secret: Secret = {
      arn: arn ?? `${ARN_PREFIX}${name}-${randomBytes(3).toString("hex")}`,
      name,
      description,
      kmsKeyId,
      tags,
      createdAt: now(),
      changedAt: now(),
      versions: [],
    };
    this.#add(secret);
    return secret;
  }

  remove(secret: Secret): void {
    this.#secrets.delete(secret.arn);
    for (const id of idsOf(secret)) {
      this.#arns.delete(id);
    }
  }

  #add(secret: Secret): void {
    this.#secrets.set(secret.arn, secret);
    for (const id of idsOf(secret)) {
      this.#arns.set(id, secret.arn);
    }
  }
}

/** Region and account of secrets that are created without an ARN. */
const ARN_PREFIX = "arn:aws:secretsmanager:us-east-1:000000000000:secret:";

function idsOf({ arn, name }: Secret): string[] {
  const prefix = arn.slice(0, arn.indexOf(":secret:") + ":secret:".length);
  return [name, arn, `${prefix}${name}`];
}

/**
 * Stores a value under the token as its version id. The same value under the same token again changes nothing; the very
 * first version is the current one whatever the labels.
 *
 * @throws {AwsError} when the token was used for another value
 */
export function putVersion(
  secret: Secret,
  token: string,
  content: SecretContent,
  stages: readonly string[] = [CURRENT],
): SecretVersion {
  const stored = secret.versions.find(({ id }) => id === token);
  if (stored !== undefined) {
    if (JSON.stringify(stored.content) !== JSON.stringify(content)) {
      throw new AwsError(
        "ResourceExistsException",
        "You can't use this ClientRequestToken, it is already in use for a version of the secret with another value.",
      );
    }
    return stored;
  }
  const version: SecretVersion = { id: token, createdAt: now(), stages: [], content };
  secret.versions.push(version);
  for (const stage of new Set(secret.versions.length === 1 ? [...stages, CURRENT] : stages)) {
    attach(secret, stage, version);
  }
  secret.changedAt = now();
  const surplus = secret.versions.length - MAX_VERSIONS;
  if (surplus > 0) {
    const unlabelled = secret.versions.filter((each) => each.stages.length === 0).slice(0, surplus);
    secret.versions = secret.versions.filter((each) => !unlabelled.includes(each));
  }
  return version;
}

/** Moves a label to a version; whatever loses AWSCURRENT becomes AWSPREVIOUS. */
export function attach(secret: Secret, stage: string, version: SecretVersion): void {
  const holder = detach(secret, stage);
  version.stages.push(stage);
  if (stage === CURRENT && holder !== undefined && holder !== version) {
    detach(secret, PREVIOUS);
    holder.stages.push(PREVIOUS);
  }
}

/** Takes a label away from the version that holds it. */
export function detach(secret: Secret, stage: string): SecretVersion | undefined {
  const holder = holderOf(secret, stage);
  if (holder !== undefined) {
    holder.stages = holder.stages.filter((each) => each !== stage);
  }
  return holder;
}

export function holderOf(secret: Secret, stage: string): SecretVersion | undefined {
  return secret.versions.find(({ stages }) => stages.includes(stage));
}

export function now(): number {
  return Date.now() / 1000;
}
