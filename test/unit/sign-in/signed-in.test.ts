import type { APIGatewayProxyEvent } from "aws-lambda";
import { describe, expect, it } from "vitest";
import { signedInOf } from "../../../shared/http/signed-in.ts";

type RequestContext = Parameters<typeof signedInOf>[0];

const context = (
  identity: Partial<APIGatewayProxyEvent["requestContext"]["identity"]>,
  authorizer: RequestContext["authorizer"] = null,
): RequestContext => ({
  identity: { caller: null, userArn: null, ...identity } as RequestContext["identity"],
  authorizer,
});

describe("who sent a request", () => {
  it("is a role whatever its session is named, or a user", () => {
    expect(signedInOf(context({ caller: "AROAEXAMPLE:session-1" }))).toEqual({ by: "iam", caller: "AROAEXAMPLE" });
    expect(signedInOf(context({ caller: "AIDAEXAMPLE" }))).toEqual({ by: "iam", caller: "AIDAEXAMPLE" });
    const userArn = "arn:aws:iam::000000000000:user/one";
    expect(signedInOf(context({ userArn }))).toEqual({ by: "iam", caller: userArn });
  });

  it("is the subject of a token at its issuer, whole", () => {
    const authorizer = { principalId: "https://issuer.example client", permissions: "cr", expiresAt: "1700000000" };
    expect(signedInOf(context({}, authorizer))).toEqual({
      by: "token",
      caller: "https://issuer.example client",
      permissions: "cr",
      expiresAt: 1_700_000_000,
    });
  });

  it("is nobody where the gateway names neither", () => {
    for (const authorizer of [null, {}, { principalId: "someone" }, { permissions: "cruds" }]) {
      expect(signedInOf(context({}, authorizer))).toBeUndefined();
    }
  });
});
