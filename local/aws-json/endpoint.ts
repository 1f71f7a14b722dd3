import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type JsonObject = { [name: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type AwsErrorOptions = {
  /** HTTP status; 400 unless told otherwise, as both services answer nearly everything. */
  readonly status?: number;
  /** Further members of the body, such as `CancellationReasons`. */
  readonly members?: JsonObject;
};

/**
 * An error as the SDKs of AWS understand it: the body becomes `{"__type": type, "message": …, …members}`.
 * The message never holds a value of the request.
 */
export class AwsError extends Error {
  override readonly name = "AwsError";
  /** Such as `ResourceNotFoundException`, with or without a namespace before `#`. */
  readonly type: string;
  readonly status: number;
  readonly members: JsonObject;

  constructor(type: string, message: string, options: AwsErrorOptions = {}) {
    super(message);
    this.type = type;
    this.status = options.status ?? 400;
    this.members = options.members ?? {};
  }

  /** The bare name of the exception, as the SDKs show it. */
  get code(): string {
    return this.type.slice(this.type.indexOf("#") + 1);
  }
}

/** Thrown to reset the connection instead of answering, as a network does that loses the reply. */
export class ConnectionReset extends Error {
  override readonly name = "ConnectionReset";
}

/** One call as it arrives. */
export type AwsCall = {
  /** Access key id of the signature: on the twin, the name of the function. */
  readonly caller: string;
  /** What stands before the dot in `X-Amz-Target`. */
  readonly target: string;
  readonly operation: string;
  readonly input: JsonObject;
};

export type AwsJsonEndpointOptions = {
  /** 0 = any free port. */
  readonly port: number;
  /** The AWS JSON protocol of the service, https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html */
  readonly protocol: "1.0" | "1.1";
  /** What stands before the dot in `X-Amz-Target`. */
  readonly target: string;
  /** Answers one operation; throws {@link AwsError} or {@link ConnectionReset}. */
  readonly serve: (operation: string, input: JsonObject) => Promise<JsonObject>;
  /** Told of every call, before it is served. */
  readonly onCall?: ((call: AwsCall) => void) | undefined;
  /** What the endpoint answers beside the service, by method and path: `"PUT /_dynamodb"`. */
  readonly controls: Readonly<Record<string, (body: unknown) => unknown>>;
};

export type AwsJsonEndpoint = {
  readonly url: string;
  readonly port: number;
  /** Cuts every connection and resolves when what was being served has ended. */
  close(): Promise<void>;
};

/** DynamoDB refuses requests over 16 MB; nothing of Secrets Manager comes near it. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Enough for a thousand clients that connect at once; Node's own 511 makes some of them wait a second for a retry. */
const BACKLOG = 4096;

/** Serves one AWS service on loopback over HTTP. Signatures must be there, as the service asks, but are not verified. */
export async function startAwsJsonEndpoint(options: AwsJsonEndpointOptions): Promise<AwsJsonEndpoint> {
  const inFlight = new Set<Promise<void>>();
  // No keep-alive time-out: a server that closes an idle socket just as a client reuses it is a reset nobody asked for.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const exchange = answer(options, request, response).finally(() => inFlight.delete(exchange));
    inFlight.add(exchange);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: options.port, host: "127.0.0.1", backlog: BACKLOG }, resolve);
  });
  const { port } = server.address() as AddressInfo;

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
    await Promise.allSettled(inFlight);
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close() {
      closing ??= close();
      return closing;
    },
  };
}

async function answer(options: AwsJsonEndpointOptions, request: IncomingMessage, response: ServerResponse) {
  const contentType = `application/x-amz-json-${options.protocol}`;
  const send = (status: number, body: unknown) => {
    const bytes = Buffer.from(JSON.stringify(body));
    response.writeHead(status, {
      "Content-Type": contentType,
      "Content-Length": bytes.length,
      "x-amzn-RequestId": randomUUID(),
    });
    response.end(bytes);
  };
  try {
    const text = await readBody(request);
    const control = options.controls[`${request.method} ${request.url}`];
    if (control !== undefined) {
      send(200, (await control(text === "" ? undefined : parseJson(text))) ?? {});
      return;
    }
    const operation = operationOf(request, options.target);
    const input = parseJson(text);
    if (!isJsonObject(input)) {
      throw new AwsError("SerializationException", "The body is not a JSON object.");
    }
    options.onCall?.({ caller: callerOf(request), target: options.target, operation, input });
    send(200, await options.serve(operation, input));
  } catch (error) {
    if (error instanceof ConnectionReset) {
      request.socket.resetAndDestroy();
    } else if (error instanceof AwsError) {
      send(error.status, { __type: error.type, message: error.message, ...error.members });
    } else {
      send(500, { __type: "InternalServerError", message: `The endpoint failed: ${nameOf(error)}` });
    }
  }
}

function operationOf(request: IncomingMessage, target: string): string {
  const [service, operation] = String(request.headers["x-amz-target"] ?? "").split(".");
  if (request.method !== "POST" || service !== target || operation === undefined) {
    throw new AwsError("UnknownOperationException", "No such operation.");
  }
  if (!request.headers.authorization?.startsWith("AWS4-HMAC-SHA256 ")) {
    throw new AwsError("MissingAuthenticationTokenException", "Request is missing Authentication Token");
  }
  return operation;
}

const callerOf = ({ headers }: IncomingMessage): string =>
  /Credential=([^/]+)/.exec(headers.authorization ?? "")?.[1] ?? "";

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) {
      throw new AwsError("RequestEntityTooLargeException", "The body is over 16 MB.", { status: 413 });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AwsError("SerializationException", "The body is not JSON.");
  }
}

/** Says which error it was without its message, which may quote what was being served. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return typeof error;
  }
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
