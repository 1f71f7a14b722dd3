import { KeyObject, sign, type webcrypto } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createTokenVerifier,
  IssuerUnavailable,
  TokenRefused,
  type TokenRules,
} from "../../../shared/sign-in/access-token.ts";

const ISSUER = "https://issuer.example/tenant";
const AUDIENCE = "https://adapter.example/fhir";
const DISCOVERY = `${ISSUER}/.well-known/openid-configuration`;
const JWKS = `${ISSUER}/keys`;

const rules: TokenRules = {
  issuer: ISSUER,
  audiences: [AUDIENCE, "another"],
  algorithms: ["ES256", "ES384"],
  jwksUri: undefined,
  clockToleranceSeconds: 30,
};

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let es384: Pair;
let es256: Pair;
let rs256: Pair;
beforeAll(async () => {
  es384 = await generateKeyPair("ES384");
  es256 = await generateKeyPair("ES256", { extractable: true });
  rs256 = await generateKeyPair("RS256");
});

const jwk = async ({ publicKey }: Pair, kid: string, more = {}) => ({ ...(await exportJWK(publicKey)), kid, ...more });

/** What the issuer serves, by address; keeps the addresses that were read. */
function serving(documents: Record<string, () => unknown>) {
  const read: string[] = [];
  return {
    read,
    by: async (url: URL) => {
      read.push(url.href);
      const document = documents[url.href];
      if (document === undefined) throw new Error("Status 404.");
      return JSON.stringify(await document());
    },
  };
}

const issuer = (keys: () => unknown = async () => [await jwk(es384, "one")], issuerName = ISSUER) =>
  serving({
    [DISCOVERY]: () => ({ issuer: issuerName, jwks_uri: JWKS }),
    [JWKS]: async () => ({ keys: await keys() }),
  });

const now = () => Math.floor(Date.now() / 1_000);
const claims = () => ({ iss: ISSUER, aud: AUDIENCE, sub: "client", scope: "system/Patient.rs", exp: now() + 60 });
const signed = (payload: object, pair = es384, header: { alg: string; kid?: string } = { alg: "ES384", kid: "one" }) =>
  new SignJWT({ ...payload }).setProtectedHeader(header).sign(pair.privateKey);

async function refusalOf(verifying: Promise<unknown>): Promise<string> {
  const error = await verifying.then(
    () => new Error("It was taken."),
    (reason: unknown) => reason,
  );
  if (error instanceof TokenRefused) return error.refusal;
  throw error;
}

describe("a valid token", () => {
  it("says who sent it, what its scopes allow and until when", async () => {
    const { exp } = claims();
    const verify = createTokenVerifier(rules, issuer().by);
    expect(await verify(await signed({ ...claims(), exp }))).toEqual({
      caller: `${ISSUER} client`,
      permissions: "rs",
      expiresAt: exp + 30,
    });
  });

  it.each([
    [{ scope: "openid system/Patient.c system/*.rs" }, "crs"],
    [{ scope: undefined, scp: ["system/Patient.cu", "other"] }, "cu"],
    [{ scope: undefined, scp: "system/Patient.read openid" }, "rs"],
    [{ scope: undefined, scp: { "system/Patient.cruds": true } }, ""],
    [{ scope: undefined }, ""],
    [{ scope: "" }, ""],
  ])("has its scopes in scope or scp: %o", async (more, permissions) => {
    const verify = createTokenVerifier(rules, issuer().by);
    expect((await verify(await signed({ ...claims(), ...more }))).permissions).toBe(permissions);
  });

  it("names the client where it has no subject, and one of the audiences among others", async () => {
    const verify = createTokenVerifier(rules, issuer().by);
    const token = await signed({ ...claims(), sub: undefined, client_id: "app", aud: ["elsewhere", "another"] });
    expect((await verify(token)).caller).toBe(`${ISSUER} app`);
  });

  it("may be off by what clocks may be apart", async () => {
    const verify = createTokenVerifier(rules, issuer().by);
    await expect(verify(await signed({ ...claims(), exp: now() - 20, nbf: now() + 20 }))).resolves.toBeDefined();
  });
});

