import type { APIGatewayProxyEvent } from "aws-lambda";
import * as v from "valibot";
import type { InvocationResult } from "../lambda/protocol.ts";
import { PLACE } from "../template/intrinsics.ts";
import type { Authorizer, RestApi } from "../template/rest-api.ts";
import type { GatewayResponseType } from "./gateway-responses.ts";

/** What the function behind the method is told, or the gateway's own answer. */
export type Authorization =
  | { readonly context: NonNullable<APIGatewayProxyEvent["requestContext"]["authorizer"]> }
  | { readonly refusal: GatewayResponseType };

const oneOrMore = v.pipe(
  v.union([v.string(), v.array(v.string())]),
  v.transform((value) => (typeof value === "string" ? [value] : value)),
);

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html */
const outputSchema = v.object({
  principalId: v.string(),
  policyDocument: v.object({
    Statement: v.array(v.object({ Effect: v.picklist(["Allow", "Deny"]), Action: oneOrMore, Resource: oneOrMore })),
  }),
  // Everything arrives at the functions as a string; objects and lists are an error.
  context: v.optional(
    v.record(v.string(), v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String))),
  ),
});

type Output = v.InferOutput<typeof outputSchema>;

type Invoke = (functionArn: string, payload: string) => Promise<InvocationResult>;

/**
 * The Lambda authorizers of an API (type REQUEST), with what the gateway keeps of their answers: an answer is kept for
 * the values of the identity sources and counts for every method that its policy names; an error is not kept.
 *
 * @param event of the function behind the method, as it would be without an authorizer
 */
export function createAuthorizers(api: RestApi, invoke: Invoke) {
  const kept = new Map<string, { readonly output: Output; readonly until: number }>();

  async function outputOf(authorizer: Authorizer, event: APIGatewayProxyEvent): Promise<Output | GatewayResponseType> {
    const { functionArn, identityHeaders, keptMs } = authorizer;
    const values = identityHeaders.map((name) => headerIn(event.headers, name));
    if (values.some((value) => value === "")) {
      return "UNAUTHORIZED";
    }
    const key = JSON.stringify([functionArn, ...values]);
    const known = kept.get(key);
    if (known !== undefined && known.until > Date.now()) {
      return known.output;
    }
    const result = await invoke(functionArn, JSON.stringify(requestEvent(api, event)));
    if (!result.ok) {
      return result.errorMessage === "Unauthorized" ? "UNAUTHORIZED" : "AUTHORIZER_FAILURE";
    }
    const parsed = v.safeParse(outputSchema, JSON.parse(result.payload));
    if (!parsed.success) {
      return "AUTHORIZER_CONFIGURATION_ERROR";
    }
    if (keptMs > 0) {
      kept.set(key, { output: parsed.output, until: Date.now() + keptMs });
    }
    return parsed.output;
  }

  return async (authorizer: Authorizer, event: APIGatewayProxyEvent): Promise<Authorization> => {
    const output = await outputOf(authorizer, event);
    if (typeof output === "string") {
      return { refusal: output };
    }
    return allows(output, methodArn(api, event))
      ? { context: { integrationLatency: 0, ...output.context, principalId: output.principalId } }
      : { refusal: "ACCESS_DENIED" };
  };
}

const headerIn = (headers: APIGatewayProxyEvent["headers"], name: string): string =>
  Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1] ?? "";

const methodArn = ({ id, stage }: RestApi, { httpMethod, path }: APIGatewayProxyEvent): string =>
  `arn:${PLACE.partition}:execute-api:${PLACE.region}:${PLACE.accountId}:${id}/${stage}/${httpMethod}${path}`;

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html */
function requestEvent(api: RestApi, event: APIGatewayProxyEvent) {
  const { body: _, isBase64Encoded: __, ...rest } = event;
  const { authorizer: ___, ...requestContext } = event.requestContext;
  return { type: "REQUEST", methodArn: methodArn(api, event), ...rest, requestContext };
}

/** A Deny goes before every Allow, and what no statement names is denied. */
function allows({ policyDocument }: Output, arn: string): boolean {
  const effects = policyDocument.Statement.filter(
    ({ Action, Resource }) =>
      Action.some((action) => matches(action, "execute-api:Invoke")) && Resource.some((one) => matches(one, arn)),
  ).map(({ Effect }) => Effect);
  return effects.includes("Allow") && !effects.includes("Deny");
}

/** `*` is any text and `?` any character, slashes included. */
function matches(pattern: string, text: string): boolean {
  const literal = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(text);
}
