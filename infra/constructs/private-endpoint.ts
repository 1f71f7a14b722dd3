import type { IInterfaceVpcEndpoint } from "aws-cdk-lib/aws-ec2";
import { AnyPrincipal, Effect, PolicyDocument, PolicyStatement } from "aws-cdk-lib/aws-iam";

const everything = { principals: [new AnyPrincipal()], actions: ["execute-api:Invoke"] };

/**
 * The resource policy of an API that is reached through these endpoints only. It denies and does not allow: who may
 * call stays with the callers' own policies, while an Allow here would let in every principal of the account. Only a
 * method that nobody signs in for has no other policy that could allow it.
 *
 * @param open those methods, such as `OPTIONS/*`
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
 */
export function onlyThroughEndpoints(
  endpoints: readonly IInterfaceVpcEndpoint[],
  open: readonly string[],
): PolicyDocument {
  return new PolicyDocument({
    statements: [
      new PolicyStatement({
        ...everything,
        effect: Effect.DENY,
        resources: ["execute-api:/*"],
        conditions: { StringNotEquals: { "aws:SourceVpce": endpoints.map(({ vpcEndpointId }) => vpcEndpointId) } },
      }),
      ...(open.length > 0
        ? [new PolicyStatement({ ...everything, resources: open.map((method) => `execute-api:/*/${method}`) })]
        : []),
    ],
  });
}
