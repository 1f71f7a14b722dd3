import type { APIGatewayRequestAuthorizerEvent } from "aws-lambda";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { createAuthorizeRequest as CreateAuthorizeRequest } from "../../../functions/authorize-request/handler.ts";
import type { LogEntry } from "../../../shared/runtime/log.ts";
import { IssuerUnavailable } from "../../../shared/sign-in/access-token.ts";
import { TokenRefused } from "../../../shared/sign-in/refusal.ts";

let createAuthorizeRequest: typeof CreateAuthorizeRequest;

beforeAll(async () => {
  vi.stubEnv("DEPLOYMENT", "test");
  vi.stubEnv("OIDC_ISSUER", "https://issuer.example");
  vi.stubEnv("OIDC_AUDIENCES", "https://adapter.example/fhir");
  vi.stubEnv("OIDC_ALGORITHMS", "ES384");
  vi.stubEnv("OIDC_CLOCK_TOLERANCE_SECONDS", "30");
  ({ createAuthorizeRequest } = await import("../../../functions/authorize-request/handler.ts"));
  vi.unstubAllEnvs();
});

const METHOD = "arn:aws:execute-api:us-east-1:000000000000:api/fhir/GET/Patient/one";

/** The authorizer in front of a verifier that knows the token `good` and fails otherwise with `failure`. */
function scene(failure: unknown = new TokenRefused("signature")) {
  const logged: LogEntry[] = [];
  const counted: string[] = [];
  const authorize = createAuthorizeRequest(
    async (token) => {
      if (token !== "good") throw failure;
      return { caller: "https://issuer.example client", permissions: "cr", expiresAt: 1_700_000_000 };
    },
    (_, entry) => void logged.push(entry),
    { bug: () => void counted.push("bug"), flush: () => void counted.push("flush") },
  );
  const send = (multiValueHeaders: Record<string, string[]>) =>
    authorize(
      {
        methodArn: METHOD,
        multiValueHeaders,
        requestContext: { requestId: "of-the-client", extendedRequestId: "request" },
      } as unknown as APIGatewayRequestAuthorizerEvent,
      { awsRequestId: "invocation" },
    );
  return { logged, counted, send };
}

describe("the authorizer", () => {
  it("lets a token reach every method of its stage, with what it allows in strings", async () => {
    expect(await scene().send({ AUTHORIZATION: ["Bearer good"] })).toEqual({
      principalId: "https://issuer.example client",
      policyDocument: {
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Action: "execute-api:Invoke",
            Resource: "arn:aws:execute-api:us-east-1:000000000000:api/fhir/*",
          },
        ],
      },
      context: { permissions: "cr", expiresAt: "1700000000" },
    });
  });

  it.each([[[]], [["good"]], [["Bearer"]], [["Basic good"]], [["Bearer good", "Bearer good"]], [["Bearer good x"]]])(
    "is not satisfied with %o",
    async (authorization) => {
      const { send, logged } = scene();
      await expect(send({ authorization })).rejects.toThrow(/^Unauthorized$/);
      expect(logged).toEqual([{ code: "sign-in-refused", requestId: "request", refusal: "no-token" }]);
    },
  );

  it.each([
    [new TokenRefused("expired"), /^Unauthorized$/, { code: "sign-in-refused", refusal: "expired" }, []],
    [new IssuerUnavailable("Down."), /could not be verified/, { code: "issuer-unavailable" }, []],
    [new TypeError("token bad"), /could not be verified/, { code: "bug", error: "TypeError" }, ["bug", "flush"]],
  ])("tells the gateway apart who is to blame, and counts a bug: %o", async (failure, message, entry, counts) => {
    const { send, logged, counted } = scene(failure);
    await expect(send({ authorization: ["Bearer bad"] })).rejects.toThrow(message);
    expect(logged).toMatchObject([entry]);
    expect(counted).toEqual(counts);
    expect(JSON.stringify(logged)).not.toContain("bad");
  });
});
