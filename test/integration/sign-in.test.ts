import { execFile } from "node:child_process";
import { createHmac, createPublicKey, type JsonWebKey } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Bundle, CapabilityStatement, OperationOutcome, Patient } from "fhir/r4";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stages } from "../../infra/config.ts";
import { smokeTestStep } from "../../infra/smoke-test-step.ts";
import type { Issuer } from "../../local/issuer/issuer.ts";
import type { Twin } from "../../local/twin.ts";
import { capabilityStatement } from "../../shared/fhir/capability-statement.ts";
import { type Interaction, type Route, routes } from "../../shared/http/routes.ts";
import { codesOf, type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN } from "../support/registration-harness.ts";

let twin: Twin;
let issuer: Issuer;
let client: FhirClient;

beforeAll(async () => {
  // One authorizer, so that a test knows which keys it has read.
  twin = await startAdapter({ functionConcurrency: 1 }, "infra/oidc-app.ts");
  issuer = twin.issuer!;
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

let people = 0;
const somebody = (changes: Partial<Patient> = {}): Patient => {
  people += 1;
  return henrick({ identifier: [{ system: MRN.system, value: `signed-in-${people}` }], ...changes });
};
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const withScope = async (scope: string, clientId = "client") => bearer(await issuer.token({ scope, clientId }));

/** A path that says 404 to whoever is signed in. */
const probe = (headers: Readonly<Record<string, string>>) => client.failure("GET", "/nowhere", { headers });

async function expectUnauthorized(headers: Readonly<Record<string, string>>): Promise<void> {
  for (const path of ["/Patient/one", "/nowhere"]) {
    const { status, headers: answered, resource } = await client.failure("GET", path, { headers });
    expect([status, answered.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(answered.get("content-type")).toBe("application/fhir+json");
    expect(codesOf(resource)).toEqual(["login"]);
  }
}

const encoded = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
const claims = (): Record<string, unknown> => {
  const now = Math.floor(Date.now() / 1_000);
  return { iss: issuer.url, aud: "https://adapter.example/fhir", sub: "client", scope: "system/*.*", exp: now + 600 };
};
type Keys = { readonly keys: readonly (JsonWebKey & { readonly kid: string; readonly alg: string })[] };
const publishedKeys = async () => ((await (await fetch(issuer.jwksUri)).json()) as Keys).keys;

describe("a request is let in", () => {
  it.each(["ES384", "RS384"] as const)("with a token that is signed with %s", async (algorithm) => {
    expect((await probe(bearer(await issuer.token({ scope: "", algorithm })))).status).toBe(404);
  });

  it("with a token of the token endpoint, for the client that it names", async () => {
    const form = { grant_type: "client_credentials", scope: "system/Patient.cruds", client_id: "app" };
    const answer = await fetch(issuer.tokenEndpoint, { method: "POST", body: new URLSearchParams(form) });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    expect((await client.create(somebody(), bearer(token))).status).toBe(201);
  });

  it("whatever the case of the scheme", async () => {
    expect((await probe({ Authorization: `bearer ${await issuer.token({ scope: "" })}` })).status).toBe(404);
  });
});

describe("a request is not let in", () => {
  it("without a token", () => expectUnauthorized({}));

  it.each(["Basic Y2xpZW50OnNlY3JldA==", "Bearer", "Bearer nonsense", "Bearer a.b.c", "Bearer a b"])(
    "with %s",
    (authorization) => expectUnauthorized({ Authorization: authorization }),
  );

  it.each([
    ["has expired", () => ({ exp: Math.floor(Date.now() / 1_000) - 60 })],
    ["is for later", () => ({ nbf: Math.floor(Date.now() / 1_000) + 60 })],
    ["never expires", () => ({ exp: undefined })],
    ["is of another issuer", () => ({ iss: "https://other.example" })],
    ["is for another audience", () => ({ aud: "https://other.example" })],
    ["is of nobody", () => ({ sub: "", client_id: "" })],
  ])("with a token that %s, however well it is signed", async (_, wrong) => {
    await expectUnauthorized(bearer(await issuer.token({ scope: "system/*.*", claims: wrong() })));
  });

  it("with a token that says that it needs no signature", async () => {
    const [key] = await publishedKeys();
    for (const alg of ["none", "None", "NONE", undefined]) {
      const unsigned = `${encoded({ alg, kid: key?.kid })}.${encoded(claims())}`;
      await expectUnauthorized(bearer(`${unsigned}.`));
      await expectUnauthorized(bearer(`${unsigned}.AAAA`));
    }
  });

  it("with a token that is signed with a public key as if it were a secret", async () => {
    for (const key of await publishedKeys()) {
      const pem = createPublicKey({ key, format: "jwk" }).export({ type: "spki", format: "pem" });
      const signedPart = `${encoded({ alg: "HS256", kid: key.kid })}.${encoded(claims())}`;
      const signature = createHmac("sha256", pem).update(signedPart).digest("base64url");
      await expectUnauthorized(bearer(`${signedPart}.${signature}`));
    }
  });

  it("with a token that somebody else signed, under the name of a published key or with a key of its own", async () => {
    const [published] = await publishedKeys();
    const { privateKey, publicKey } = await generateKeyPair("ES384");
    const headers = [
      { alg: "ES384", kid: published?.kid ?? "" },
      { alg: "ES384", kid: "made-up", jwk: await exportJWK(publicKey), jku: "https://other.example/keys" },
    ];
    for (const header of headers) {
      await expectUnauthorized(bearer(await new SignJWT(claims()).setProtectedHeader(header).sign(privateKey)));
    }
  });

  it("with a made-up signature, which is nobody's bug", async () => {
    for (const { alg, kid } of await publishedKeys()) {
      const token = `${encoded({ alg, kid })}.${encoded(claims())}`;
      await expectUnauthorized(bearer(`${token}.AA`));
      await expectUnauthorized(bearer(`${token}.${"A".repeat(128)}`));
    }
    expect(twin.logs().filter(({ text }) => text.includes('"message":"bug"'))).toEqual([]);
  });

  it("with a token whose scopes were widened afterwards", async () => {
    const [header, , signature] = (await issuer.token({ scope: "system/Patient.r" })).split(".");
    await expectUnauthorized(bearer(`${header}.${encoded(claims())}.${signature}`));
  });
});

/** The permissions of which each interaction takes one set, without a condition; a Bundle takes those of its entries. */
const TAKES: Readonly<Partial<Record<Interaction, readonly string[]>>> = {
  create: ["c"],
  read: ["r"],
  vread: ["r"],
  update: ["u"],
  patch: ["ru"],
  delete: ["d"],
  "search-type": ["s"],
  $validate: ["c", "u"],
  "$to-particle": ["u"],
};
const others = (letters: string) => [..."cruds"].filter((letter) => !letters.includes(letter)).join("");

/** The same request to each route; what it says of the body does not matter as long as it is let through. */
const send = ({ method, path }: Route, headers: Readonly<Record<string, string>>) =>
  client.send<OperationOutcome | undefined>(
    method,
    path.replace("{id}", "one").replace("{versionId}", "1") + (path === "/Patient" ? "?identifier=a%7Cb" : ""),
    { headers, ...(!["GET", "HEAD", "DELETE"].includes(method) && { body: {} }) },
  );

describe("scopes", () => {
  const closed = routes.filter(({ interaction }) => interaction !== "transaction" && interaction !== "capabilities");

  it.each(closed)("let only those who may use $method $path: $interaction", async (route) => {
    const takes = TAKES[route.interaction] ?? [];
    const isConditional = ["PUT", "DELETE"].includes(route.method) && route.path === "/Patient";
    // Without each letter that it takes; where one of several sets will do, without all of them.
    for (const lacking of new Set(takes.length > 1 ? [takes.join("")] : [...takes.join("")])) {
      const tooSmall = await send(route, await withScope(`system/Patient.${others(lacking)}`));
      expect(tooSmall.status).toBe(403);
      if (route.method !== "HEAD") {
        expect(codesOf(tooSmall.resource!)).toEqual(["forbidden"]);
        expect(tooSmall.resource?.issue[0]?.diagnostics).toContain(`system/Patient.${takes[0]}`);
      }
    }
    for (const letters of takes) {
      const enough = await send(route, await withScope(`system/Patient.${letters}${isConditional ? "s" : ""}`));
      expect([400, 404, 415, 200, 204]).toContain(enough.status);
      expect(isConditional ? (await send(route, await withScope(`system/Patient.${letters}`))).status : 403).toBe(403);
    }
  });

  it.each([
    "",
    "openid profile",
    "patient/Patient.cruds",
    "user/Patient.*",
    "system/Observation.cruds",
    "system/Patient.rs?_id=one",
    "system/Patient.srudc",
    "system/Patient.\u0000r",
  ])("that allow nothing here allow nothing: %o", async (scope) => {
    const headers = await withScope(scope);
    for (const route of closed.filter(({ method }) => method !== "HEAD")) {
      expect((await send(route, headers)).status, `${route.method} ${route.path}`).toBe(403);
    }
    expect((await probe(headers)).status).toBe(404);
  });

  it.each([
    ["system/Patient.write", 201, 403],
    ["system/Patient.read", 403, 404],
    ["system/Patient.*", 201, 404],
    ["system/*.c", 201, 403],
    ["openid system/Patient.c system/Patient.r", 201, 404],
  ])("of both versions, with wildcards, and several of them: %s", async (scope, created, read) => {
    const headers = await withScope(scope);
    expect((await client.create(somebody(), headers)).status).toBe(created);
    expect((await client.read("nobody", headers)).status).toBe(read);
  });

  it("of SMART 1 to write do not patch, for a patch reads: that takes read as well", async () => {
    const id = idIn((await client.create(somebody(), await withScope("system/Patient.c"))).headers);
    const patch = async (scope: string, body: unknown) =>
      client.send<OperationOutcome>("PATCH", `/Patient/${id}`, {
        headers: { ...(await withScope(scope)), "Content-Type": "application/json-patch+json" },
        body,
      });
    const isMale = [{ op: "test", path: "/gender", value: "male" }];
    const refused = await patch("system/Patient.write", isMale);
    expect([refused.status, codesOf(refused.resource)]).toEqual([403, ["forbidden"]]);
    expect(refused.resource.issue[0]?.diagnostics).toContain("system/Patient.ru");
    expect((await patch("system/Patient.write system/Patient.read", isMale)).status).toBe(200);
  });

  it("to create and to search are both needed for a create on a condition", async () => {
    const patient = somebody();
    const condition = { "If-None-Exist": `identifier=${MRN.system}|${patient.identifier?.[0]?.value}` };
    const write = await withScope("system/Patient.c");
    expect((await client.create(patient, { ...write, ...condition })).status).toBe(403);
    expect((await client.create(patient, { ...(await withScope("system/Patient.cs")), ...condition })).status).toBe(
      201,
    );
  });
});

describe("a Bundle", () => {
  const patch = { resourceType: "Binary" as const, contentType: "application/json-patch+json", data: "W10=" };
  const entries = (): NonNullable<Bundle["entry"]> => [
    { resource: somebody(), request: { method: "POST", url: "Patient" } },
    { request: { method: "GET", url: "Patient/nobody" } },
    { resource: somebody({ id: "bundled" }), request: { method: "PUT", url: "Patient/bundled" } },
    { resource: patch, request: { method: "PATCH", url: "Patient/nobody" } },
    { request: { method: "DELETE", url: "Patient/nobody" } },
    { request: { method: "GET", url: "Patient?_id=nobody" } },
    { request: { method: "GET", url: "Patient/nobody/_history/1" } },
  ];
  const of = ["c", "r", "u", "ru", "d", "s", "r"];

  it.each([..."cruds", "cu", "ru", ""])("of independent entries does of them what %o allows", async (letters) => {
    const { status, resource } = await client.send<Bundle>("POST", "/", {
      headers: await withScope(letters === "" ? "openid" : `system/Patient.${letters}`),
      body: { resourceType: "Bundle", type: "batch", entry: entries() },
    });
    expect(status).toBe(200);
    const refused = resource.entry?.map(({ response }) => response?.status.startsWith("403"));
    expect(refused).toEqual(of.map((needed) => [...needed].some((letter) => !letters.includes(letter))));
  });

  it("that is a transaction is refused for one entry, before anything is sent", async () => {
    const entry = [
      { resource: somebody(), request: { method: "POST", url: "Patient" } },
      { request: { method: "GET", url: "Patient?_id=nobody" } },
    ];
    const body = { resourceType: "Bundle", type: "transaction", entry };
    const before = twin.particle.patients().length;
    const refused = await client.failure("POST", "/", { body, headers: await withScope("system/Patient.c") });
    expect([refused.status, refused.resource.issue]).toMatchObject([
      403,
      [{ code: "forbidden", expression: ["Bundle.entry[1]"] }],
    ]);
    expect(twin.particle.patients()).toHaveLength(before);
    expect((await client.send("POST", "/", { body, headers: await withScope("system/Patient.cs") })).status).toBe(200);
  });

  it("is not let in without a token", async () => {
    expect((await client.failure("POST", "/", { body: {} })).status).toBe(401);
  });
});

describe("discovery", () => {
  it("is open at /metadata, which says how to sign in", async () => {
    const { status, resource } = await client.send<CapabilityStatement>("GET", "/metadata");
    expect(status).toBe(200);
    expect(resource).toEqual(capabilityStatement(twin.url, routes, issuer.tokenEndpoint));
    expect(resource.rest?.[0]?.security).toMatchObject({
      service: [{ coding: [{ code: "SMART-on-FHIR" }] }],
      extension: [{ extension: [{ url: "token", valueUri: issuer.tokenEndpoint }] }],
    });
    expect((await client.send("HEAD", "/metadata")).status).toBe(200);
  });

  it.each(["application/json", "application/fhir+json", "text/html", "*/*"])(
    "is open at smart-configuration, in JSON for whoever accepts %s",
    async (accept) => {
      const path = "/.well-known/smart-configuration";
      const { status, headers, resource } = await client.send("GET", path, { headers: { Accept: accept } });
      expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
      expect(resource).toMatchObject({
        issuer: issuer.url,
        token_endpoint: issuer.tokenEndpoint,
        grant_types_supported: ["client_credentials"],
        token_endpoint_auth_methods_supported: ["private_key_jwt"],
        capabilities: ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
      });
    },
  );

  it("names scopes that give what they say", async () => {
    const { resource } = await client.send<never>("GET", "/.well-known/smart-configuration");
    const { scopes_supported: scopes } = resource as { scopes_supported: string[] };
    const before = (await probe(await withScope(scopes.join(" ")))).status;
    expect(before).toBe(404);
    for (const scope of scopes) {
      const headers = await withScope(scope);
      const answers = await Promise.all(
        routes
          .filter(({ open, interaction }) => !open && interaction !== "transaction")
          .map((route) => send(route, headers)),
      );
      expect(
        answers.some(({ status }) => status !== 403),
        scope,
      ).toBe(true);
    }
  });

  it("is all that is open: other methods and paths take a token", async () => {
    const headers = await withScope("");
    for (const [method, path, status] of [
      ["PUT", "/metadata", 405],
      ["POST", "/.well-known/smart-configuration", 405],
      ["GET", "/.well-known/openid-configuration", 404],
      ["GET", "/.well-known", 404],
      ["GET", "/Observation", 404],
      ["DELETE", "/", 405],
    ] as const) {
      expect((await client.failure(method, path)).status, path).toBe(401);
      const known = await client.failure(method, path, { headers });
      expect(known.status, path).toBe(status);
      if (status === 405 && path !== "/") {
        expect(known.headers.get("allow")).toBe("GET, HEAD");
      }
    }
  });
});

describe("callers", () => {
  it("have Idempotency-Keys of their own, each client of the issuer", async () => {
    const patient = somebody();
    const key = { "Idempotency-Key": "one" };
    const first = await client.create(patient, { ...(await withScope("system/Patient.c", "a")), ...key });
    const again = await client.create(patient, { ...(await withScope("system/Patient.c", "a")), ...key });
    const other = await client.create(patient, { ...(await withScope("system/Patient.c", "b")), ...key });
    expect([first.status, again.status, other.status]).toEqual([201, 201, 201]);
    expect(idIn(again.headers)).toBe(idIn(first.headers));
    expect(idIn(other.headers)).not.toBe(idIn(first.headers));
  });

  it("are named in the audit, each by issuer and client", async () => {
    const written = await client.create(somebody(), await withScope("system/Patient.c", "audited-client"));
    const events = twin.logGroups.events().filter(({ message }) => message.includes(idIn(written.headers)));
    expect(events.length).toBeGreaterThan(0);
    for (const { message } of events) {
      expect(message).toContain(`${issuer.url} audited-client`);
    }
  });
});

describe("the issuer", () => {
  it("may change its keys: the new ones count at once, the old ones no more", async () => {
    await twin.kill("AuthorizeRequest");
    expect((await probe(await withScope(""))).status).toBe(404);
    const old = await withScope("");
    await issuer.rotateKeys();
    expect((await probe(await withScope(""))).status).toBe(404);
    await expectUnauthorized(old);
  });

  it("is not asked for its keys again with every made-up key", async () => {
    await twin.kill("AuthorizeRequest");
    await probe(await withScope(""));
    const before = issuer.keyReads();
    const { privateKey } = await generateKeyPair("ES384");
    for (const kid of ["a", "b", "c"]) {
      const token = await new SignJWT(claims()).setProtectedHeader({ alg: "ES384", kid }).sign(privateKey);
      expect((await probe(bearer(token))).status).toBe(401);
    }
    expect(issuer.keyReads() - before).toBe(1);
  });

  it("that does not answer makes a token unknown, not wrong: 503 and when to come back", async () => {
    const known = await withScope("");
    await probe(known);
    await twin.kill("AuthorizeRequest");
    issuer.setAvailable(false);
    try {
      const { status, headers, resource } = await probe(await withScope(""));
      expect([status, headers.get("retry-after"), codesOf(resource)]).toEqual([503, "5", ["transient"]]);
      // The gateway still knows the one that it has seen.
      expect((await probe(known)).status).toBe(404);
    } finally {
      issuer.setAvailable(true);
    }
    // Nobody asks it again for a while; another authorizer knows nothing of that.
    const before = issuer.keyReads();
    expect((await probe(await withScope(""))).status).toBe(503);
    expect(issuer.keyReads()).toBe(before);
    await twin.kill("AuthorizeRequest");
    expect((await probe(await withScope(""))).status).toBe(404);
  });
});

describe("the log", () => {
  it("says why a token was refused and holds nothing of it", async () => {
    const token = await issuer.token({ scope: "system/*.*", claims: { aud: "https://secret-audience.example" } });
    await probe(bearer(token));
    const text = twin
      .logs()
      .map((entry) => entry.text)
      .join("");
    expect(text).toContain('"refusal":"audience"');
    expect(text).not.toContain("secret-audience");
    expect(text).not.toContain(token.split(".")[2]);
  });
});

describe("the smoke test of the pipeline", () => {
  /** As the step of a stage does it, with what comes from the environment there. */
  const runStep = (
    scope: string,
  ): Promise<{ readonly failed: boolean; readonly stdout: string; readonly stderr: string }> => {
    const tokenCommand = `node -e '
      fetch("${issuer.tokenEndpoint}", {
        method: "POST",
        headers: { authorization: "Basic " + btoa(process.env.TOKEN_SECRET) },
        body: new URLSearchParams({ grant_type: "client_credentials", scope: "${scope}" }),
      }).then((answer) => answer.json()).then(({ access_token }) => console.log(access_token))'`;
    const adapter = {
      ...stages.beta.adapter,
      authorisation: { kind: "oidc", issuer: issuer.url, audiences: ["any"], tokenEndpoint: issuer.tokenEndpoint },
    } as const;
    const smokeTest = { secretName: "smoke-test-client", tokenCommand };
    const step = smokeTestStep("beta", { ...stages.beta, adapter, smokeTest }, "everything");
    const cwd = fileURLToPath(new URL("../..", import.meta.url));
    const env = { PATH: process.env["PATH"], API_URL: twin.url, TOKEN_SECRET: "id:secret" };
    return new Promise((resolve) => {
      execFile("sh", ["-ec", step!.commands.join("\n")], { cwd, env }, (error, stdout, stderr) =>
        resolve({ failed: error !== null, stdout, stderr }),
      );
    });
  };

  it("passes with a token that the stage's command gets from the issuer", async () => {
    const { failed, stdout, stderr } = await runStep("system/Patient.cruds");
    expect(stderr).not.toContain("Failed");
    expect(stdout).toContain("ok  knows that it was deleted");
    expect(failed).toBe(false);
  }, 60_000);

  it("fails with one that may only read, and shows it nowhere", async () => {
    const { failed, stdout, stderr } = await runStep("system/Patient.rs");
    expect(stderr).toContain("registers a patient: 403, not 201");
    expect(failed).toBe(true);
    expect(stdout + stderr).not.toMatch(/eyJ/);
  }, 60_000);
});
