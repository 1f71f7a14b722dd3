import { type RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { type ISecret, Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";

export type ParticleSecretsProps = {
  readonly encryptionKey: IKey;
  readonly removalPolicy: RemovalPolicy;
  /** @default a new secret, to be filled in after the first deployment */
  readonly credentials?: ISecret;
};

// https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
const ACTIONS = {
  read: { secret: ["secretsmanager:GetSecretValue"], key: ["kms:Decrypt"] },
  write: { secret: ["secretsmanager:PutSecretValue"], key: ["kms:Decrypt", "kms:GenerateDataKey"] },
} as const;

/** The three secrets of a deployment, apart from each other because no function may read all of them. */
export class ParticleSecrets extends Construct {
  /** `{"client_id", "client_secret", "scope"}` as Particle hands them out; `scope` is `projects/<project id>`. */
  readonly credentials: ISecret;
  /** Particle's current token as bare text, written by refresh-token (or by hand). */
  readonly token: Secret;
  /** `{"current": "k1", "k1": "<key>"}`: the keys of digests and keyed hashes, by their id. */
  readonly digestKey: Secret;

  constructor(scope: Construct, id: string, props: ParticleSecretsProps) {
    super(scope, id);
    const { encryptionKey, removalPolicy } = props;
    this.credentials = props.credentials ?? this.credentialsToFillIn(props);

    this.token = new Secret(this, "Token", {
      description: "Particle's current token; random text until refresh-token has run once",
      encryptionKey,
      removalPolicy,
      generateSecretString: { excludePunctuation: true },
    });
    acknowledgeNoRotation(this.token, "refresh-token replaces it every 30 minutes; a token lives for an hour.");

    this.digestKey = new Secret(this, "DigestKey", {
      description: "Keys of the digests in the mappings table; without them no stored digest can be compared again",
      encryptionKey,
      removalPolicy,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ current: "k1" }),
        generateStringKey: "k1",
        passwordLength: 64,
        excludePunctuation: true,
      },
    });
    acknowledgeNoRotation(
      this.digestKey,
      "Rotating it would make every update look like another person. A new key is added beside the old ones by hand.",
    );
  }

  grantTokenRead(grantee: IGrantable): Grant {
    return this.grant(grantee, "read", this.token);
  }

  grantTokenWrite(grantee: IGrantable): Grant {
    return this.grant(grantee, "write", this.token);
  }

  grantDigestKeyRead(grantee: IGrantable): Grant {
    return this.grant(grantee, "read", this.digestKey);
  }

  grantCredentialsRead(grantee: IGrantable): Grant {
    return this.grant(grantee, "read", this.credentials);
  }

  /**
   * What `Secret.grantRead` and `grantWrite` do, without the right to describe or change the secret itself, and with the
   * key allowed to the grantee: they leave that to the policy of the key, which is out of reach when the key was brought
   * along. A secret that was brought along may have a key of its own, or the account's default one, which needs no grant.
   */
  private grant(grantee: IGrantable, access: keyof typeof ACTIONS, secret: ISecret): Grant {
    const value = Grant.addToPrincipal({
      grantee,
      actions: [...ACTIONS[access].secret],
      // The ARN of a secret that is known by its name alone lacks the six characters that Secrets Manager appends.
      resourceArns: [secret.secretFullArn ?? `${secret.secretArn}-??????`],
    });
    const { encryptionKey } = secret;
    if (!encryptionKey) {
      return value;
    }
    const key = Grant.addToPrincipal({
      grantee,
      actions: [...ACTIONS[access].key],
      resourceArns: [encryptionKey.keyArn],
      // What follows the region differs from partition to partition.
      conditions: { StringLike: { "kms:ViaService": `secretsmanager.${Stack.of(this).region}.*` } },
    });
    return value.combine(key);
  }

  private credentialsToFillIn({ encryptionKey, removalPolicy }: ParticleSecretsProps): Secret {
    const credentials = new Secret(this, "Credentials", {
      description: "Particle's client_id, client_secret and scope; put yours here after the first deployment",
      encryptionKey,
      removalPolicy,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ client_id: "to be filled in", scope: "projects/to-be-filled-in" }),
        generateStringKey: "client_secret",
        excludePunctuation: true,
      },
    });
    acknowledgeNoRotation(credentials, "Particle issues the client secret; only its own API can replace it.");
    return credentials;
  }
}

function acknowledgeNoRotation(secret: Secret, reason: string): void {
  Validations.of(secret).acknowledge(
    { id: "AwsSolutions-SMG4", reason },
    { id: "HIPAA.Security-SecretsManagerRotationEnabled", reason },
  );
}
