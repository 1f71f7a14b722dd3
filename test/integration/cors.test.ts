import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks } from "cdk-nag";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import cdkJson from "../../cdk.json" with { type: "json" };
import { AdapterStage } from "../../infra/adapter-stage.ts";
import { stages } from "../../infra/config.ts";
import { startTwin, type Twin } from "../../local/twin.ts";
import { startAdapter } from "../support/fhir-over-http.ts";

const APP = "https://app.example.org";

/** The app with pages allowed, checked by the same nag rules as it is without. */
async function synthesised(allowedOrigins: readonly string[]): Promise<string> {
  const outdir = await mkdtemp(join(tmpdir(), "cors-"));
  const context = { ...cdkJson.context, "aws:cdk:enable-path-metadata": true };
  const app = new App({ outdir, context, analyticsReporting: false, builtinCloudFormationValidation: false });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app), new ServerlessChecks(app));
  new AdapterStage(app, "beta", { ...stages.beta, adapter: { ...stages.beta.adapter, cors: { allowedOrigins } } });
  app.synth();
  return outdir;
}

let outDir: string;
let twin: Twin;
let closed: Twin;

beforeAll(async () => {
  outDir = await synthesised([APP]);
  twin = await startTwin({ outDir });
  closed = await startAdapter();
}, 180_000);
afterAll(async () => {
  await twin?.close();
  await closed?.close();
  await rm(outDir, { recursive: true, force: true });
});

/** As a browser asks: it signs nothing. */
const preflight = (base: string, path: string, origin = APP): Promise<Response> =>
  fetch(base + path, {
    method: "OPTIONS",
    headers: { Origin: origin, "Access-Control-Request-Method": "PUT", "x-local-caller": "anonymous" },
  });

const allowedOrigin = ({ headers }: Response): string | null => headers.get("access-control-allow-origin");

describe("a deployment that lets pages call", () => {
  it.each([
    ["/Patient", "POST, GET, HEAD, PUT, DELETE, OPTIONS"],
    ["/Patient/x", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
    ["/metadata", "GET, HEAD, OPTIONS"],
  ])("answers the preflight of %s, unsigned, with its methods", async (path, methods) => {
    const answer = await preflight(twin.url, path);
    expect([answer.status, await answer.text(), allowedOrigin(answer)]).toEqual([204, "", APP]);
    expect(answer.headers.get("access-control-allow-methods")).toBe(methods);
    expect(answer.headers.get("access-control-allow-headers")).toContain("If-None-Exist");
    expect(answer.headers.get("vary")).toBe("Origin");
  });

  it("lets its pages read answers, failures, and what the gateway itself says", async () => {
    const get = (path: string, headers = {}) => fetch(twin.url + path, { headers: { Origin: APP, ...headers } });
    const answers = [await get("/metadata"), await get("/Patient/nobody"), await get("/Observation")];
    const unsigned = await get("/Patient", { "x-local-caller": "anonymous" });
    expect([...answers, unsigned].map(({ status }) => status)).toEqual([200, 404, 404, 401]);
    expect([...answers, unsigned].map(allowedOrigin)).toEqual([APP, APP, APP, APP]);
    expect(answers[0]?.headers.get("access-control-expose-headers")).toContain("ETag");
  });

  it("lets no other page read", async () => {
    const other = await preflight(twin.url, "/Patient", "https://evil.example");
    const read = await fetch(`${twin.url}/metadata`, { headers: { Origin: "https://evil.example" } });
    expect([allowedOrigin(other), allowedOrigin(read), read.headers.get("vary")]).toEqual([null, null, "Origin"]);
  });

  it("opens nothing but the preflight", async () => {
    const unsigned = await fetch(`${twin.url}/Patient/x`, { headers: { Origin: APP, "x-local-caller": "anonymous" } });
    expect(unsigned.status).toBe(401);
  });

  it("says so with 405, too", async () => {
    const answer = await fetch(`${twin.url}/metadata`, { method: "DELETE" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });
});

describe("a deployment as it comes", () => {
  it("knows no OPTIONS and no origins", async () => {
    const unsigned = await preflight(closed.url, "/Patient");
    const signed = await fetch(`${closed.url}/Patient`, { method: "OPTIONS", headers: { Origin: APP } });
    expect([unsigned.status, signed.status]).toEqual([401, 405]);
    expect([allowedOrigin(unsigned), allowedOrigin(signed), signed.headers.get("vary")]).toEqual([null, null, null]);
  });
});

describe("the setting", () => {
  it.each(["https://app.example.org/path", "app.example.org", "", "https://a.example https://b.example"])(
    "does not take %o for an origin",
    async (origin) => {
      await expect(synthesised([origin])).rejects.toThrow(/origins/);
    },
  );

  it("needs an origin", async () => {
    await expect(synthesised([])).rejects.toThrow(/origins/);
  });
});
