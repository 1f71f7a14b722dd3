import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import type { FhirParticleAdapterProps } from "./constructs/adapter-props.ts";
import { FhirParticleAdapter } from "./constructs/fhir-particle-adapter.ts";

/** One adapter, and what an operator needs to find it. */
export class AdapterStack extends Stack {
  readonly apiUrl: CfnOutput;

  constructor(scope: Construct, id: string, props: StackProps & { readonly adapter: FhirParticleAdapterProps }) {
    super(scope, id, props);
    const { url, table, secrets } = new FhirParticleAdapter(this, "Adapter", props.adapter);

    this.apiUrl = new CfnOutput(this, "ApiUrl", { value: url, description: "The FHIR base, [base]" });
    new CfnOutput(this, "TableName", { value: table.tableName, description: "Mappings" });
    new CfnOutput(this, "CredentialsSecretArn", {
      value: secrets.credentials.secretArn,
      description: "Put Particle's client_id, client_secret and scope here",
    });
    new CfnOutput(this, "TokenSecretArn", { value: secrets.token.secretArn, description: "Particle's current token" });
    new CfnOutput(this, "DigestKeySecretArn", { value: secrets.digestKey.secretArn, description: "Keys of digests" });
  }
}
