import type { Environment } from "aws-cdk-lib";
import type { FhirParticleAdapterProps } from "./constructs/adapter-props.ts";

export type StageName = "beta" | "prod";

export type StageConfig = {
  /**
   * Account and region.
   *
   * @default those of whoever deploys
   */
  readonly env?: Environment;
  /** Of the secret with `{"client_id", "client_secret", "scope"}`, which is there before the first deployment. */
  readonly credentialsSecretName: string;
  readonly adapter: FhirParticleAdapterProps;
};

/** What differs from stage to stage. Particle's sandbox and production have the same paths and separate credentials. */
export const stages: Readonly<Record<StageName, StageConfig>> = {
  beta: {
    credentialsSecretName: "fhir-particle-adapter/beta",
    adapter: { particle: { baseUrl: "https://sandbox.particlehealth.com" } },
  },
  prod: {
    credentialsSecretName: "fhir-particle-adapter/prod",
    adapter: { particle: { baseUrl: "https://api.particlehealth.com" } },
  },
};
