/** What this server knows of the issuer of its callers' tokens. */
export type TokenService = {
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly jwksUri: string | undefined;
  /** How clients authenticate there, by the names of OAuth. */
  readonly clientAuthentication: readonly string[];
};

export type SmartConfiguration = Readonly<Record<string, string | readonly string[]>>;

/** Scopes that this server knows; every other combination of the letters works as well. */
const SCOPES = [..."cruds", "rs", "cud", "cruds", "read", "write", "*"].map((suffix) => `system/Patient.${suffix}`);

const ASYMMETRIC = "private_key_jwt";

/**
 * https://hl7.org/fhir/smart-app-launch/conformance.html#metadata, as far as it concerns backend services: there is no
 * authorization endpoint, for nobody signs in by a browser.
 */
export function smartConfiguration(service: TokenService): SmartConfiguration {
  const { issuer, tokenEndpoint, jwksUri, clientAuthentication } = service;
  const isAsymmetric = clientAuthentication.includes(ASYMMETRIC);
  return {
    issuer,
    ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
    token_endpoint: tokenEndpoint,
    grant_types_supported: ["client_credentials"],
    token_endpoint_auth_methods_supported: clientAuthentication,
    // Every server that takes such keys must take both: https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
    ...(isAsymmetric && { token_endpoint_auth_signing_alg_values_supported: ["RS384", "ES384"] }),
    scopes_supported: SCOPES,
    capabilities: [
      ...(isAsymmetric ? ["client-confidential-asymmetric"] : []),
      ...(clientAuthentication.some((method) => method !== ASYMMETRIC) ? ["client-confidential-symmetric"] : []),
      "permission-v1",
      "permission-v2",
    ],
  };
}
