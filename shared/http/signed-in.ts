import type { APIGatewayProxyEvent } from "aws-lambda";

/** Who sent a request and what they may do, as API Gateway says; `caller` scopes Idempotency-Keys. */
export type SignedIn =
  | { readonly by: "iam"; readonly caller: string }
  | {
      readonly by: "token";
      readonly caller: string;
      /** Letters of `cruds`. */
      readonly permissions: string;
      /** Epoch seconds. The gateway keeps a verified token for a while, and may hand over one that has expired since. */
      readonly expiresAt: number;
    };

/** What authorize-request tells the functions; API Gateway passes strings only. */
export type AuthorizerContext = { readonly permissions: string; readonly expiresAt: string };

type RequestContext = Pick<APIGatewayProxyEvent["requestContext"], "identity" | "authorizer">;

/**
 * From the request context, which only API Gateway writes, and not from a setting: a method that was opened by mistake
 * has neither an authorizer nor a signature, and stays closed.
 *
 * @returns undefined for what nobody signed
 */
export function signedInOf({ identity, authorizer }: RequestContext): SignedIn | undefined {
  const { principalId, permissions, expiresAt } = authorizer ?? {};
  if (typeof principalId === "string" && typeof permissions === "string") {
    return { by: "token", caller: principalId, permissions, expiresAt: Number(expiresAt ?? 0) };
  }
  const principal = identity.caller ?? identity.userArn;
  return principal ? { by: "iam", caller: withoutSession(principal) } : undefined;
}

/** A role stays the same caller whatever its session is named. */
const withoutSession = (principal: string): string =>
  principal.startsWith("arn:") ? principal : (principal.split(":")[0] ?? "");