describe("what is no valid token", () => {
  it.each([
    ["issuer", { iss: "https://issuer.example" }],
    ["issuer", { iss: undefined }],
    ["audience", { aud: "https://other.example" }],
    ["audience", { aud: undefined }],
    ["expired", { exp: now() - 40 }],
    ["not-yet-valid", { nbf: now() + 40 }],
    ["claims", { exp: undefined }],
    ["claims", { sub: undefined }],
    ["claims", { sub: "" }],
    ["no-token", { exp: "tomorrow" }],
  ])("is refused for its %s: %o", async (refusal, more) => {
    const verify = createTokenVerifier(rules, issuer().by);
    expect(await refusalOf(verify(await signed({ ...claims(), ...more })))).toBe(refusal);
  });

  it.each(["", "x", "a.b", "a.b.c", `${Buffer.from("{}").toString("base64url")}.e30.AAAA`, "....", "€.€.€"])(
    "is refused without a look at the issuer's keys: %o",
    async (text) => {
      const { by, read } = issuer();
      expect(["no-token", "unknown-key"]).toContain(await refusalOf(createTokenVerifier(rules, by)(text)));
      expect(read).toEqual([]);
    },
  );

  it("is refused with an algorithm that is not on the list, whatever keys the issuer has", async () => {
    const keys = async () => [await jwk(rs256, "rsa"), await jwk(es256, "ec", { alg: "ES256" })];
    const verify = createTokenVerifier({ ...rules, algorithms: ["ES256"] }, issuer(keys).by);
    expect(await refusalOf(verify(await signed(claims(), rs256, { alg: "RS256", kid: "rsa" })))).toBe("algorithm");
    await expect(verify(await signed(claims(), es256, { alg: "ES256", kid: "ec" }))).resolves.toBeDefined();
  });

  it("is refused with an algorithm of another type of key than the one that it names", async () => {
    // Node takes such a signature: "RS256" is SHA-256 with whatever key there is.
    const keys = async () => [await jwk(es256, "ec")];
    const encoded = [{ alg: "RS256", kid: "ec" }, claims()].map((part) =>
      Buffer.from(JSON.stringify(part)).toString("base64url"),
    );
    const key = KeyObject.from(es256.privateKey as webcrypto.CryptoKey);
    const signature = sign("sha256", Buffer.from(encoded.join(".")), { key, dsaEncoding: "ieee-p1363" });
    const token = [...encoded, signature.toString("base64url")].join(".");
    const verify = createTokenVerifier({ ...rules, algorithms: ["RS256", "ES256"] }, issuer(keys).by);
    expect(await refusalOf(verify(token))).toBe("algorithm");
  });

  it("is refused when its signature is not one of the key that it names, or it names none", async () => {
    const verify = createTokenVerifier(rules, issuer().by);
    const other = await generateKeyPair("ES384");
    expect(await refusalOf(verify(await signed(claims(), other)))).toBe("signature");
    expect(await refusalOf(verify(await signed(claims(), es384, { alg: "ES384" })))).toBe("unknown-key");
    const encryption = issuer(async () => [await jwk(es384, "one", { use: "enc" })]);
    expect(await refusalOf(createTokenVerifier(rules, encryption.by)(await signed(claims())))).toBe("unknown-key");
  });
});

describe("the keys of the issuer", () => {
  it("are read once, from where discovery says", async () => {
    const { by, read } = issuer();
    const verify = createTokenVerifier(rules, by);
    for (let n = 0; n < 3; n += 1) await verify(await signed(claims()));
    expect(read).toEqual([DISCOVERY, JWKS]);
  });

  it("are read from where the deployment says", async () => {
    const jwksUri = "https://keys.example/jwks?tenant=1";
    const { by, read } = serving({ [jwksUri]: async () => ({ keys: [await jwk(es384, "one")] }) });
    await createTokenVerifier({ ...rules, jwksUri }, by)(await signed(claims()));
    expect(read).toEqual([jwksUri]);
  });

  it("are read again for a key that is new, and then not for made-up keys one after the other", async () => {
    let kid = "one";
    const { by, read } = issuer(async () => [await jwk(es384, kid)]);
    const verify = createTokenVerifier(rules, by);
    await verify(await signed(claims()));
    kid = "two";
    await verify(await signed(claims(), es384, { alg: "ES384", kid: "two" }));
    expect(await refusalOf(verify(await signed(claims())))).toBe("unknown-key");
    const reads = read.length;
    for (const made of ["three", "four"]) {
      expect(await refusalOf(verify(await signed(claims(), es384, { alg: "ES384", kid: made })))).toBe("unknown-key");
    }
    expect(read).toHaveLength(reads);
  });

  it.each([
    ["do not come", serving({}).by],
    ["are no keys", serving({ [DISCOVERY]: () => ({ issuer: ISSUER, jwks_uri: JWKS }), [JWKS]: () => ["x"] }).by],
    ["are not of this issuer", issuer(() => [], "https://other.example").by],
    [
      "are to be had over plain http",
      serving({ [DISCOVERY]: () => ({ issuer: ISSUER, jwks_uri: "http://a.example" }) }).by,
    ],
  ])("say nothing of a token while they %s", async (_, by) => {
    await expect(createTokenVerifier(rules, by)(await signed(claims()))).rejects.toBeInstanceOf(IssuerUnavailable);
  });
});
