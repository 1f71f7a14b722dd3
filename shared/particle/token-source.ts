import { AdapterError } from "../failure/failure.ts";

/** Where the gateway takes Particle's JWT from. Both throw what reading the secret throws. */
export interface TokenSource {
  current(): Promise<string>;
  /**
   * The token to use after Particle refused one (401): the same one again when the secret holds no other.
   */
  reread(refusedToken: string): Promise<string>;
}

// Particle's tokens live 60 minutes (https://docs.particlehealth.com/docs/auth-and-keys) and are replaced every 30.
const BEFORE_EXPIRY_MS = 60_000;
const WITHOUT_EXPIRY_MS = 5 * 60_000;
// For a token that is expired or refused: the secret is due to change, but need not be asked on every request.
const DOUBTFUL_MS = 10_000;

type Held = {
  readonly token: string;
  /** Epoch milliseconds until which the secret is not read again. */
  readonly until: number;
  /** Read again after a refusal, and still the same. */
  readonly confirmed: boolean;
};

/**
 * Keeps the token in memory until shortly before its `exp` claim; callers at the same time share one read.
 *
 * @param readSecret answers the secret's text: the bare JWT.
 * @throws AdapterError `particle-refuses-token` when the secret does not hold one bare token, and whatever
 *   `readSecret` throws.
 */
export function createTokenSource(readSecret: () => Promise<string>, now: () => number = Date.now): TokenSource {
  let held: Held | undefined;
  let reading: Promise<Held> | undefined;

  function read(): Promise<Held> {
    reading ??= readSecret()
      .then((secret) => {
        const token = bareToken(secret);
        const until = Math.max((expiryOf(token) ?? now() + WITHOUT_EXPIRY_MS) - BEFORE_EXPIRY_MS, now() + DOUBTFUL_MS);
        held = { token, until, confirmed: false };
        return held;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  return {
    async current() {
      return held !== undefined && now() < held.until ? held.token : (await read()).token;
    },
    async reread(refusedToken) {
      if (held !== undefined && (held.token !== refusedToken || (held.confirmed && now() < held.until))) {
        return held.token;
      }
      const fresh = await read();
      if (fresh.token === refusedToken) {
        held = { token: fresh.token, until: now() + DOUBTFUL_MS, confirmed: true };
      }
      return fresh.token;
    },
  };
}

function bareToken(secret: string): string {
  const token = secret.trim();
  // Anything else could not stand in a header, and would fail there with a less helpful error.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new AdapterError(
      { kind: "particle-refuses-token", retryAfterSeconds: 60 },
      "The token secret is empty or holds more than one bare token.",
    );
  }
  return token;
}

/** The `exp` claim (RFC 7519, section 4.1.4) in epoch milliseconds. The signature is for Particle to check. */
function expiryOf(token: string): number | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) {
    return undefined;
  }
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const hasExpiry = typeof claims === "object" && claims !== null && "exp" in claims;
    return hasExpiry && typeof claims.exp === "number" ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}
