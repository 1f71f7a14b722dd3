/** What a worker is started with. */
export type WorkerSettings = {
  readonly taskRoot: string;
  readonly handler: string;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMb: number;
};

/** To the worker: one invocation; the next follows only after its answer. */
export type InvocationMessage = {
  readonly requestId: string;
  /** JSON */
  readonly payload: string;
  /** Epoch milliseconds at which the function's time is over. */
  readonly deadline: number;
};

/** How an invocation ended, as Lambda's Invoke tells it: a payload in JSON, or a function error. */
export type InvocationResult =
  | { readonly ok: true; readonly payload: string }
  | { readonly ok: false; readonly errorType: string; readonly errorMessage: string };

export type LogStream = "stdout" | "stderr";

/** From the worker. */
export type WorkerMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly result: InvocationResult }
  | { readonly kind: "log"; readonly stream: LogStream; readonly text: string };
