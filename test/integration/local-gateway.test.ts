import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Echo, type GatewayFixture, startGatewayFixture } from "../support/gateway-fixture.ts";

let fixture: GatewayFixture;
beforeAll(async () => {
  fixture = await startGatewayFixture();
});
afterAll(() => fixture.close());

const echo = async (path: string, init?: RequestInit): Promise<Echo> => {
  const answer = await fetch(fixture.gateway.url + path, init);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Echo;
};
const issueCode = async (answer: Response) => ((await answer.json()) as { issue: { code: string }[] }).issue[0]?.code;

/** As the bytes are given: `fetch` would encode the path and merge headers. */
const raw = (path: string, headers: readonly string[] = [], httpMethod = "GET") =>
  new Promise<{ status: number; headers: Record<string, unknown>; rawHeaders: string[]; body: string }>(
    (resolve, reject) => {
      const outgoing = httpRequest({
        host: "127.0.0.1",
        port: fixture.gateway.port,
        path,
        method: httpMethod,
        headers: ["Host", "h", ...headers],
      });
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            rawHeaders: incoming.rawHeaders,
            body: Buffer.concat(chunks).toString(),
          }),
        );
      });
      outgoing.end();
    },
  );

describe("routes", () => {
  it.each([
    ["GET", "/Things", "/Things", null],
    ["GET", "/Things/", "/Things", null],
    ["GET", "/Things/a%7Cb", "/Things/{id}", { id: "a|b" }],
    ["GET", "/Things/1/_history/2", "/Things/{id}/_history/{version}", { id: "1", version: "2" }],
    ["POST", "/Things/_search", "/Things/_search", null],
  ])("%s %s is answered by %s", async (httpMethod, path, resourcePath, pathParameters) => {
    const { event } = await echo(path, { method: httpMethod });
    expect(event).toMatchObject({ resource: resourcePath, pathParameters, httpMethod, path });
  });

  it("takes ANY where the method has no entry of its own, and the greedy path where no resource fits", async () => {
    for (const [httpMethod, path] of [
      ["DELETE", "/Things"],
      ["GET", "/Things/1/_history"],
      ["GET", "/elsewhere/and/further"],
    ] as const) {
      const answer = await fetch(fixture.gateway.url + path, { method: httpMethod });
      expect([answer.status, await answer.text()]).toEqual([404, `fallback ${path}`]);
    }
  });

  it("does not let the greedy path catch a method that a fitting resource lacks", async () => {
    const answer = await fetch(`${fixture.gateway.url}/Things/1`, { method: "DELETE" });
    expect(answer.status).toBe(401);
    expect(await issueCode(answer)).toBe("MISSING_AUTHENTICATION_TOKEN");
  });
});

