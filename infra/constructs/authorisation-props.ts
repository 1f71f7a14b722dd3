import { Duration, Tokenization } from "aws-cdk-lib";

/** Algorithms that an access token may be signed with: those with a public key. */
export type SignatureAlgorithm = "RS256" | "RS384" | "RS512" | "ES256" | "ES384" | "ES512" | "EdDSA";

/** Callers sign requests with AWS Signature Version 4, and policies say who may call what. */
export type IamAuthorisation = { readonly kind: "iam" };

/**
 * Callers send an access token of one issuer, and its scopes say what they may do: SMART backend services,
 * https://hl7.org/fhir/smart-app-launch/backend-services.html. Everyone can reach the API and needs a token for all but
 * `/metadata` and `/.well-known/smart-configuration`.
 */
export type TokenAuthorisation = {
  readonly kind: "oidc";
  /** `iss` of the tokens, character for character, such as `https://issuer.example`. */
  readonly issuer: string;
  /** A token must name one of these in `aud`; usually the address of this API. They hold no blanks. */
  readonly audiences: readonly string[];
  /** Where clients get a token. */
  readonly tokenEndpoint: string;
  /**
   * Where the issuer's keys are.
   *
   * @default where `<issuer>/.well-known/openid-configuration` says
   */
  readonly jwksUri?: string;
  /** @default RS256, RS384, ES256, ES384 */
  readonly algorithms?: readonly SignatureAlgorithm[];
  /**
   * How clients authenticate at the token endpoint, for `/.well-known/smart-configuration` to say.
   *
   * @default private_key_jwt, as SMART backend services do
   */
  readonly clientAuthentication?: readonly ("private_key_jwt" | "client_secret_basic" | "client_secret_post")[];
  /**
   * How far the issuer's clock and ours may be apart.
   *
   * @default 30 seconds
   */
  readonly clockTolerance?: Duration;
  /**
   * How long the gateway keeps what it learned of a token, at most one hour. A token ends in time all the same. A key that
   * the issuer withdraws is trusted for as long, and up to ten minutes more (an hour while the issuer does not answer).
   *
   * @default 5 minutes
   */
  readonly cacheTokens?: Duration;
};

export type Authorisation = IamAuthorisation | TokenAuthorisation;

/** What the functions are told of it; nothing under IAM. */
export type TokenSettings = {
  readonly oidcIssuer: string;
  readonly oidcAudiences: string;
  readonly oidcAlgorithms: string;
  readonly oidcJwksUri?: string;
  readonly oidcClockToleranceSeconds: string;
  readonly oidcTokenEndpoint: string;
  readonly oidcClientAuthentication: string;
};

const DEFAULT_ALGORITHMS: readonly SignatureAlgorithm[] = ["RS256", "RS384", "ES256", "ES384"];

export function tokenSettingsOf({ issuer, tokenEndpoint, jwksUri, ...choices }: TokenAuthorisation): TokenSettings {
  return {
    oidcIssuer: issuer,
    oidcAudiences: choices.audiences.join(" "),
    oidcAlgorithms: (choices.algorithms ?? DEFAULT_ALGORITHMS).join(" "),
    ...(jwksUri !== undefined && { oidcJwksUri: jwksUri }),
    oidcClockToleranceSeconds: inSeconds(choices.clockTolerance ?? Duration.seconds(30)),
    oidcTokenEndpoint: tokenEndpoint,
    oidcClientAuthentication: (choices.clientAuthentication ?? ["private_key_jwt"]).join(" "),
  };
}

/** As a variable says it; what is not whole is for the variable's schema to refuse. */
export const inSeconds = (duration: Duration): string =>
  Tokenization.stringifyNumber(duration.toSeconds({ integral: false }));
