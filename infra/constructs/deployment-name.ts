import { Stack } from "aws-cdk-lib";
import type { Construct } from "constructs";

/**
 * What tells one deployment from another in one account and region: the name of its stack, which may be a token, and the
 * construct's path below it, such as `beta-FhirParticleAdapter/Adapter`. What is above the stack (an app's stages, a
 * pipeline) does not change it.
 */
export function deploymentNameOf(construct: Construct): string {
  const stack = Stack.of(construct);
  const path = construct.node.scopes.slice(stack.node.scopes.length).map(({ node }) => node.id);
  // A dimension of a metric is ASCII, and stands between quotes in a search. No name of a stack holds a slash.
  return `${stack.stackName}/${encodeURI(path.join("/")).replaceAll("'", "%27")}`;
}
