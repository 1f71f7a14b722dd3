import { KeyObject, sign, type webcrypto } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { createTokenVerifier, IssuerUnavailable, type TokenRules } from "../../../shared/sign-in/access-token.ts";
import { TokenRefused } from "../../../shared/sign-in/refusal.ts";

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
  es384 = await generateKeyPair("ES384", { extractable: true });
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
const encoded = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");

/** As the library that signs would not write it. */
function signedAsItIs(header: object, pair = es384): string {
  const part = `${encoded(header)}.${encoded(claims())}`;
  const key = KeyObject.from(pair.privateKey as webcrypto.CryptoKey);
  const signature = sign("sha384", Buffer.from(part), { key, dsaEncoding: "ieee-p1363" });
  return `${part}.${signature.toString("base64url")}`;
}

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
    [{ scope: ["openid", "system/Patient.c", "system/*.rs"] }, "crs"],
    [{ scope: ["system/Patient.c system/Patient.d", 7, null, ["system/Patient.u"]] }, "cd"],
    [{ scope: [] }, ""],
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

  it.each(["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", "application/jwt", undefined])(
    "says of its type that it is one, or nothing: %s",
    async (typ) => {
      const verify = createTokenVerifier(rules, issuer().by);
      await expect(verify(signedAsItIs({ alg: "ES384", kid: "one", typ }))).resolves.toBeDefined();
    },
  );

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
    ["claims", { exp: "tomorrow" }],
    ["claims", { nbf: "yesterday" }],
    ["claims", { aud: 7 }],
    ["claims", { scope: { "system/Patient.cruds": true } }],
  ])("is refused for its %s: %o", async (refusal, more) => {
    const verify = createTokenVerifier(rules, issuer().by);
    expect(await refusalOf(verify(await signed({ ...claims(), ...more })))).toBe(refusal);
  });

  it.each([
    ["malformed", ""],
    ["malformed", "x"],
    ["malformed", "a.b"],
    ["malformed", "a.b.c"],
    ["malformed", "€.€.€"],
    ["malformed", "...."],
    ["malformed", `${encoded({ alg: "ES384", kid: "one" })}.${encoded({})}.`],
    ["malformed", `${encoded({ alg: "ES384", kid: "one" })}.${encoded("text")}.AAAA`],
    ["malformed", `${encoded(["ES384"])}.${encoded({})}.AAAA`],
    ["algorithm", `${encoded({})}.${encoded({})}.AAAA`],
    ["algorithm", `${encoded({ alg: 384, kid: "one" })}.${encoded({})}.AAAA`],
    ["unknown-key", `${encoded({ alg: "ES384" })}.${encoded({})}.AAAA`],
    ["unknown-key", `${encoded({ alg: "ES384", kid: 1 })}.${encoded({})}.AAAA`],
    ["issuer", `${encoded({ alg: "ES384", kid: "one" })}.${encoded({ iss: [ISSUER] })}.AAAA`],
  ])("is refused as %s without a look at the issuer's keys: %s", async (refusal, text) => {
    const { by, read } = issuer();
    expect(await refusalOf(createTokenVerifier(rules, by)(text))).toBe(refusal);
    expect(read).toEqual([]);
  });

  it.each([{ crit: ["exp"], exp: 1 }, { crit: ["b64"], b64: true }, { crit: [] }, { crit: null }])(
    "is refused with an extension that must be understood, however well it is signed: %o",
    async (more) => {
      const verify = createTokenVerifier(rules, issuer().by);
      expect(await refusalOf(verify(signedAsItIs({ alg: "ES384", kid: "one", ...more })))).toBe("extension");
    },
  );

  it.each(["dpop+jwt", "logout+jwt", "at+jwt ", "", null, ["JWT"]])(
    "is refused as a token of another type: %o",
    async (typ) => {
      const verify = createTokenVerifier(rules, issuer().by);
      expect(await refusalOf(verify(signedAsItIs({ alg: "ES384", kid: "one", typ })))).toBe("type");
    },
  );

  it("is refused when its list of scopes was changed afterwards", async () => {
    const verify = createTokenVerifier(rules, issuer().by);
    const [header, , signature] = (await signed({ ...claims(), scope: ["system/Patient.r"] })).split(".");
    for (const scope of [["system/Patient.cruds"], "system/Patient.r", ["system/Patient.r", "system/Patient.d"]]) {
      const changed = [header, encoded({ ...claims(), scope }), signature].join(".");
      expect(await refusalOf(verify(changed)), String(scope)).toBe("signature");
    }
  });

  it.each(["AA", "A".repeat(127), "A".repeat(128), "A".repeat(200)])(
    "is refused with a signature of any length that somebody made up: %s",
    async (signature) => {
      const keys = async () => [await jwk(es384, "ec"), await jwk(rs256, "rsa")];
      const verify = createTokenVerifier({ ...rules, algorithms: ["ES384", "RS256"] }, issuer(keys).by);
      for (const header of [
        { alg: "ES384", kid: "ec" },
        { alg: "RS256", kid: "rsa" },
      ]) {
        expect(await refusalOf(verify(`${encoded(header)}.${encoded(claims())}.${signature}`))).toBe("signature");
      }
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
    const part = `${encoded({ alg: "RS256", kid: "ec" })}.${encoded(claims())}`;
    const key = KeyObject.from(es256.privateKey as webcrypto.CryptoKey);
    const signature = sign("sha256", Buffer.from(part), { key, dsaEncoding: "ieee-p1363" });
    const token = `${part}.${signature.toString("base64url")}`;
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

  it("are used as far as they are keys: what is malformed among them is passed over", async () => {
    const good = await jwk(es384, "one");
    const malformed = [
      null,
      "key",
      { kid: "one" },
      { kty: "EC", kid: "one", crv: "P-384", x: "AA", y: "AA" },
      { kty: "RSA", kid: "rsa", e: "AQAB" },
      { kty: "oct", kid: "secret", k: "AAAA" },
      { ...good, alg: null },
    ];
    const verify = createTokenVerifier(
      { ...rules, algorithms: ["ES384", "RS256"] },
      issuer(() => [...malformed, good]).by,
    );
    await expect(verify(await signed(claims()))).resolves.toBeDefined();
    expect(await refusalOf(verify(await signed(claims(), rs256, { alg: "RS256", kid: "rsa" })))).toBe("unknown-key");
    const none = createTokenVerifier(rules, issuer(() => malformed).by);
    expect(await refusalOf(none(await signed(claims())))).toBe("unknown-key");
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
