import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { startAdapter } from "../support/fhir-over-http.ts";

const cwd = fileURLToPath(new URL("../..", import.meta.url));
const env = {
  PATH: process.env["PATH"],
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "synthetic",
  AWS_REGION: "us-east-1",
};

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

const run = (...args: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["test/smoke/run.ts", ...args], { cwd, env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });

let twin: Twin;
beforeAll(async () => {
  twin = await startAdapter();
}, 180_000);
afterAll(() => twin?.close());

it("passes on what the app declares, and leaves no patient at Particle", async () => {
  const { code, stdout, stderr } = await run("--url", twin.url, "--twin");
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout.trim().split("\n")).toHaveLength(10);
  const writes = twin.particle.requests().filter(({ method }) => method === "POST" || method === "DELETE");
  expect(writes.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  expect(twin.particle.patients()).toEqual([]);
}, 60_000);

it("registers nobody where it is told not to", async () => {
  const { code, stdout } = await run("--url", `${twin.url}/`, "--twin", "--read-only");
  expect(code).toBe(0);
  expect(stdout).not.toContain("registers");
}, 60_000);

it("fails on an API that lets anybody in", async () => {
  // The twin takes a request without its header for a signed one.
  const { code, stderr } = await run("--url", twin.url);
  expect(stderr).toContain("refuses who is not signed in");
  expect(code).toBe(1);
}, 60_000);

it("signs for execute-api, and fails with what the server said", async () => {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    response.writeHead(403).end(JSON.stringify({ resourceType: "OperationOutcome", issue: [{ diagnostics: "No." }] }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { code, stderr } = await run("--url", `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`);
  server.close();
  expect(code).toBe(1);
  expect(stderr).toContain("403, not 200 as it should be. No.");
  expect(seen[0]?.authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/execute-api\/aws4_request, SignedHeaders=[\w;-]*host;/,
  );
}, 60_000);

it("says how it is used", async () => {
  const { code, stderr } = await run();
  expect(code).toBe(2);
  expect(stderr).toContain("--url URL");
}, 60_000);
