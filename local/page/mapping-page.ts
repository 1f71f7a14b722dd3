import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { AdapterError } from "../../shared/failure/failure.ts";
import { renderFailure } from "../../shared/fhir/operation-outcome.ts";
import { primitiveRefusal } from "../../shared/fhir/primitive-formats.ts";
import { scanJson } from "../../shared/fhir/scan-json.ts";
import { preferencesOf } from "../../shared/http/negotiation.ts";
import { jsonBodyOf } from "../../shared/http/patient-body.ts";
import { EXAMPLE_PATIENTS } from "../example-patients.ts";
import type { PageRefusal, PageSetup } from "./page-view.ts";
import { viewOfPatient } from "./view-of-patient.ts";

export type MappingPage = {
  /** Such as `http://localhost:3002`. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
};

type Answer = { readonly status: number; readonly type: string; readonly body: string };

/** Well over what a Patient may have, so that a larger one is told so by the rule for Patients. */
const MOST_BYTES = 8_000_000;

const SECURITY_HEADERS = {
  "content-security-policy": [
    "default-src 'none'",
    ...["script-src", "style-src", "img-src", "connect-src"].map((kind) => `${kind} 'self'`),
    ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; "),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
} as const;

const fileNamed = (name: string): string => fileURLToPath(new URL(`browser/${name}`, import.meta.url));
const text = (name: string) => () => readFileSync(fileNamed(name), "utf8");

let script: string | undefined;

function pageScript(): string {
  script ??= buildSync({
    entryPoints: [fileNamed("main.ts")],
    bundle: true,
    format: "esm",
    target: "es2024",
    write: false,
    logLevel: "warning",
  }).outputFiles[0]?.text;
  return script ?? "";
}

const STYLE_SHEETS = ["colours.css", "page.css", "source.css", "target.css", "media.css"];

const FILES: ReadonlyMap<string, { readonly type: string; readonly read: () => string }> = new Map([
  ["/", { type: "text/html; charset=utf-8", read: text("index.html") }],
  ...STYLE_SHEETS.map((name) => [`/${name}`, { type: "text/css; charset=utf-8", read: text(name) }] as const),
  ["/icon.svg", { type: "image/svg+xml", read: text("icon.svg") }],
  ["/page.js", { type: "text/javascript; charset=utf-8", read: pageScript }],
  ["/setup", { type: "application/json", read: () => JSON.stringify(setup()) }],
]);

const utcToday = (): string => new Date().toISOString().slice(0, 10);
const setup = (): PageSetup => ({ examples: EXAMPLE_PATIENTS, today: utcToday() });

/**
 * Serves, on loopback only, a page that shows what becomes of a Patient: `POST /map` takes one as the FHIR API does (with
 * `Prefer: handling=lenient`, too) and answers a {@link PageView}; `?today=YYYY-MM-DD` plays another day. Nothing is
 * stored, sent on or logged.
 *
 * @param port 0 = any free one
 * @throws Error with code EADDRINUSE when the port is taken
 */
export async function startMappingPage(port: number): Promise<MappingPage> {
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      // Its message may quote what was being served.
      console.error(`The mapping page failed: ${error instanceof Error ? error.name : typeof error}`);
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1" }, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://localhost:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, type, body } = await answerTo(request);
  response.writeHead(status, { ...SECURITY_HEADERS, "content-type": type });
  response.end(body);
}

const json = (status: number, value: unknown): Answer => ({
  status,
  type: "application/json",
  body: JSON.stringify(value),
});
const refusal = (status: number, message: string): Answer => json(status, { faults: [message] } satisfies PageRefusal);

async function answerTo(request: IncomingMessage): Promise<Answer> {
  // Another name that resolves to this machine may be a stranger's page that wants to read from here.
  const names = ["localhost", "127.0.0.1"].map((name) => `${name}:${request.socket.localPort}`);
  if (!names.includes(request.headers.host ?? "")) {
    return refusal(421, "This page is served to its own machine only.");
  }
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  if (request.method === "POST" && pathname === "/map") {
    return map(await bodyOf(request), request, searchParams.get("today") ?? utcToday());
  }
  const file = FILES.get(pathname);
  if (file === undefined) {
    return refusal(404, "There is nothing at this path.");
  }
  return request.method === "GET" || request.method === "HEAD"
    ? { status: 200, type: file.type, body: file.read() }
    : refusal(405, "Only GET is answered here.");
}

/** What is too long is cut, and too long for a Patient all the same. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    if (length <= MOST_BYTES) {
      chunks.push(chunk);
    }
    length += chunk.length;
  }
  return Buffer.concat(chunks).toString("utf8");
}

function map(body: string, { headers }: IncomingMessage, today: string): Answer {
  if (today.length !== "YYYY-MM-DD".length || primitiveRefusal("date", today) !== undefined) {
    return refusal(400, "Today must be a date that exists, YYYY-MM-DD.");
  }
  try {
    const value = jsonBodyOf({ headers: { "content-type": headers["content-type"] }, body });
    return json(
      200,
      viewOfPatient(value, { today, handling: preferencesOf([headers["prefer"]].flat().join(",")).handling }),
    );
  } catch (error) {
    if (!(error instanceof AdapterError)) {
      throw error;
    }
    const { status, outcome } = renderFailure(error.failure);
    const offset = error.failure.kind === "invalid" ? scanJson(body).problem?.offset : undefined;
    return json(status, {
      faults: outcome.issue.map(({ diagnostics = "", expression: [path] = [] }) =>
        path === undefined ? diagnostics : `${path}: ${diagnostics}`,
      ),
      ...(offset !== undefined && { offset }),
    } satisfies PageRefusal);
  }
}
