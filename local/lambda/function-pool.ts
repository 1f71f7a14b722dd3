import { randomUUID } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { FunctionDefinition } from "../template/deployment.ts";
import { createFifo } from "./fifo.ts";
import type { InvocationMessage, InvocationResult, LogStream, WorkerMessage, WorkerSettings } from "./protocol.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib */
const INIT_LIMIT_MS = 10_000;

/** https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: request and response of one invocation. */
export const PAYLOAD_LIMIT_BYTES = 6 * 1024 * 1024;

export type FunctionPool = {
  /**
   * Runs the function on an event; waits for its turn when every worker is busy. Never rejects.
   *
   * @param payload JSON
   * @param signal takes an invocation that still waits out of the queue; one that runs goes on, as in Lambda.
   */
  invoke(payload: string, signal?: AbortSignal): Promise<InvocationResult>;
  /** Ends every running worker at once, in the middle of whatever it does; answers how many there were. */
  kill(): Promise<number>;
  /** Ends every worker; what waits is answered with a function error. */
  close(): Promise<void>;
};

type Invocation = {
  readonly payload: string;
  readonly settle: (result: InvocationResult) => void;
  readonly signal: AbortSignal | undefined;
};

type Instance = {
  readonly worker: Worker;
  ready: boolean;
  invocation: Invocation | undefined;
  timer: NodeJS.Timeout | undefined;
  /** Why the worker is being ended. */
  failure: InvocationResult | undefined;
};

type PoolOptions = {
  readonly environment: Readonly<Record<string, string>>;
  /** The most workers that run at the same time. */
  readonly concurrency: number;
  readonly log: (stream: LogStream, text: string) => void;
};

/**
 * A Lambda function in worker threads of its own: each loads the bundle once and runs one invocation at a time. The pool
 * grows when invocations wait; a worker whose time is over, that dies or is killed is replaced on the next invocation.
 */
export function createFunctionPool(definition: FunctionDefinition, options: PoolOptions): FunctionPool {
  const instances = new Set<Instance>();
  const idle: Instance[] = [];
  const waiting = createFifo<Invocation>();
  let closed = false;

  const settings: WorkerSettings = {
    taskRoot: definition.taskRoot,
    handler: definition.handler,
    functionName: definition.name,
    functionArn: definition.arn,
    memoryMb: definition.memoryMb,
  };

  function start(): Instance {
    const worker = new Worker(new URL("function-worker.ts", import.meta.url), {
      name: definition.name,
      workerData: settings,
      env: { ...options.environment },
      // The flags of this process (a test runner's loader, say) are none of the function's.
      execArgv: [],
      stdout: true,
      stderr: true,
    });
    const instance: Instance = { worker, ready: false, invocation: undefined, timer: undefined, failure: undefined };
    instances.add(instance);
    endAfter(instance, INIT_LIMIT_MS + definition.timeoutMs);
    for (const stream of ["stdout", "stderr"] as const) {
      worker[stream].on("data", (chunk: Buffer) => options.log(stream, chunk.toString("utf8")));
    }
    worker.on("message", (message: WorkerMessage) => {
      if (message.kind === "log") {
        options.log(message.stream, message.text);
      } else if (instance.failure === undefined) {
        instance.ready = true;
        if (message.kind === "ready") {
          dispatch(instance);
        } else {
          release(instance, message.result);
        }
      }
    });
    worker.on("error", (error: unknown) => {
      instance.failure ??=
        error instanceof Error
          ? { ok: false, errorType: error.name, errorMessage: error.message }
          : { ok: false, errorType: "Runtime.Unknown", errorMessage: String(error) };
      options.log("stderr", `${error instanceof Error ? error.stack : String(error)}\n`);
    });
    worker.on("exit", () => {
      clearTimeout(instance.timer);
      instances.delete(instance);
      const position = idle.indexOf(instance);
      if (position !== -1) {
        idle.splice(position, 1);
      }
      instance.invocation?.settle(
        instance.failure ?? {
          ok: false,
          errorType: "Runtime.ExitError",
          errorMessage: "The function ended its process.",
        },
      );
      assign();
    });
    return instance;
  }

  function end(instance: Instance, errorType: string, errorMessage: string): Promise<number> {
    instance.failure ??= { ok: false, errorType, errorMessage };
    return instance.worker.terminate();
  }

  function endAfter(instance: Instance, milliseconds: number): void {
    clearTimeout(instance.timer);
    instance.timer = setTimeout(() => {
      const seconds = (definition.timeoutMs / 1000).toFixed(2);
      void end(instance, "Sandbox.Timedout", `Task timed out after ${seconds} seconds`);
    }, milliseconds);
  }

  function dispatch(instance: Instance): void {
    if (instance.invocation === undefined) {
      clearTimeout(instance.timer);
      return;
    }
    const message: InvocationMessage = {
      requestId: randomUUID(),
      payload: instance.invocation.payload,
      deadline: Date.now() + definition.timeoutMs,
    };
    endAfter(instance, definition.timeoutMs);
    instance.worker.postMessage(message);
  }

  function release(instance: Instance, result: InvocationResult): void {
    clearTimeout(instance.timer);
    const tooLarge = result.ok && Buffer.byteLength(result.payload) > PAYLOAD_LIMIT_BYTES;
    instance.invocation?.settle(
      tooLarge
        ? { ok: false, errorType: "Function.ResponseSizeTooLarge", errorMessage: "The answer is over 6 MB." }
        : result,
    );
    instance.invocation = undefined;
    idle.push(instance);
    assign();
  }

  /** Hands waiting invocations to idle workers, and to new ones while there may be more. */
  function assign(): void {
    while (!waiting.isEmpty() && !closed && (idle.length > 0 || instances.size < options.concurrency)) {
      const invocation = waiting.shift();
      if (invocation === undefined || invocation.signal?.aborted === true) {
        continue;
      }
      const instance = idle.pop() ?? start();
      instance.invocation = invocation;
      if (instance.ready) {
        dispatch(instance);
      }
    }
  }

  return {
    invoke: (payload, signal) =>
      new Promise((settle) => {
        if (closed) {
          settle({ ok: false, errorType: "ServiceException", errorMessage: "The local twin is closed." });
          return;
        }
        waiting.push({ payload, settle, signal });
        assign();
      }),
    async kill() {
      const running = [...instances];
      await Promise.all(running.map((instance) => end(instance, "Runtime.ExitError", "The function was killed.")));
      return running.length;
    },
    async close() {
      closed = true;
      for (let invocation = waiting.shift(); invocation !== undefined; invocation = waiting.shift()) {
        invocation.settle({ ok: false, errorType: "ServiceException", errorMessage: "The local twin is closed." });
      }
      await Promise.all(
        [...instances].map((instance) => end(instance, "ServiceException", "The local twin is closed.")),
      );
    },
  };
}
