import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { Patient } from "fhir/r4";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { type SmokeTest, smokeTest } from "../smoke/smoke-test.ts";
import { type Altered, alteredAnswers, type SeenRequest, type SentAnswer } from "../support/altered-answers.ts";
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
  expect(stdout.trim().split("\n")).toHaveLength(12);
  const writes = twin.particle.requests().filter(({ method }) => method === "POST" || method === "DELETE");
  expect(writes.map(({ method }) => method)).toEqual(["POST", "DELETE"]);
  expect(twin.particle.patients()).toEqual([]);
}, 60_000);

it("registers nobody where it is told not to, but asks Particle", async () => {
  const before = twin.particle.requests().length;
  const { code, stdout } = await run("--url", `${twin.url}/`, "--twin", "--read-only");
  expect(code).toBe(0);
  expect(stdout).not.toContain("registers");
  const asked = twin.particle.requests().slice(before);
  expect(asked.map(({ method }) => method)).toEqual(["GET"]);
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

describe("on a server", () => {
  let server: Altered | undefined;
  afterEach(() => server?.close());

  const isRead = ({ method, path }: SeenRequest) => method === "GET" && /^\/Patient\/[^/?]+$/.test(path);
  const isPost = ({ method }: SeenRequest) => method === "POST";
  const isDelete = ({ method }: SeenRequest) => method === "DELETE";

  type Alter = Parameters<typeof alteredAnswers>[1];
  type Refuse = Parameters<typeof alteredAnswers>[2];

  /** Tries a server that is the twin but for this. @returns what the smoke test said; undefined where it passed */
  async function tried(alter: Alter, refuse?: Refuse, changes: Partial<SmokeTest> = {}): Promise<unknown> {
    server = await alteredAnswers(twin.url, alter, refuse);
    try {
      await smokeTest({
        base: server.url,
        sign: async ({ headers }) => ({ ...headers }),
        unsigned: { "x-local-caller": "anonymous" },
        readOnly: false,
        patientIdSystem: undefined,
        passed: () => {},
        ...changes,
      });
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Of a Patient that is read; other answers stay as they are. */
  const readsAs =
    (changes: Partial<Patient>): Alter =>
    (request, answer) => {
      if (isRead(request) && answer.status === 200) {
        answer.body = JSON.stringify({ ...JSON.parse(answer.body), ...changes });
      }
    };
  const unavailable = (retryAfter = "0"): SentAnswer => ({
    status: 503,
    headers: new Headers({ "retry-after": retryAfter }),
    body: "Down",
  });

  it("that is whole it passes", async () => {
    expect(await tried(() => {})).toBeUndefined();
  });

  it.each<[string, RegExp, Alter]>([
    [
      "answers everything as text",
      /Content-Type is text\/plain/,
      (_, { headers }) => headers.set("content-type", "text/plain"),
    ],
    [
      "answers errors as the gateway does by itself",
      /refuses who is not signed in.*application\/json/,
      (_, answer) => {
        if (answer.status >= 400) {
          answer.headers.set("content-type", "application/json");
        }
      },
    ],
    ["gives no versions", /no ETag/, (_, { headers }) => headers.delete("etag")],
    ["gives versions that are none", /no ETag/, (_, { headers }) => headers.set("etag", "1")],
    ["reads somebody else", /reads it.*no id, or another one/, readsAs({ id: "somebody-else" })],
    ["reads no identifiers", /reads it.*lacks the identifier/, readsAs({ identifier: [] })],
    ["reads another birth date", /reads it.*birth date/, readsAs({ birthDate: "1957-03-24" })],
    [
      "makes a version of nothing",
      /without a change.*made a version/,
      ({ method }, { headers }) => {
        if (method === "PUT") {
          headers.set("etag", 'W/"2"');
        }
      },
    ],
    [
      "answers a registration with 200",
      /registers a patient: 200, not 201/,
      (request, answer) => {
        if (isPost(request)) {
          answer.status = 200;
        }
      },
    ],
    [
      "answers a registration with what is not JSON",
      /registers a patient.*no resource in JSON/,
      (request, answer) => {
        if (isPost(request)) {
          answer.body = "<html>";
        }
      },
    ],
    [
      "answers a registration with nothing",
      /registers a patient.*no resource in JSON/,
      (request, answer) => {
        if (isPost(request)) {
          answer.body = "";
        }
      },
    ],
    [
      "fails after a registration",
      /registers a patient: 500, not 201/,
      (request, answer) => {
        if (isPost(request)) {
          answer.status = 500;
        }
      },
    ],
    [
      "has no time for the answer to a registration",
      /registers a patient: 504, not 201/,
      (request, answer) => {
        if (isPost(request)) {
          answer.status = 504;
          answer.body = "";
        }
      },
    ],
    ["hangs up after a registration", /fetch failed/, (request) => (isPost(request) ? "hang up" : undefined)],
  ])("that %s it fails, and leaves nobody at Particle", async (_, message, alter) => {
    const error = await tried(alter);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(message);
    expect(twin.particle.patients()).toEqual([]);
  });

  it("that does not reach Particle it fails, even read-only", async () => {
    const error = await tried(
      () => {},
      ({ path }) => (path.startsWith("/Patient?_count") ? unavailable() : undefined),
      { readOnly: true },
    );
    expect(error).toMatchObject({ message: expect.stringMatching(/reaches Particle: 503, not 200/) });
  });

  it.each([409, 503])("that answers %d to the deletion once it asks again", async (status) => {
    let refused = 0;
    const error = await tried(
      () => {},
      (request) => {
        if (!isDelete(request) || refused > 0) {
          return undefined;
        }
        refused += 1;
        return { ...unavailable(), status };
      },
    );
    expect([error, refused]).toEqual([undefined, 1]);
    expect(twin.particle.patients()).toEqual([]);
  });

  it("that only says that it deleted it fails", async () => {
    const error = await tried(
      () => {},
      (request) => (isDelete(request) ? { status: 204, headers: new Headers(), body: "" } : undefined),
    );
    expect(error).toMatchObject({ message: expect.stringMatching(/finds it no more.*still there/) });
    await removeEverybody();
  });

  it("that can neither read nor delete it says both, what came first first", async () => {
    const error = await tried(
      readsAs({ birthDate: "1957-03-24" }),
      (request) => (isDelete(request) ? unavailable("30") : undefined),
      { patienceMs: 1_000 },
    );
    expect(error).toBeInstanceOf(AggregateError);
    expect((error as AggregateError).errors.map(String)).toEqual([
      expect.stringMatching(/reads it/),
      expect.stringMatching(/deletes it: 503, not 204/),
    ]);
    expect((error as Error).message).toMatch(/reads it.*\n.*deletes it/);
    await removeEverybody();
  });

  it("that takes the patient_id from an identifier it gives one, another in each run", async () => {
    const system = "https://hospital.example/mpi";
    const values = new Set<string | undefined>();
    const collect: Alter = (request) => {
      if (isPost(request)) {
        const { identifier }: Patient = JSON.parse(request.body);
        values.add(identifier?.find((each) => each.system === system)?.value);
      }
    };
    for (const _ of [1, 2]) {
      expect(await tried(collect, undefined, { patientIdSystem: system })).toBeUndefined();
      await server?.close();
    }
    expect(values.size).toBe(2);
    expect(values).not.toContain(undefined);
  });

  async function removeEverybody(): Promise<void> {
    const { entry = [] } = (await (await fetch(`${twin.url}/Patient`)).json()) as { entry?: { resource: Patient }[] };
    for (const { resource } of entry) {
      await fetch(`${twin.url}/Patient/${resource.id}`, { method: "DELETE" });
    }
    expect(twin.particle.patients()).toEqual([]);
  }
});
