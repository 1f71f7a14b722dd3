import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import type { StageConfig } from "./config.ts";
import { FhirParticleAdapter } from "./constructs/fhir-particle-adapter.ts";

export type AdapterStackProps = StackProps & Pick<StageConfig, "credentialsSecretName" | "adapter">;

/** One adapter, and what an operator needs to find it. */
export class AdapterStack extends Stack {
  readonly apiUrl: CfnOutput;

  constructor(scope: Construct, id: string, props: AdapterStackProps) {
    super(scope, id, props);
    const credentials = Secret.fromSecretNameV2(this, "Credentials", props.credentialsSecretName);
    const { url, table, secrets } = new FhirParticleAdapter(this, "Adapter", {
      ...props.adapter,
      particle: { credentials, ...props.adapter.particle },
    });

    this.apiUrl = new CfnOutput(this, "ApiUrl", { value: url, description: "The FHIR base, [base]" });
    new CfnOutput(this, "TableName", { value: table.tableName, description: "Mappings" });
    new CfnOutput(this, "CredentialsSecretArn", {
      value: secrets.credentials.secretArn,
      description: "Particle's client_id, client_secret and scope",
    });
    new CfnOutput(this, "TokenSecretArn", { value: secrets.token.secretArn, description: "Particle's current token" });
    new CfnOutput(this, "DigestKeySecretArn", { value: secrets.digestKey.secretArn, description: "Keys of digests" });
  }
}
