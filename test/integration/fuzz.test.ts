import { Agent, request as httpRequest } from "node:http";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { fhirClient, startAdapter } from "../support/fhir-over-http.ts";
import { type FuzzRequest, fuzzRequests, KNOWN_IDS } from "../support/fuzz-requests.ts";
import { henrick, MRN } from "../support/registration-harness.ts";

/** How many requests; 20,000 take some minutes. The seed makes them the same ones again. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 500);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_122);
const AT_ONCE = 8;

/** Requests that come far are answered in all of these ways; the rare ones come by chance where there are few requests. */
const RARE = [412, 422];
const EXPECTED = [200, 201, 204, 400, 401, 404, 405, 406, 409, 410, 415, ...(RUNS < 5000 ? [] : RARE)];

let twin: Twin;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

beforeAll(async () => {
  twin = await startAdapter({ functionConcurrency: 2 });
  const client = fhirClient(twin.url);
  for (const [number, id] of KNOWN_IDS.entries()) {
    await client.update(henrick({ id, identifier: [{ system: MRN.system, value: `K-${number}` }] }));
  }
  await client.remove("deleted-1");
}, 120_000);
afterAll(async () => {
  agent.destroy();
  await twin?.close();
});

type Answer = { readonly status: number; readonly type: string; readonly allow: unknown; readonly text: string };

/** As it is written: `fetch` would repair most of it. */
const send = ({ method, target, headers, body }: FuzzRequest): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        agent,
        host: "127.0.0.1",
        port: twin.gateway.port,
        path: target,
        method,
        timeout: 30_000,
        headers: ["Host", "h", "Content-Length", String(Buffer.byteLength(body)), ...headers.flat()],
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            type: incoming.headers["content-type"] ?? "",
            allow: incoming.headers.allow,
            text: Buffer.concat(chunks).toString(),
          }),
        );
        incoming.on("error", reject);
      },
    );
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error("time-out")));
    outgoing.end(body);
  });

/** What is wrong with an answer; undefined for FHIR. */
function complaint({ method }: FuzzRequest, { status, type, allow, text }: Answer): string | undefined {
  if (status >= 500) {
    return "a failure of the server";
  }
  if (status === 405 && typeof allow !== "string") {
    return "405 without Allow";
  }
  const mayBeEmpty = method === "HEAD" || status === 204 || status === 304 || (status < 300 && method !== "GET");
  if (text === "") {
    return mayBeEmpty ? undefined : "no body";
  }
  if (!/^(application\/fhir\+json|application\/json|text\/json)(;|$)/.test(type)) {
    return "another media type";
  }
  const { resourceType, issue } = JSON.parse(text) as { resourceType?: string; issue?: readonly unknown[] };
  if (status >= 400) {
    return resourceType === "OperationOutcome" && (issue?.length ?? 0) > 0 ? undefined : "no OperationOutcome";
  }
  return ["Patient", "Bundle", "OperationOutcome", "CapabilityStatement", "Parameters"].includes(resourceType ?? "")
    ? undefined
    : "another resource";
}

const complaintOf = (request: FuzzRequest, statuses: Map<number, number>): Promise<string | undefined> =>
  send(request).then(
    (answer) => {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      try {
        const found = complaint(request, answer);
        return found && `${found}: ${answer.status} ${answer.text.slice(0, 300)}`;
      } catch {
        return `no JSON: ${answer.status} ${answer.text.slice(0, 300)}`;
      }
    },
    (error: unknown) => `no answer: ${String(error)}`,
  );

describe("whatever is asked", () => {
  it(`is answered as FHIR and never with a failure: ${RUNS} requests`, async () => {
    const requests = fc.sample(fuzzRequests, { numRuns: RUNS, seed: SEED });
    const complaints: unknown[] = [];
    const statuses = new Map<number, number>();
    const rest = requests.values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const request of rest) {
          const found = await complaintOf(request, statuses);
          if (found !== undefined) complaints.push({ found, request });
        }
      }),
    );
    expect(complaints.slice(0, 10)).toEqual([]);
    expect([...statuses.keys()]).toEqual(expect.arrayContaining(EXPECTED));
    expect(twin.logs().filter(({ text }) => text.includes('"bug"'))).toEqual([]);
  }, 1_200_000);
});
