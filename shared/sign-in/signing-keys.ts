import { FetchError } from "aws-jwt-verify/error";
import { type JwksCache, SimpleJwksCache } from "aws-jwt-verify/jwk";
import * as v from "valibot";
import { createHttpExchange } from "../particle/http-exchange.ts";
import { isSecureUrl } from "../runtime/secure-url.ts";

/** Reads a document by GET; throws where there is no complete one. */
export type ReadDocument = (url: URL) => Promise<string>;

const READ_TIMEOUT_MS = 3_000;

/** How old the keys become before they are read again: a key that the issuer withdrew verifies no longer than this. */
const FRESH_MS = 10 * 60_000;
/** After a failed read: the next one waits, and the keys stay until they are this old. */
const RETRY_MS = 60_000;
const TRUSTED_MS = 60 * 60_000;

type KeySource = { readonly issuer: string; readonly jwksUri: string | undefined };

/**
 * The keys of an issuer. A key that is not known yet is looked for at once, but after a vain search not again for 10
 * seconds, so that made-up keys do not become requests to the issuer.
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

/** The cache of the library keeps keys for ever; this one reads them again. */
class RefreshedJwks extends SimpleJwksCache {
  readonly #now: () => number;
  #readAt: number | undefined;
  #readAgainAt = 0;

  constructor(fetch: (address: string) => Promise<ArrayBuffer>, now: () => number) {
    super({ fetcher: { fetch } });
    this.#now = now;
  }

  override async getJwks(address: string) {
    const keys = await super.getJwks(address);
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
