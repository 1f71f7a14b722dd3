import { type CfnOutput, Stage } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { AdapterStack } from "./adapter-stack.ts";
import type { StageConfig } from "./config.ts";

/** The unit of deployment: everything of one stage. */
export class AdapterStage extends Stage {
  readonly stack: AdapterStack;
  readonly apiUrl: CfnOutput;

  constructor(scope: Construct, id: string, config: StageConfig) {
    super(scope, id, { env: config.env });
    this.stack = new AdapterStack(this, "FhirParticleAdapter", {
      description: "Registers FHIR R4 Patients with Particle",
      terminationProtection: true,
      credentialsSecretName: config.credentialsSecretName,
      adapter: config.adapter,
    });
    this.apiUrl = this.stack.apiUrl;
  }
}
