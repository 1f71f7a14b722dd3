// What another CDK app gets of this package.
export type { FunctionConcurrency } from "./constructs/adapter-function.ts";
export type { FhirParticleAdapterProps, ParticleProps } from "./constructs/adapter-props.ts";
export type {
  Authorisation,
  IamAuthorisation,
  SignatureAlgorithm,
  TokenAuthorisation,
} from "./constructs/authorisation-props.ts";
export type { CustomDomainSettings } from "./constructs/custom-domain.ts";
export type { Throttling } from "./constructs/fhir-api.ts";
export { FhirParticleAdapter } from "./constructs/fhir-particle-adapter.ts";
export type { WebAcl } from "./constructs/firewall.ts";
export type { NetworkSettings } from "./constructs/function-network.ts";
export type { AdapterFunctionName, DeployedFunctionName } from "./constructs/function-specs.ts";