describe("events", () => {
  it("are those of a REST API under a custom domain at the root", async () => {
    const { event } = await echo("/Things/1?a=1&b=x%20y&a=%7C2&c&d=1+2&%C3%A9=%C3%BC", {
      method: "PUT",
      body: '{"resourceType":"Thing"}',
      headers: { "Content-Type": "application/fhir+json", "User-Agent": "test" },
    });
    expect(event).toMatchObject({
      resource: "/Things/{id}",
      path: "/Things/1",
      httpMethod: "PUT",
      queryStringParameters: { a: "|2", b: "x y", c: "", d: "1 2", é: "ü" },
      multiValueQueryStringParameters: { a: ["1", "|2"], b: ["x y"] },
      stageVariables: null,
      body: '{"resourceType":"Thing"}',
      isBase64Encoded: false,
      requestContext: {
        accountId: "000000000000",
        apiId: "Api",
        authorizer: null,
        domainName: `localhost:${fixture.gateway.port}`,
        httpMethod: "PUT",
        path: "/Things/1",
        protocol: "HTTP/1.1",
        resourcePath: "/Things/{id}",
        stage: "fhir",
        identity: { sourceIp: "127.0.0.1", userAgent: "test", userArn: "arn:aws:iam::000000000000:user/local-caller" },
      },
    });
    expect(event.requestContext.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(event.requestContext.extendedRequestId).toMatch(/^[\w-]{15}=$/);
    expect(event.requestContext.requestTime).toMatch(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
  });

  it("have a request id that the client may choose, and one that it may not; every answer has both", async () => {
    const sent = { "x-amzn-RequestId": "chosen", "x-amz-apigw-id": "made up" };
    for (const [path, status] of [
      ["/Things", 200],
      ["/Things?a=|", 400],
    ] as const) {
      const answer = await fetch(fixture.gateway.url + path, { headers: sent });
      expect(answer.status).toBe(status);
      expect(answer.headers.get("x-amzn-requestid")).toBe("chosen");
      expect(answer.headers.get("x-amz-apigw-id")).toMatch(/^[\w-]{15}=$/);
    }
    const { event } = await echo("/Things", { headers: sent });
    expect(event.requestContext.requestId).toBe("chosen");
    expect(event.requestContext.extendedRequestId).toMatch(/^[\w-]{15}=$/);
  });

  it("hold null where the request has no query, parameters or body", async () => {
    const { event } = await echo("/Things");
    expect(event).toMatchObject({
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      pathParameters: null,
      body: null,
      isBase64Encoded: false,
    });
  });

  it("hold headers as sent, every value of a repeated one, and none that ends at the gateway", async () => {
    const { body } = await raw("/Things", [
      "X-Case",
      "1",
      "x-repeated",
      "a",
      "x-repeated",
      "b",
      "TE",
      "trailers",
      "Connection",
      "close",
    ]);
    const { headers, multiValueHeaders } = (JSON.parse(body) as Echo).event;
    expect(headers).toMatchObject({ Host: "h", "X-Case": "1", "x-repeated": "b", "X-Forwarded-For": "127.0.0.1" });
    expect(multiValueHeaders).toMatchObject({ "X-Case": ["1"], "x-repeated": ["a", "b"] });
    expect(Object.keys(headers).map((name) => name.toLowerCase())).not.toEqual(expect.arrayContaining(["te"]));
    expect(headers).not.toHaveProperty("Connection");
  });

  it("hold a binary body in base64 where the API names its media type", async () => {
    const { event } = await echo("/Things/1", {
      method: "PUT",
      body: new Uint8Array([0xff, 0xef]),
      headers: { "content-type": "application/octet-stream; x=y" },
    });
    expect([event.body, event.isBase64Encoded]).toEqual(["/+8=", true]);
  });

  it("name the caller that the request plays, and refuse the one that did not sign", async () => {
    const { event } = await echo("/Things", { headers: { "x-local-caller": "other" } });
    expect(event.requestContext.identity.userArn).toBe("arn:aws:iam::000000000000:user/other");
    expect(event.headers).not.toHaveProperty("x-local-caller");

    const unsigned = await fetch(`${fixture.gateway.url}/Things`, { headers: { "x-local-caller": "anonymous" } });
    expect([unsigned.status, unsigned.headers.get("content-type")]).toEqual([401, "application/fhir+json"]);
    const open = await fetch(`${fixture.gateway.url}/hello`, { headers: { "x-local-caller": "anonymous" } });
    expect(await open.json()).toMatchObject({ userArn: null });
  });
});

describe("answers", () => {
  it("merge single and multiple headers, and rename what the gateway keeps to itself", async () => {
    const { headers, rawHeaders } = await raw("/Things");
    const valuesOf = (name: string) =>
      rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
    expect(valuesOf("x-both")).toEqual(["a", "b"]);
    expect(valuesOf("set-cookie")).toEqual(["c=1", "d=2"]);
    expect(headers).toMatchObject({
      "x-single": "one",
      etag: 'W/"1"',
      "content-type": "application/json",
      "x-amzn-remapped-date": "never",
      "x-amzn-remapped-www-authenticate": "Bearer",
    });
    expect(headers["www-authenticate"]).toBeUndefined();
    expect(headers["date"]).toMatch(/GMT$/);
  });

  it("have no body for HEAD, but its length", async () => {
    const { status, headers, body } = await raw("/Things", [], "HEAD");
    expect([status, body]).toEqual([200, ""]);
    expect(Number(headers["content-length"])).toBeGreaterThan(100);
  });

  it("have no body and no length for 204", async () => {
    const answer = await fixture.misbehave("no-content");
    expect([answer.status, answer.headers.get("content-length"), await answer.text()]).toEqual([204, null, ""]);
  });

  it("decode base64 for a client that accepts a binary type of the API, and only for it", async () => {
    const bytes = await fixture.misbehave("bytes", { headers: { accept: "application/octet-stream" } });
    expect(new Uint8Array(await bytes.arrayBuffer())).toEqual(new Uint8Array([0xff, 0xef]));
    expect(await (await fixture.misbehave("bytes", { headers: { accept: "text/plain" } })).text()).toBe("/+8=");
  });

  it.each(["throw", "exit", "later", "nothing", "no-status", "object-body", "more-members", "bad-header", "large"])(
    "are the template's 502 when the function answers with: %s",
    async (how) => {
      const answer = await fixture.misbehave(how);
      expect([answer.status, answer.headers.get("retry-after"), answer.headers.get("content-type")]).toEqual([
        502,
        "60",
        "application/fhir+json",
      ]);
      expect(await issueCode(answer)).toBe("DEFAULT_5XX");
      expect(await (await fixture.misbehave("fine")).text()).toBe("fine");
    },
  );
});

describe("limits", () => {
  it.each(["|", "{", "}"])("refuses a raw %s in the query", async (character) => {
    expect((await raw(`/Things?a=b${character}c`)).status).toBe(400);
  });

  it("parts a query at a raw semicolon", async () => {
    const { body } = await raw("/Things?a=b;c=d");
    expect((JSON.parse(body) as Echo).event.queryStringParameters).toEqual({ a: "b", c: "d" });
  });

  it.each([6, 11])("refuses a body of %d MB", async (megabytes) => {
    const answer = await fetch(`${fixture.gateway.url}/Things/1`, {
      method: "PUT",
      body: "x".repeat(megabytes * 1024 * 1024),
    });
    expect(answer.status).toBe(413);
    expect(await issueCode(answer)).toBe("REQUEST_TOO_LARGE");
  });

  it("answers 504 when the function takes longer than the gateway waits", async () => {
    const answer = await fetch(`${fixture.gateway.url}/slow`, { method: "POST", body: "hang" });
    expect(answer.status).toBe(504);
  });
});
