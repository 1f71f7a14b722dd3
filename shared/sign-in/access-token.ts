import {
  FetchError,
  JwkInvalidKtyError,
  JwkInvalidUseError,
  JwksValidationError,
  JwtExpiredError,
  JwtInvalidAudienceError,
  JwtInvalidSignatureAlgorithmError,
  JwtNotBeforeError,
  JwtParseError,
  KidNotFoundInJwksError,
  WaitPeriodNotYetEndedJwkError,
} from "aws-jwt-verify/error";
import { JwtVerifier, type JwtVerifierProperties, type VerifyProperties } from "aws-jwt-verify/jwt-verifier";
import { type Refusal, TokenRefused } from "./refusal.ts";
import { permissionsOf } from "./scopes.ts";
import { createSigningKeys, type ReadDocument } from "./signing-keys.ts";
import { requireKnownHeader, tokenPartsOf } from "./token-parts.ts";

export type TokenRules = {
  /** `iss` of every token, character for character. */
  readonly issuer: string;
  /** A token must name one of them in `aud`. */
  readonly audiences: readonly string[];
  /** Signature algorithms that are taken, such as `ES384`. */
  readonly algorithms: readonly string[];
  /** Where the issuer's keys are; undefined = where its OpenID discovery says. */
  readonly jwksUri: string | undefined;
  /** How far the issuer's clock and ours may be apart. */
  readonly clockToleranceSeconds: number;
};

/** What a valid token says. */
export type AccessToken = {
  /** Issuer and subject. */
  readonly caller: string;
  /** Letters of `cruds`, on Patient. */
  readonly permissions: string;
  /** Epoch seconds, clock tolerance included. */
  readonly expiresAt: number;
};

/** The issuer's keys cannot be read, so nobody knows whether the token is valid. */
export class IssuerUnavailable extends Error {
  override readonly name = "IssuerUnavailable";
}

/** Errors of the library. Whatever else it throws, the token did not prove to be signed by its issuer. */
const REFUSALS = [
  // The parts could be read, so a claim is not what RFC 7519 says.
  [JwtParseError, "claims"],
  [JwtInvalidAudienceError, "audience"],
  [JwtExpiredError, "expired"],
  [JwtNotBeforeError, "not-yet-valid"],
  [JwtInvalidSignatureAlgorithmError, "algorithm"],
  [KidNotFoundInJwksError, "unknown-key"],
  [WaitPeriodNotYetEndedJwkError, "unknown-key"],
  [JwkInvalidUseError, "unknown-key"],
  [JwkInvalidKtyError, "unknown-key"],
] as const satisfies readonly (readonly [new (...args: never[]) => Error, Refusal])[];

/** The issuer's fault, and nothing of the token's. */
const ISSUER_FAULTS = [FetchError, JwksValidationError];

type Payload = Readonly<Record<string, unknown>>;

/**
 * Verifies access tokens of one issuer: signature, algorithm, type, issuer, audience, expiry (which a token must have) and
 * not-before. https://www.rfc-editor.org/rfc/rfc9068#section-4
 *
 * @returns a function that throws TokenRefused for what is no valid token, and IssuerUnavailable when that cannot be told.
 */
export function createTokenVerifier(rules: TokenRules, read?: ReadDocument): (token: string) => Promise<AccessToken> {
  const { issuer, audiences, algorithms, clockToleranceSeconds } = rules;
  const { source, cache } = createSigningKeys(rules, read);
  const verifier = ListedScopesVerifier.create(
    {
      issuer,
      audience: [...audiences],
      jwksUri: source,
      graceSeconds: clockToleranceSeconds,
      customJwtCheck({ header, jwk }) {
        // A key without `alg` would verify with whatever algorithm the token names for keys of its type.
        if (KEY_TYPES[header.alg?.slice(0, 2) ?? ""] !== jwk.kty) {
          throw new TokenRefused("algorithm");
        }
      },
    },
    { jwksCache: cache },
  );
  return async (token) => {
    const parts = tokenPartsOf(token);
    requireKnownHeader(parts, algorithms);
    // The library keeps a key by the issuer that a token names, before it has verified anything.
    if (parts.claims["iss"] !== issuer) {
      throw new TokenRefused("issuer");
    }
    const payload = await verifier.verify(token).catch((error: unknown) => {
      throw translated(error);
    });
    return accessTokenOf(payload, clockToleranceSeconds);
  };
}

const KEY_TYPES: Readonly<Record<string, string>> = { RS: "RSA", ES: "EC", Ed: "OKP" };

/**
 * Takes `scope` as a list, too, as Duende IdentityServer and Spring Authorization Server write it, while the library
 * insists on text. Only how the claim is read changes: the signature is verified over what was signed.
 */
class ListedScopesVerifier<
  Properties extends Partial<VerifyProperties>,
  Config extends JwtVerifierProperties<Properties>,
  IsMultiIssuer extends boolean,
> extends JwtVerifier<Properties, Config, IsMultiIssuer> {
  protected override getVerifyParameters(token: string, properties?: Partial<Properties>) {
    const { claims } = tokenPartsOf(token);
    const { scope } = claims;
    if (!Array.isArray(scope)) {
      return super.getVerifyParameters(token, properties);
    }
    const [header, payloadB64 = "", signature] = token.split(".");
    const readable = Buffer.from(JSON.stringify({ ...claims, scope: scopesIn(scope).join(" ") })).toString("base64url");
    const parameters = super.getVerifyParameters([header, readable, signature].join("."), properties);
    return { ...parameters, decomposedJwt: { ...parameters.decomposedJwt, payloadB64 } };
  }
}

function translated(error: unknown): TokenRefused | IssuerUnavailable {
  if (error instanceof TokenRefused) {
    return error;
  }
  if (ISSUER_FAULTS.some((kind) => error instanceof kind)) {
    return new IssuerUnavailable("The issuer's keys cannot be read.", { cause: error });
  }
  const [, refusal = "signature" as const] = REFUSALS.find(([kind]) => error instanceof kind) ?? [];
  return new TokenRefused(refusal);
}

function accessTokenOf(payload: Payload, clockToleranceSeconds: number): AccessToken {
  const { iss, sub, client_id: clientId, exp, scope, scp } = payload;
  const subject = sub ?? clientId;
  if (typeof exp !== "number" || typeof subject !== "string" || subject === "") {
    throw new TokenRefused("claims");
  }
  return {
    // An issuer is a URL, which holds no blank, so no two pairs become one.
    caller: `${iss} ${subject}`,
    permissions: permissionsOf(scopesIn(scope ?? scp)),
    expiresAt: exp + clockToleranceSeconds,
  };
}

/** `scope` separates them by blanks (RFC 8693, section 4.2); of some issuers it is a list, and so is `scp` of others. */
const scopesIn = (claim: unknown): readonly string[] =>
  (Array.isArray(claim) ? claim : [claim]).flatMap((one) => (typeof one === "string" ? one.split(" ") : []));
