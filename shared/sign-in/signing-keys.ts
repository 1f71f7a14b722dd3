import { createPublicKey } from "node:crypto";
import { FetchError, JwksValidationError } from "aws-jwt-verify/error";
import { isJwk, type Jwk, type Jwks, type JwksCache, SimpleJwksCache } from "aws-jwt-verify/jwk";
import { isJsonObject, type Json, safeJsonParse } from "aws-jwt-verify/safe-json-parse";
import * as v from "valibot";
import { createHttpExchange } from "../particle/http-exchange.ts";
import { isSecureUrl } from "../runtime/secure-url.ts";

/** Reads a document by GET; throws where there is no complete one. */
export type ReadDocument = (url: URL) => Promise<string>;

const READ_TIMEOUT_MS = 3_000;

/** How old the keys become before they are read again: a key that the issuer withdrew verifies no longer than this. */
const FRESH_MS = 10 * 60_000;
/** After a failed read: the keys stay until they are this old, and are read again so often meanwhile. */
const TRUSTED_MS = 60 * 60_000;
const RETRY_MS = 60_000;

/**
 * After a failed read nobody asks the issuer for so long, whatever key is looked for: tokens with made-up keys would keep
 * it, and the function, busy. Clients that got 503 for it are told to wait as long (`Retry-After`).
 */
const PAUSE_MS = 5_000;

type KeySource = { readonly issuer: string; readonly jwksUri: string | undefined };

/**
 * The keys of an issuer. A key that is not known yet is looked for at once, but after a vain search not again for 10
 * seconds, so that made-up keys do not become requests to the issuer. A key that Node.js cannot make a public key of is
 * passed over, as if the issuer had not published it (https://www.rfc-editor.org/rfc/rfc7517#section-5).
 *
 * @returns the cache, and the address under which it holds the keys.
 */
export function createSigningKeys(
  { issuer, jwksUri }: KeySource,
  read: ReadDocument = readDocument,
  now: () => number = Date.now,
): { readonly source: string; readonly cache: JwksCache } {
  const source = jwksUri ?? `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const text = async (address: string) => {
    if (!isSecureUrl(address)) {
      throw new FetchError(address, "The address must be https.");
    }
    try {
      return await read(new URL(address));
    } catch (error) {
      throw new FetchError(address, error instanceof Error ? error.message : "No answer.");
    }
  };
  const fetch = async (address: string): Promise<ArrayBuffer> => {
    const keys = jwksUri === undefined ? await text(jwksUriIn(await text(address), issuer)) : await text(address);
    return new TextEncoder().encode(keys).buffer;
  };
  return { source, cache: new RefreshedJwks(fetch, now) };
}

/** The cache of the library keeps keys for ever and asks again for each unknown one; this one reads them again, and pauses. */
class RefreshedJwks extends SimpleJwksCache {
  readonly #now: () => number;
  #readAt: number | undefined;
  #readAgainAt = 0;
  #pausedUntil = 0;

  constructor(fetch: (address: string) => Promise<ArrayBuffer>, now: () => number) {
    super({ fetcher: { fetch }, jwksParser: keysIn });
    this.#now = now;
  }

  override async getJwks(address: string) {
    if (this.#now() < this.#pausedUntil) {
      throw new FetchError(address, "It did not answer a moment ago.");
    }
    const keys = await super.getJwks(address).catch((error: unknown) => {
      this.#pausedUntil = this.#now() + PAUSE_MS;
      throw error;
    });
    this.#readAt = this.#now();
    this.#readAgainAt = this.#readAt + FRESH_MS;
    return keys;
  }

  override async getJwk(...[address, token]: Parameters<SimpleJwksCache["getJwk"]>) {
    const now = this.#now();
    if (this.#readAt !== undefined && now >= this.#readAgainAt) {
      const isTrusted = now < this.#readAt + TRUSTED_MS;
      this.#readAgainAt = now + (isTrusted ? RETRY_MS : 0);
      try {
        await this.getJwks(address);
      } catch (error) {
        if (!isTrusted) {
          throw error;
        }
      }
    }
    return super.getJwk(address, token);
  }
}

/** @throws JwksValidationError for what is no set of keys at all. */
function keysIn(document: ArrayBuffer): Jwks {
  const set = jsonIn(new TextDecoder().decode(document));
  if (!isJsonObject(set) || !Array.isArray(set["keys"])) {
    throw new JwksValidationError("It is no JSON object with a list of keys.");
  }
  return { keys: set["keys"].filter(isJwk).filter(isPublicKey) };
}

function jsonIn(text: string): Json {
  try {
    return safeJsonParse(text);
  } catch {
    return null;
  }
}

function isPublicKey(key: Jwk): boolean {
  try {
    createPublicKey({ key, format: "jwk" });
    return true;
  } catch {
    return false;
  }
}

const discovery = v.pipe(v.string(), v.parseJson(), v.object({ issuer: v.string(), jwks_uri: v.string() }));

/** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfigurationValidation */
function jwksUriIn(document: string, issuer: string): string {
  const parsed = v.safeParse(discovery, document);
  if (!parsed.success || parsed.output.issuer !== issuer) {
    throw new FetchError(issuer, "Its discovery document is not one of this issuer.");
  }
  return parsed.output.jwks_uri;
}

async function readDocument(url: URL): Promise<string> {
  const exchange = createHttpExchange(url.origin);
  const headers = { accept: "application/json" };
  const { status, body } = await exchange({ method: "GET", path: url.pathname + url.search, headers }, READ_TIMEOUT_MS);
  if (status !== 200) {
    throw new Error(`Status ${status}.`);
  }
  return body;
}
