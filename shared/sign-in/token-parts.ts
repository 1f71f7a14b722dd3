import { isJsonObject, type JsonObject, safeJsonParse } from "aws-jwt-verify/safe-json-parse";
import { TokenRefused } from "./refusal.ts";

/** What a token says of itself, as long as nothing of it is verified. */
export type TokenParts = { readonly header: JsonObject; readonly claims: JsonObject };

/** https://www.rfc-editor.org/rfc/rfc7515#section-7.1 */
const COMPACT = /^[\w-]+={0,2}\.[\w-]+={0,2}\.[\w-]+={0,2}$/;

/** @throws TokenRefused `malformed` for what is not two JSON objects and a signature. */
export function tokenPartsOf(token: string): TokenParts {
  const [header, claims] = COMPACT.test(token) ? token.split(".", 2).map(jsonObjectIn) : [];
  if (header === undefined || claims === undefined) {
    throw new TokenRefused("malformed");
  }
  return { header, claims };
}

function jsonObjectIn(part: string): JsonObject | undefined {
  try {
    const value = safeJsonParse(Buffer.from(part, "base64url").toString("utf8"));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The types of a JWT access token (https://www.rfc-editor.org/rfc/rfc9068#section-2.1) and of a JWT that does not say what
 * it is for. `application/` may be left out: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9
 */
const TYPE = /^(application\/)?(at\+)?jwt$/i;

/**
 * Refuses what the header alone says to be none of our tokens. A JWT for another purpose (a DPoP proof, a logout token) may
 * have the same issuer and keys.
 *
 * @throws TokenRefused
 */
export function requireKnownHeader({ header }: TokenParts, algorithms: readonly string[]): void {
  const { typ, alg, kid } = header;
  // Its extensions must be understood, and none is: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
  if (Object.hasOwn(header, "crit")) {
    throw new TokenRefused("extension");
  }
  if (typ !== undefined && !(typeof typ === "string" && TYPE.test(typ))) {
    throw new TokenRefused("type");
  }
  if (typeof alg !== "string" || !algorithms.includes(alg)) {
    throw new TokenRefused("algorithm");
  }
  if (typeof kid !== "string") {
    throw new TokenRefused("unknown-key");
  }
}
