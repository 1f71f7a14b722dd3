import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent, Context } from "aws-lambda";
import { requestIdOf } from "../../shared/http/request-id.ts";
import type { AuthorizerContext } from "../../shared/http/signed-in.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { bugEntry, createLog, type Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { metricsFromEnv } from "../../shared/runtime/metrics-from-env.ts";
import { type AccessToken, createTokenVerifier, IssuerUnavailable } from "../../shared/sign-in/access-token.ts";
import { TokenRefused } from "../../shared/sign-in/refusal.ts";

/** RFC 6750, section 2.1. */
const BEARER = /^Bearer +([\w.~+/=-]+)$/i;

/**
 * The authorizer of the API: tells who sent the token, what its scopes allow and until when. It lets a valid token reach
 * every method, because the gateway keeps the answer for the token and not for the method; the functions check the
 * scopes of each interaction.
 *
 * @throws Error `Unauthorized`, which the gateway answers with 401; any other error becomes its 503.
 */
export const createAuthorizeRequest =
  (verify: (token: string) => Promise<AccessToken>, log: Log, metrics: Pick<Metrics, "bug" | "flush">) =>
  async (
    event: APIGatewayRequestAuthorizerEvent,
    context: Pick<Context, "awsRequestId">,
  ): Promise<APIGatewayAuthorizerResult> => {
    const requestId = requestIdOf(event, context);
    try {
      return allow(event.methodArn, await verify(tokenOf(event)));
    } catch (error) {
      if (error instanceof TokenRefused) {
        log("info", { code: "sign-in-refused", requestId, refusal: error.refusal });
        throw new Error("Unauthorized");
      }
      if (error instanceof IssuerUnavailable) {
        log("error", { code: "issuer-unavailable", requestId });
      } else {
        log("error", bugEntry(requestId, error));
        metrics.bug();
        metrics.flush();
      }
      throw new Error("The token could not be verified.");
    }
  };

function tokenOf({ multiValueHeaders }: APIGatewayRequestAuthorizerEvent): string {
  const values = Object.entries(multiValueHeaders ?? {})
    .filter(([name]) => name.toLowerCase() === "authorization")
    .flatMap(([, given]) => given ?? []);
  const token = values.length === 1 ? BEARER.exec(values[0]?.trim() ?? "")?.[1] : undefined;
  if (token === undefined) {
    throw new TokenRefused("no-token");
  }
  return token;
}

/** Every method of the API's stage: `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>`. */
function allow(methodArn: string, { caller, permissions, expiresAt }: AccessToken): APIGatewayAuthorizerResult {
  const [api, stage] = methodArn.split("/");
  const context: AuthorizerContext = { permissions, expiresAt: String(expiresAt) };
  return {
    principalId: caller,
    policyDocument: {
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "execute-api:Invoke", Resource: `${api}/${stage}/*` }],
    },
    context,
  };
}

const settings = readEnv(process.env, [
  "oidcIssuer",
  "oidcAudiences",
  "oidcAlgorithms",
  "oidcJwksUri",
  "oidcClockToleranceSeconds",
]);

export const handler = createAuthorizeRequest(
  createTokenVerifier({
    issuer: settings.oidcIssuer,
    audiences: settings.oidcAudiences,
    algorithms: settings.oidcAlgorithms,
    jwksUri: settings.oidcJwksUri,
    clockToleranceSeconds: settings.oidcClockToleranceSeconds,
  }),
  createLog(),
  metricsFromEnv(process.env),
);
