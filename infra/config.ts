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
  /**
   * How the pipeline tries the stage once it is deployed: signed as the role of its step, with a token of the issuer, or
   * not at all, as it must be where the API is private.
   *
   * @default "signed"
   */
  readonly smokeTest?: "signed" | "none" | TokenCommand;
};

/** How a step of the pipeline gets an access token. */
export type TokenCommand = {
  /** Of a secret that the command finds in `TOKEN_SECRET`; encrypted with the account's own key for secrets. */
  readonly secretName: string;
  /**
   * Prints a token and nothing else. Its scopes: `system/Patient.cruds`, or `system/Patient.rs` for production, where
   * nobody is registered.
   */
  readonly tokenCommand: string;
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
