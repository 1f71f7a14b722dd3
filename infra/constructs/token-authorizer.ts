import { Duration, type RemovalPolicy } from "aws-cdk-lib";
import { IdentitySource, RequestAuthorizer } from "aws-cdk-lib/aws-apigateway";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { AdapterFunction, type FunctionConcurrency } from "./adapter-function.ts";
import type { TokenAuthorisation } from "./authorisation-props.ts";
import { environmentOf, type Settings } from "./function-environment.ts";
import type { FunctionNetwork } from "./function-network.ts";
import { authorizerSpec } from "./function-specs.ts";

export type TokenAuthorizerProps = {
  readonly authorisation: TokenAuthorisation;
  readonly settings: Settings;
  readonly encryptionKey: IKey;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
  readonly network: FunctionNetwork | undefined;
  readonly concurrency: FunctionConcurrency | undefined;
};

/** Who sends a request, by an access token; the function reads the issuer's public keys and touches nothing of AWS. */
export class TokenAuthorizer extends Construct {
  readonly authorizer: RequestAuthorizer;
  /** The function that it asks. */
  readonly target: IFunction;

  constructor(scope: Construct, id: string, { authorisation, settings, ...common }: TokenAuthorizerProps) {
    super(scope, id);
    const { target } = new AdapterFunction(this, "AuthorizeRequest", {
      name: "authorize-request",
      spec: authorizerSpec,
      environment: environmentOf(authorizerSpec.env, settings),
      ...common,
    });
    this.authorizer = new InvokingAuthorizer(this, "Authorizer", {
      // It is known by this within its API only.
      authorizerName: "access-token",
      handler: target,
      // Without this header the gateway answers 401 and asks nobody.
      identitySources: [IdentitySource.header("Authorization")],
      resultsCacheTtl: authorisation.cacheTokens ?? Duration.minutes(5),
    });
    this.target = target;
  }
}

/** RequestAuthorizer names its permission after the path of the whole app, in which a pipeline would be. */
class InvokingAuthorizer extends RequestAuthorizer {
  protected override setupPermissions(): void {
    this.handler.addPermission("Permission", {
      scope: this,
      principal: new ServicePrincipal("apigateway.amazonaws.com"),
      sourceArn: this.authorizerArn,
    });
  }
}
