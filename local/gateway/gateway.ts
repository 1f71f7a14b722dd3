import { randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PAYLOAD_LIMIT_BYTES } from "../lambda/function-pool.ts";
import type { InvocationResult } from "../lambda/protocol.ts";
import type { RestApi } from "../template/rest-api.ts";
import { createAuthorizers } from "./authorizers.ts";
import { gatewayResponse, type HttpAnswer } from "./gateway-responses.ts";
import { ANONYMOUS, callerOf, type GatewayRequest, headerOf, proxyEvent } from "./proxy-event.ts";
import { proxyResponse } from "./proxy-response.ts";
import { createRouter } from "./router.ts";

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
const BODY_LIMIT_BYTES = 10 * 1024 * 1024;

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html: must be encoded. */
const REFUSED_IN_QUERY = /[|{}]/;

/** Connections that may wait to be accepted: a thousand clients may come at the same moment. */
const BACKLOG = 4096;

export type Gateway = {
  /** Such as `http://localhost:3000`. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
};

type GatewayOptions = {
  readonly api: RestApi;
  /** Invokes the function with that ARN; the signal takes an invocation out that has not begun. */
  readonly invoke: (functionArn: string, payload: string, signal: AbortSignal) => Promise<InvocationResult>;
  /** 0 = any free port */
  readonly port: number;
};

/**
 * Serves a REST API of a template on this machine as API Gateway serves it under a custom domain without a base path.
 *
 * What differs: signatures are not verified. Where IAM decides, each request counts as signed by one IAM user, named by
 * its header `x-local-caller` (`local-caller` without one); `anonymous` stands for a request that nobody signed. Lambda
 * authorizers are asked as they are deployed.
 *
 * @throws Error with code EADDRINUSE when the port is taken
 */
export async function startGateway({ api, invoke, port }: GatewayOptions): Promise<Gateway> {
  const router = createRouter(api.methods);
  const authorize = createAuthorizers(api, (functionArn, payload) =>
    invoke(functionArn, payload, new AbortController().signal),
  );
  let domainName = "";

  async function answer(request: GatewayRequest): Promise<HttpAnswer> {
    if (REFUSED_IN_QUERY.test(request.query)) {
      return gatewayResponse(api, "DEFAULT_4XX");
    }
    const match = router.route(request.httpMethod, request.path);
    if (match === undefined || (match.method.authorization === "AWS_IAM" && callerOf(request) === ANONYMOUS)) {
      return gatewayResponse(api, "MISSING_AUTHENTICATION_TOKEN");
    }
    const event = proxyEvent(api, domainName, match, request);
    if (typeof match.method.authorization === "object") {
      const authorization = await authorize(match.method.authorization, event);
      if ("refusal" in authorization) {
        return gatewayResponse(api, authorization.refusal);
      }
      event.requestContext.authorizer = authorization.context;
    }
    const payload = JSON.stringify(event);
    if (Buffer.byteLength(payload) > PAYLOAD_LIMIT_BYTES) {
      return gatewayResponse(api, "REQUEST_TOO_LARGE");
    }
    const { functionArn, timeoutMs } = match.method;
    const result = await withinTime(timeoutMs, (signal) => invoke(functionArn, payload, signal));
    if (result === undefined) {
      return gatewayResponse(api, "INTEGRATION_TIMEOUT");
    }
    const response = result.ok ? proxyResponse(api, result.payload, headerOf(request.rawHeaders, "accept")) : undefined;
    return response ?? gatewayResponse(api, "INTEGRATION_FAILURE");
  }

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const ids = requestIdsOf(incoming.rawHeaders);
    const body = await readBody(incoming);
    if (body === "aborted") {
      return;
    }
    if (body === "too large") {
      outgoing.setHeader("connection", "close");
      send(outgoing, ids, gatewayResponse(api, "REQUEST_TOO_LARGE"));
      return;
    }
    const [path = "", ...query] = (incoming.url ?? "").split("?");
    const request: GatewayRequest = {
      ...ids,
      httpMethod: incoming.method ?? "",
      path,
      query: query.join("?"),
      rawHeaders: incoming.rawHeaders,
      body,
      sourceIp: incoming.socket.remoteAddress ?? "",
    };
    send(outgoing, ids, await answer(request));
  }

  // Node's own five seconds would cut off a client that reuses its connection at the wrong moment.
  const server = createServer({ keepAliveTimeout: 350_000 }, (incoming, outgoing) => {
    serve(incoming, outgoing).catch((error: unknown) => {
      console.error("The local gateway failed:", error);
      outgoing.destroy();
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: "127.0.0.1", backlog: BACKLOG }, resolve);
  });
  const address = server.address() as AddressInfo;
  domainName = `localhost:${address.port}`;
  return {
    url: `http://${domainName}`,
    port: address.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function readBody(incoming: IncomingMessage): Promise<Buffer | "too large" | "aborted"> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > BODY_LIMIT_BYTES) {
        // What still comes is read and forgotten, or the client could not read the answer.
        chunks.length = 0;
        resolve("too large");
      } else {
        chunks.push(chunk);
      }
    });
    incoming.on("end", () => resolve(Buffer.concat(chunks)));
    incoming.on("error", () => resolve("aborted"));
    incoming.on("close", () => resolve("aborted"));
  });
}

type RequestIds = Pick<GatewayRequest, "requestId" | "extendedRequestId">;

/** A client may choose the first and not the second: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-access-logging.html */
const requestIdsOf = (rawHeaders: readonly string[]): RequestIds => ({
  requestId: headerOf(rawHeaders, "x-amzn-requestid") || randomUUID(),
  // 16 characters, of which the last one fills up the base64.
  extendedRequestId: `${randomBytes(11).toString("base64url")}=`,
});

function send(outgoing: ServerResponse, ids: RequestIds, { statusCode, headers, body }: HttpAnswer): void {
  outgoing.statusCode = statusCode;
  outgoing.setHeader("x-amzn-requestid", ids.requestId);
  outgoing.setHeader("x-amz-apigw-id", ids.extendedRequestId);
  for (const [name, values] of headers) {
    outgoing.setHeader(name, values);
  }
  if (statusCode === 204 || statusCode === 304) {
    outgoing.end();
    return;
  }
  outgoing.setHeader("content-length", body.length);
  // Node leaves the body out in answer to a HEAD request.
  outgoing.end(body);
}

/** Undefined when the time is over first; what was begun goes on. */
async function withinTime<T>(milliseconds: number, begin: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const timeOver = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      controller.abort();
      resolve(undefined);
    }, milliseconds);
  });
  try {
    return await Promise.race([begin(controller.signal), timeOver]);
  } finally {
    clearTimeout(timer);
  }
}
