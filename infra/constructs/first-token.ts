import type { Function as LambdaFunction } from "aws-cdk-lib/aws-lambda";
import { Trigger } from "aws-cdk-lib/triggers";
import { Construct, type IConstruct } from "constructs";

export type FirstTokenProps = {
  readonly refreshToken: LambdaFunction;
  /** What takes so long to make that the function's role has come into force everywhere by then. */
  readonly after: IConstruct;
};

/**
 * Runs refresh-token once while the stack is created: a deployment that succeeds can register patients, and one with
 * credentials that Particle refuses fails. Not at later deployments: one that is to help while Particle is down must
 * not need Particle.
 */
export class FirstToken extends Construct {
  constructor(scope: Construct, id: string, { refreshToken, after }: FirstTokenProps) {
    super(scope, id);
    new Trigger(this, "Resource", { handler: refreshToken, executeAfter: [after], executeOnHandlerChange: false });
  }
}
