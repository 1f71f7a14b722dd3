import { get } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { type Gateway, startGateway } from "../../local/gateway/gateway.ts";
import type { InvocationResult } from "../../local/lambda/protocol.ts";

/** What API Gateway does with the answers of a Lambda authorizer, on a method that tells what it was handed. */

let gateway: Gateway | undefined;
afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
});

const ARN = "arn:aws:execute-api:us-east-1:000000000000:Api/fhir";
const output = (Effect: string, Resource: string | string[], more = {}) => ({
  principalId: "somebody",
  policyDocument: { Version: "2012-10-17", Statement: [{ Effect, Action: "execute-api:Invoke", Resource }] },
  ...more,
});

/** A gateway whose authorizer answers this; keeps the events that it was asked with. */
async function serving(answer: unknown, keptMs = 60_000) {
  const asked: { readonly [name: string]: unknown }[] = [];
  const authorization = { functionArn: "authorizer", identityHeaders: ["authorization"], keptMs };
  const method = { httpMethod: "GET", authorization, functionArn: "echo", timeoutMs: 1_000 };
  gateway = await startGateway({
    port: 0,
    api: {
      id: "Api",
      stage: "fhir",
      binaryMediaTypes: [],
      methods: ["/things", "/others"].map((resourcePath) => ({ ...method, resourcePath, resourceId: resourcePath })),
      gatewayResponses: new Map(),
    },
    invoke: async (functionArn, payload): Promise<InvocationResult> => {
      const event = JSON.parse(payload);
      if (functionArn === "echo") {
        const body = JSON.stringify(event.requestContext.authorizer);
        return { ok: true, payload: JSON.stringify({ statusCode: 200, body }) };
      }
      asked.push(event);
      return answer instanceof Error
        ? { ok: false, errorType: "Error", errorMessage: answer.message }
        : { ok: true, payload: JSON.stringify(answer) };
    },
  });
  const base = gateway.url;
  const fetched = async (path: string, headers: Record<string, string> = { authorization: "Bearer one" }) => {
    const response = await fetch(base + path, { headers });
    return { status: response.status, error: response.headers.get("x-amzn-errortype"), text: await response.text() };
  };
  return { asked, fetched, base };
}

describe("an authorizer", () => {
  it("is asked with the request as API Gateway tells it, without the body", async () => {
    const { asked, fetched } = await serving(output("Allow", "*"));
    await fetched("/things?a=b");
    expect(asked[0]).toMatchObject({
      type: "REQUEST",
      methodArn: `${ARN}/GET/things`,
      path: "/things",
      queryStringParameters: { a: "b" },
      multiValueHeaders: { authorization: ["Bearer one"] },
      requestContext: { requestId: expect.any(String) },
    });
    expect(asked[0]).not.toHaveProperty("body");
    expect(asked[0]?.["requestContext"]).not.toHaveProperty("authorizer");
  });

  it("tells the function who it is, in strings", async () => {
    const { fetched } = await serving(output("Allow", "*", { context: { a: "b", n: 1, t: true } }));
    const { status, text: body } = await fetched("/things");
    expect([status, JSON.parse(body)]).toMatchObject([200, { principalId: "somebody", a: "b", n: "1", t: "true" }]);
  });

  it("is not asked without the header that it is about", async () => {
    const { asked, fetched } = await serving(output("Allow", "*"));
    expect((await fetched("/things", {})).status).toBe(401);
    expect((await fetched("/things", { authorization: "" })).status).toBe(401);
    expect(asked).toEqual([]);
  });

  it("is asked once for the same value, and its policy counts for each method", async () => {
    const { asked, fetched } = await serving(output("Allow", `${ARN}/GET/thing?`));
    expect((await fetched("/things")).status).toBe(200);
    expect(await fetched("/others")).toMatchObject({ status: 403, error: "AccessDeniedException" });
    expect(asked).toHaveLength(1);
    await fetched("/things", { authorization: "Bearer two" });
    expect(asked).toHaveLength(2);
  });

  it("is asked each time where nothing is kept", async () => {
    const { asked, fetched } = await serving(output("Allow", "*"), 0);
    await fetched("/things");
    await fetched("/things");
    expect(asked).toHaveLength(2);
  });

  it.each([
    ["denies", output("Deny", "*"), 403],
    ["names nothing that fits", output("Allow", `${ARN}/POST/things`), 403],
    ["says Unauthorized", new Error("Unauthorized"), 401],
    ["fails otherwise", new Error("unauthorized"), 500],
    ["answers no policy", { principalId: "somebody" }, 500],
    ["hands over an object", output("Allow", "*", { context: { a: {} } }), 500],
    ["answers nothing", null, 500],
  ])("that %s lets nobody in", async (_, answer, status) => {
    const { fetched } = await serving(answer);
    expect((await fetched("/things")).status).toBe(status);
  });

  it("is told the last value of a repeated header, and all of them", async () => {
    const { asked, base } = await serving(output("Allow", "*"));
    await new Promise<void>((resolve, reject) => {
      const request = get(`${base}/things`, { headers: { "X-One": ["1", "2"], authorization: "Bearer one" } });
      request.on("response", (response) => void text(response).then(() => resolve(), reject)).on("error", reject);
    });
    expect(asked[0]).toMatchObject({ headers: { "X-One": "2" }, multiValueHeaders: { "X-One": ["1", "2"] } });
  });
});
