import {
  FetchError,
  JwksValidationError,
  JwkValidationError,
  JwtBaseError,
  JwtExpiredError,
  JwtInvalidAudienceError,
  JwtInvalidIssuerError,
  JwtInvalidSignatureAlgorithmError,
  JwtInvalidSignatureError,
  JwtNotBeforeError,
  JwtParseError,
} from "aws-jwt-verify/error";
import { JwtVerifier } from "aws-jwt-verify/jwt-verifier";
import { permissionsOf } from "./scopes.ts";
import { createSigningKeys, type ReadDocument } from "./signing-keys.ts";

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

/** Why a token is not valid: no part of it, so that it may be logged. */
export type Refusal =
  | "no-token"
  | "issuer"
  | "audience"
  | "expired"
  | "not-yet-valid"
  | "algorithm"
  | "signature"
  | "unknown-key"
  | "claims";

export class TokenRefused extends Error {
  override readonly name = "TokenRefused";
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`The token is refused: ${refusal}.`);
    this.refusal = refusal;
  }
}

/** The issuer's keys cannot be read, so nobody knows whether the token is valid. */
export class IssuerUnavailable extends Error {
  override readonly name = "IssuerUnavailable";
}

const REFUSALS = [
  [JwtParseError, "no-token"],
  [JwtInvalidIssuerError, "issuer"],
  [JwtInvalidAudienceError, "audience"],
  [JwtExpiredError, "expired"],
  [JwtNotBeforeError, "not-yet-valid"],
  [JwtInvalidSignatureAlgorithmError, "algorithm"],
  [JwtInvalidSignatureError, "signature"],
] as const;

/** The issuer's fault, and nothing of the token's. */
const ISSUER_FAULTS = [FetchError, JwksValidationError, JwkValidationError];

type Payload = Readonly<Record<string, unknown>>;

/**
 * Verifies access tokens of one issuer: signature, algorithm, issuer, audience, expiry (which a token must have) and
 * not-before. https://www.rfc-editor.org/rfc/rfc9068#section-4
 *
 * @returns a function that throws TokenRefused for what is no valid token, and IssuerUnavailable when that cannot be told.
 */
export function createTokenVerifier(rules: TokenRules, read?: ReadDocument): (token: string) => Promise<AccessToken> {
  const { issuer, audiences, algorithms, clockToleranceSeconds } = rules;
  const { source, cache } = createSigningKeys(rules, read);
  const verifier = JwtVerifier.create(
    {
      issuer,
      audience: [...audiences],
      jwksUri: source,
      graceSeconds: clockToleranceSeconds,
      customJwtCheck({ header, jwk }) {
        // A key without `alg` would verify with whatever algorithm the token names for keys of its type.
        if (!algorithms.includes(header.alg ?? "") || KEY_TYPES[header.alg?.slice(0, 2) ?? ""] !== jwk.kty) {
          throw new TokenRefused("algorithm");
        }
      },
    },
    { jwksCache: cache },
  );
  return async (token) => {
    try {
      return accessTokenOf(await verifier.verify(token), clockToleranceSeconds);
    } catch (error) {
      throw translated(error);
    }
  };
}

const KEY_TYPES: Readonly<Record<string, string>> = { RS: "RSA", ES: "EC", Ed: "OKP" };

function translated(error: unknown): unknown {
  if (ISSUER_FAULTS.some((kind) => error instanceof kind)) {
    return new IssuerUnavailable("The issuer's keys cannot be read.", { cause: error });
  }
  if (error instanceof JwtBaseError) {
    const [, refusal = "unknown-key"] = REFUSALS.find(([kind]) => error instanceof kind) ?? [];
    return new TokenRefused(refusal);
  }
  return error;
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

/** `scope` separates them by blanks (RFC 8693, section 4.2); `scp` of other issuers may be a list, too. */
const scopesIn = (claim: unknown): readonly string[] =>
  (Array.isArray(claim) ? claim : [claim]).flatMap((one) => (typeof one === "string" ? one.split(" ") : []));
