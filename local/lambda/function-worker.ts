// Runs in a worker thread of its own: what the managed Node.js runtime does around a handler.
import { existsSync } from "node:fs";
import { createRequire, enableCompileCache } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { Context } from "aws-lambda";
import type { InvocationMessage, InvocationResult, LogStream, WorkerMessage, WorkerSettings } from "./protocol.ts";

// A sixth of the time until a fresh worker has answered: the bundles are the same from worker to worker.
enableCompileCache();

type LambdaHandler = (event: unknown, context: Context) => unknown;

const settings: WorkerSettings = workerData;

function send(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

// Output takes the way of the answers, so that whoever has an answer has all that was logged before it.
for (const stream of ["stdout", "stderr"] as const satisfies readonly LogStream[]) {
  process[stream].write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    send({ kind: "log", stream, text: typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8") });
    const done = rest.at(-1);
    if (typeof done === "function") {
      queueMicrotask(() => done());
    }
    return true;
  };
}

async function loadModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  const file = [".js", ".mjs", ".cjs"].map((ending) => path + ending).find(existsSync);
  if (file === undefined) {
    throw new Error(`There is no module ${path}.`);
  }
  return file.endsWith(".mjs") ? import(pathToFileURL(file).href) : createRequire(file)(file);
}

async function loadHandler(): Promise<LambdaHandler> {
  const dot = settings.handler.lastIndexOf(".");
  const exported = (await loadModule(join(settings.taskRoot, settings.handler.slice(0, dot))))[
    settings.handler.slice(dot + 1)
  ];
  if (typeof exported !== "function") {
    throw new Error(`${settings.handler} is not exported.`);
  }
  return (event, context) => exported(event, context);
}

function contextOf({ requestId, deadline }: InvocationMessage): Context {
  const gone = () => {
    throw new Error("Callback-based handlers do not run on Node.js 24.");
  };
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: settings.functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: settings.functionArn,
    memoryLimitInMB: String(settings.memoryMb),
    awsRequestId: requestId,
    logGroupName: process.env["AWS_LAMBDA_LOG_GROUP_NAME"] ?? "",
    logStreamName: process.env["AWS_LAMBDA_LOG_STREAM_NAME"] ?? "",
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done: gone,
    fail: gone,
    succeed: gone,
  };
}

async function run(handler: LambdaHandler, message: InvocationMessage): Promise<InvocationResult> {
  try {
    const answer = await handler(JSON.parse(message.payload), contextOf(message));
    return { ok: true, payload: JSON.stringify(answer) ?? "null" };
  } catch (error) {
    return error instanceof Error
      ? { ok: false, errorType: error.name, errorMessage: error.message }
      : { ok: false, errorType: typeof error, errorMessage: String(error) };
  }
}

const handler = await loadHandler();
parentPort?.on("message", async (message: InvocationMessage) => {
  send({ kind: "result", result: await run(handler, message) });
});
send({ kind: "ready" });
