import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

/** SMART has every server and client know at least one of them. */
const ALGORITHMS = ["ES384", "RS384"] as const;

const TOKEN_SECONDS = 3_600;

type SigningKey = { readonly alg: string; readonly privateKey: CryptoKey; readonly jwk: JWK };

/** What a token says and how it is signed; whatever is not given is as the issuer does it. */
type TokenRequest = {
  readonly scope: string;
  readonly clientId?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly algorithm?: (typeof ALGORITHMS)[number];
};

export type Issuer = {
  /** Its name in `iss`, and where it is. */
  readonly url: string;
  readonly jwksUri: string;
  readonly tokenEndpoint: string;
  /** A signed access token. */
  token(request: TokenRequest): Promise<string>;
  /** New keys; the old ones are withdrawn. */
  rotateKeys(): Promise<void>;
  /** Whether it answers anything but 503. */
  setAvailable(available: boolean): void;
  /** How often its keys were read. */
  keyReads(): number;
  close(): Promise<void>;
};

type IssuerOptions = {
  /** 0 = any free port. */
  readonly port: number;
  /** `aud` of its tokens. */
  readonly audience: string;
};

/**
 * An issuer of access tokens on loopback: OpenID discovery, keys, and a token endpoint for `client_credentials`. Whoever asks
 * gets a token with the scopes that it asks for: clients are not authenticated, as signatures are not verified on the twin
 * otherwise. Its keys end with the process.
 *
 * @throws Error with code EADDRINUSE when the port is taken
 */
export async function startIssuer({ port, audience }: IssuerOptions): Promise<Issuer> {
  let keys = await newKeys();
  let available = true;
  let keyReads = 0;
  let url = "";

  async function token({
    scope,
    clientId = "local-client",
    claims,
    algorithm = "ES384",
  }: TokenRequest): Promise<string> {
    const key = keys.find(({ alg }) => alg === algorithm);
    if (key === undefined) {
      throw new Error(`The issuer has no key for ${algorithm}.`);
    }
    const now = Math.floor(Date.now() / 1000);
    // https://www.rfc-editor.org/rfc/rfc9068#section-2.2
    const payload = { iss: url, aud: audience, sub: clientId, client_id: clientId, scope, jti: randomUUID(), iat: now };
    return new SignJWT({ ...payload, exp: now + TOKEN_SECONDS, ...claims })
      .setProtectedHeader({ alg: key.alg, typ: "at+jwt", kid: key.jwk.kid ?? "" })
      .sign(key.privateKey);
  }

  /** https://www.rfc-editor.org/rfc/rfc6749#section-4.4 */
  async function grant(request: IncomingMessage): Promise<readonly [number, object]> {
    const form = new URLSearchParams(await text(request));
    if (form.get("grant_type") !== "client_credentials") {
      return [400, { error: "unsupported_grant_type" }];
    }
    const scope = form.get("scope") ?? "";
    if (scope === "") {
      return [400, { error: "invalid_scope" }];
    }
    const clientId = form.get("client_id") ?? subjectOf(form.get("client_assertion"));
    const access_token = await token({ scope, ...(clientId !== undefined && { clientId }) });
    return [200, { access_token, token_type: "Bearer", expires_in: TOKEN_SECONDS, scope }];
  }

  async function answer(request: IncomingMessage): Promise<readonly [number, object]> {
    if (!available) {
      return [503, { error: "temporarily_unavailable" }];
    }
    switch (`${request.method} ${request.url}`) {
      case "GET /.well-known/openid-configuration":
        return [
          200,
          {
            issuer: url,
            jwks_uri: `${url}/jwks`,
            token_endpoint: `${url}/token`,
            grant_types_supported: ["client_credentials"],
            token_endpoint_auth_methods_supported: ["private_key_jwt"],
            token_endpoint_auth_signing_alg_values_supported: [...ALGORITHMS],
          },
        ];
      case "GET /jwks":
        keyReads += 1;
        return [200, { keys: keys.map(({ jwk }) => jwk) }];
      case "POST /token":
        return grant(request);
      default:
        return [404, { error: "not_found" }];
    }
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ([status, body]) => send(response, status, body),
      (error: unknown) => {
        console.error("The local issuer failed:", error);
        response.destroy();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1" }, resolve);
  });
  url = `http://localhost:${(server.address() as AddressInfo).port}`;

  return {
    url,
    jwksUri: `${url}/jwks`,
    tokenEndpoint: `${url}/token`,
    token,
    async rotateKeys() {
      keys = await newKeys();
    },
    setAvailable(now) {
      available = now;
    },
    keyReads: () => keyReads,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const newKeys = (): Promise<SigningKey[]> =>
  Promise.all(
    ALGORITHMS.map(async (alg) => {
      const { privateKey, publicKey } = await generateKeyPair(alg);
      return { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), alg, use: "sig", kid: randomUUID() } };
    }),
  );

/** Of an assertion that nobody verifies; undefined where it is none. */
function subjectOf(assertion: string | null): string | undefined {
  try {
    const { sub } = JSON.parse(Buffer.from(assertion?.split(".")[1] ?? "", "base64url").toString("utf8"));
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json", "Cache-Control": "no-store" });
  response.end(JSON.stringify(body));
}
