import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTwin, type Twin } from "../../local/twin.ts";
import { ENV } from "../../shared/runtime/env-names.ts";
import { synthesisedApp } from "../support/synthesised-app.ts";

const patient = (mrn: string): Patient => ({
  resourceType: "Patient",
  identifier: [{ system: "https://hospital.example/fhir/sid/mrn", value: mrn }],
  name: [{ family: "Testingson", given: ["Henrick"] }],
  gender: "male",
  birthDate: "1957-03-23",
  address: [{ line: ["123 Mulberry Court"], city: "Roxbury", state: "MA", postalCode: "12345" }],
});
const post = (twin: Twin, mrn: string) =>
  fetch(`${twin.url}/Patient`, {
    method: "POST",
    headers: { "content-type": "application/fhir+json" },
    body: JSON.stringify(patient(mrn)),
  });

const secretValue = async (twin: Twin, variable: string): Promise<string | undefined> => {
  const arn = twin.deployment.functions
    .map(({ environment }) => environment[variable])
    .find((value) => value !== undefined);
  const client = new SecretsManagerClient({
    endpoint: twin.secrets.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
  client.destroy();
  return SecretString;
};

describe("the twin", () => {
  let outDir: string;
  let twin: Twin;

  beforeAll(async () => {
    outDir = await synthesisedApp();
    twin = await startTwin({ outDir });
  }, 120_000);
  afterAll(() => twin?.close());

  it("has run the schedules: the token secret holds what Particle handed out", async () => {
    expect(await secretValue(twin, ENV.tokenSecret)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(twin.particle.requests()).toMatchObject([{ method: "GET", path: "/auth" }]);
  });

  it("has generated the digest key as the template says", async () => {
    const key = JSON.parse((await secretValue(twin, ENV.digestKeySecret)) ?? "") as Record<string, string>;
    expect(key).toEqual({ current: "k1", k1: expect.stringMatching(/^[A-Za-z0-9]{64}$/) });
  });

  it("serves the deployed functions behind the routes of the template", async () => {
    const metadata = await fetch(`${twin.url}/metadata`);
    expect([metadata.status, metadata.headers.get("content-type")]).toEqual([
      200,
      expect.stringMatching(/^application\/fhir\+json/),
    ]);
    const nowhere = await fetch(`${twin.url}/nowhere`);
    expect([nowhere.status, ((await nowhere.json()) as { resourceType: string }).resourceType]).toEqual([
      404,
      "OperationOutcome",
    ]);
  });

  it("registers a patient with the simulator and reads it back under its own base", async () => {
    const created = await post(twin, "twin-1");
    expect(created.status).toBe(201);
    const location = created.headers.get("location") ?? "";
    expect(location.startsWith(`${twin.url}/Patient/`)).toBe(true);
    expect(twin.particle.patients()).toMatchObject([{ family_name: "Testingson", postal_code: "12345" }]);
    expect((await fetch(location)).status).toBe(200);
  });

  it("goes on after a function was killed", async () => {
    expect(await twin.kill("CreatePatient")).toBeGreaterThan(0);
    expect((await post(twin, "twin-2")).status).toBe(201);
  });

  it("invokes a function past the gateway", async () => {
    expect(await twin.invoke("RefreshToken", {})).toMatchObject({ ok: true });
  });

  it("keeps what it holds over a restart where it has a folder", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "twin-data-"));
    try {
      const first = await startTwin({ outDir, dataDir });
      const location = new URL((await post(first, "twin-3")).headers.get("location") ?? "").pathname;
      const key = await secretValue(first, ENV.digestKeySecret);
      await first.close();

      const second = await startTwin({ outDir, dataDir });
      expect((await fetch(second.url + location)).status).toBe(200);
      expect((await post(second, "twin-3")).status).toBe(200);
      expect(await secretValue(second, ENV.digestKeySecret)).toBe(key);
      await second.close();
    } finally {
      await rm(dataDir, { recursive: true });
    }
  });

  it("leaves nothing running when it cannot start", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "twin-data-"));
    try {
      await expect(startTwin({ outDir, dataDir, port: twin.gateway.port })).rejects.toMatchObject({
        code: "EADDRINUSE",
      });
      // The folder of the table is free again.
      const next = await startTwin({ outDir, dataDir });
      await next.close();
    } finally {
      await rm(dataDir, { recursive: true });
    }
  });
});

describe("npm start", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const running: ChildProcess[] = [];
  afterAll(() => {
    for (const child of running) {
      child.kill("SIGKILL");
    }
  });

  function start(...args: string[]) {
    const child = spawn(process.execPath, ["local/start.ts", ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.push(child);
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => {
      said.stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      said.stderr += chunk.toString();
    });
    return { child, said, ended: once(child, "close").then(([code]) => code as number) };
  }

  it("shows what becomes of an example patient, serves until it is told to stop, and leaves nothing behind", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "twin-data-"));
    const before = await readdir(tmpdir());
    const { child, said, ended } = start("--port", "0", "--particle-port", "0", "--page-port", "0", "--data", dataDir);
    await Promise.race([
      ended,
      new Promise<void>((resolve) => child.stdout?.on("data", () => said.stdout.includes("\nready ") && resolve())),
    ]);
    const url = /^ready (http:\/\/localhost:\d+)\n$/m.exec(said.stdout)?.[1];
    expect(url, said.stdout + said.stderr).toBeDefined();
    expect(said.stdout).toMatch(/→ 201 Created/);
    expect(said.stdout).toContain(`Location: ${url}/Patient/`);
    expect(said.stdout).toMatch(/"family_name": "Testingson"/);
    expect(said.stdout).toMatch(/"state": "registered"/);
    expect((await fetch(`${url}/metadata`)).status).toBe(200);
    const page = /^Mapping page +(http:\/\/localhost:\d+) /m.exec(said.stdout)?.[1];
    expect(await (await fetch(`${page}/`)).text()).toContain("What becomes of a Patient");

    child.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(said.stderr).toBe("");
    const left = (await readdir(tmpdir())).filter(
      (name) => !before.includes(name) && name.startsWith("fhir-particle-adapter-"),
    );
    expect(left.filter((name) => !name.startsWith("fhir-particle-adapter-test-"))).toEqual([]);
    await rm(dataDir, { recursive: true });
  }, 90_000);

  it("says which port is taken", async () => {
    const server = createServer().listen({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const { said, ended } = start("--port", String(port));
    expect(await ended).toBe(1);
    expect(said).toEqual({
      stdout: "",
      stderr: `Port ${port} is in use. Choose another with --port, --particle-port, --page-port or --issuer-port.\n`,
    });
    server.close();
  });

  it.each([
    [["--prot", "1"], /--prot.*\nUsage: npm start/s],
    [["--port", "x"], /^--port must be a number from 0 to 65535\.\n$/],
  ])("refuses %j and says why", async (args, message) => {
    const { said, ended } = start(...args);
    expect(await ended).toBe(1);
    expect(said.stderr).toMatch(message);
  });
});
