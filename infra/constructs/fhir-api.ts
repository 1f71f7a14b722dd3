import { Duration, type RemovalPolicy, Validations } from "aws-cdk-lib";
import {
  AccessLogField,
  AccessLogFormat,
  AuthorizationType,
  AwsIntegration,
  CfnRestApi,
  EndpointType,
  type IAuthorizer,
  type IResource,
  LogGroupLogDestination,
  type Method,
  MethodLoggingLevel,
  type MethodOptions,
  RestApi,
  type RestApiProps,
} from "aws-cdk-lib/aws-apigateway";
import type { IInterfaceVpcEndpoint } from "aws-cdk-lib/aws-ec2";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { LogGroup, type RetentionDays } from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { type FunctionName, type Route, routes, tokenRoutes } from "../../shared/http/routes.ts";
import { CustomDomain, type CustomDomainSettings } from "./custom-domain.ts";
import { Firewall, type WebAcl } from "./firewall.ts";
import { GatewayResponses } from "./gateway-responses.ts";
import { onlyThroughEndpoints } from "./private-endpoint.ts";

export type Throttling = {
  /** Requests a second, over all callers. */
  readonly rateLimit: number;
  /** Requests at once. */
  readonly burstLimit: number;
};

export type FhirApiProps = {
  /** Tells it from other APIs of the account, in the console and in metrics. */
  readonly name: string;
  readonly functions: Readonly<Record<FunctionName | "answer-unrouted", IFunction>>;
  /** Who verifies tokens; undefined where callers sign with IAM credentials. */
  readonly authorizer: IAuthorizer | undefined;
  readonly throttling: Throttling;
  readonly settle: Duration;
  readonly cors: { readonly allowedOrigins: readonly string[] } | undefined;
  readonly customDomain: CustomDomainSettings | undefined;
  readonly privateEndpoint: { readonly vpcEndpoints: readonly IInterfaceVpcEndpoint[] } | undefined;
  readonly firewall: WebAcl | "managed" | undefined;
  readonly manageAccountLogging: boolean;
  readonly encryptionKey: IKey;
  readonly logRetention: RetentionDays;
  readonly removalPolicy: RemovalPolicy;
};

/** First segment of every path: `https://<id>.execute-api.<region>.amazonaws.com/fhir/Patient`. */
const STAGE_NAME = "fhir";

/**
 * The route, never the path: a path holds ids and a query string holds identifiers of people. And who sent it from where,
 * for of what the gateway refuses there is no other record.
 *
 * @param caller the variable that names the sender, as far as the gateway came to know it.
 */
const accessLog = (caller: string) => ({
  // What the functions call `requestId`; `$context.requestId` is the client's to choose.
  requestId: AccessLogField.contextExtendedRequestId(),
  sourceIp: AccessLogField.contextIdentitySourceIp(),
  caller,
  route: AccessLogField.contextResourcePath(),
  httpMethod: AccessLogField.contextHttpMethod(),
  status: AccessLogField.contextStatus(),
  responseLatency: AccessLogField.contextResponseLatency(),
  integrationStatus: AccessLogField.contextIntegrationStatus(),
  integrationLatency: AccessLogField.contextIntegrationLatency(),
  integrationError: AccessLogField.contextIntegrationErrorMessage(),
  errorType: AccessLogField.contextErrorResponseType(),
});

/**
 * The HTTP surface: a resource and method per route of the table, and answer-unrouted for whatever the table does not
 * name, so that an unknown path is a FHIR 404 and not the gateway's "missing authentication token". A REST API, since
 * an HTTP API cannot template its own errors.
 */
export class FhirApi extends Construct {
  readonly api: RestApi;
  readonly customDomain: CustomDomain | undefined;
  readonly firewall: Firewall | undefined;
  /** `[base]`, with a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: FhirApiProps) {
    super(scope, id);
    const { authorizer, customDomain, firewall } = props;
    const caller = authorizer ? AccessLogField.contextAuthorizerPrincipalId() : AccessLogField.contextIdentityUserArn();
    const served = authorizer ? [...routes, ...tokenRoutes] : routes;
    const logSettings = {
      retention: props.logRetention,
      encryptionKey: props.encryptionKey,
      removalPolicy: props.removalPolicy,
    };

    this.api = new RestApi(this, "Resource", {
      restApiName: props.name,
      description: "FHIR R4 Patient in front of Particle's Patients API",
      ...endpointOf(props, served),
      disableExecuteApiEndpoint: customDomain !== undefined,
      cloudWatchRole: props.manageAccountLogging,
      defaultMethodOptions: authorizer ? { authorizer } : { authorizationType: AuthorizationType.IAM },
      deployOptions: {
        stageName: STAGE_NAME,
        throttlingRateLimit: props.throttling.rateLimit,
        throttlingBurstLimit: props.throttling.burstLimit,
        // The gateway's segments hold the URL, and with it the ids that clients choose; those of the functions do not.
        tracingEnabled: false,
        accessLogDestination: new LogGroupLogDestination(new LogGroup(this, "AccessLogs", logSettings)),
        accessLogFormat: AccessLogFormat.custom(JSON.stringify(accessLog(caller))),
        // INFO would write the paths, with their ids; data traces would write the bodies.
        loggingLevel: MethodLoggingLevel.ERROR,
        dataTraceEnabled: false,
      },
    });
    // An output of its own: what a stack tells its operators is for the stack to say.
    this.api.node.tryRemoveChild("Endpoint");
    this.refuseOldTls();

    // The gateway makes this group by itself, to be kept for ever and without our key, unless it finds it there.
    const executionLogs = new LogGroup(this, "ExecutionLogs", {
      ...logSettings,
      logGroupName: `API-Gateway-Execution-Logs_${this.api.restApiId}/${STAGE_NAME}`,
    });
    this.api.deploymentStage.node.addDependency(executionLogs);

    const unrouted = props.functions["answer-unrouted"];
    for (const path of resourcePaths(served)) {
      addMethod(this.api.root.resourceForPath(path), "ANY", unrouted);
    }
    for (const { method, path, function: name, open } of served) {
      const resource = this.api.root.resourceForPath(path);
      if (authorizer && open) {
        addOpenMethod(resource, method, props.functions[name], DISCOVERY);
      } else {
        addMethod(resource, method, props.functions[name]);
      }
    }
    if (props.cors) {
      // Browsers do not sign preflights. They learn which methods a path of the table has, which /metadata says too.
      for (const path of new Set(served.map((route) => route.path))) {
        addOpenMethod(this.api.root.resourceForPath(path), "OPTIONS", unrouted, PREFLIGHT);
      }
    }
    const [origin, ...furtherOrigins] = props.cors?.allowedOrigins ?? [];
    new GatewayResponses(this, "Responses", {
      api: this.api,
      signIn: authorizer ? "token" : "iam",
      settleSeconds: props.settle.toSeconds(),
      allowedOrigin: furtherOrigins.length === 0 ? origin : undefined,
    });
    this.customDomain = customDomain && new CustomDomain(this, "Domain", { ...customDomain, api: this.api });
    this.url = this.customDomain?.url ?? this.api.url;
    this.firewall = firewall && new Firewall(this, "Firewall", { stage: this.api.deploymentStage, webAcl: firewall });
    if (!firewall) {
      Validations.of(this.api).acknowledge({
        id: "AwsSolutions-APIG3",
        reason: `${callersOf(authorizer)}; a firewall is a choice of the account that deploys this.`,
      });
    }
    this.acknowledgeFindings(callersOf(authorizer));
  }

  /** TLS 1.2 or 1.3 with forward secrecy; a REST API accepts TLS 1.0 otherwise. RestApi has no property for it. */
  private refuseOldTls(): void {
    const resource = this.api.node.defaultChild;
    if (!(resource instanceof CfnRestApi)) {
      throw new Error("RestApi is no longer made of a CfnRestApi: set the security policy another way.");
    }
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html
    resource.securityPolicy = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09";
    resource.endpointAccessMode = "STRICT";
  }

  private acknowledgeFindings(callers: string): void {
    const rules = Validations.of(this.api);
    rules.acknowledge(
      {
        id: "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        reason: "The role is API Gateway's for the whole account, and this is the policy that AWS keeps for it.",
      },
      {
        id: "HIPAA.Security-APIGWXrayEnabled",
        reason: "The gateway's traces would hold URLs with ids that clients choose; the functions are traced.",
      },
      {
        id: "Serverless::Serverless-APIGWXrayEnabled",
        reason: "The gateway's traces would hold URLs with ids that clients choose; the functions are traced.",
      },
      {
        id: "AwsSolutions-APIG2",
        reason: "The functions validate: only they can answer with all faults of a Patient at once, as FHIR.",
      },
      { id: "AwsSolutions-COG4", reason: `${callers}; they are no users of a pool.` },
      {
        id: "HIPAA.Security-APIGWCacheEnabledAndEncrypted",
        reason: "Nothing is cached: a read shows what Particle holds now, and PHI does not stay at the gateway.",
      },
      {
        id: "HIPAA.Security-APIGWSSLEnabled",
        reason: "A client certificate proves the gateway to an HTTP backend; functions are invoked with IAM.",
      },
    );
  }
}

function endpointOf(
  { privateEndpoint, cors, authorizer }: FhirApiProps,
  served: readonly Route[],
): Pick<RestApiProps, "endpointConfiguration" | "policy"> {
  if (!privateEndpoint) {
    return { endpointConfiguration: { types: [EndpointType.REGIONAL] } };
  }
  const discovery = authorizer ? served.filter(({ open }) => open).map(({ method, path }) => method + path) : [];
  return {
    endpointConfiguration: { types: [EndpointType.PRIVATE], vpcEndpoints: [...privateEndpoint.vpcEndpoints] },
    policy: onlyThroughEndpoints(privateEndpoint.vpcEndpoints, [...(cors ? ["OPTIONS/*"] : []), ...discovery]),
  };
}

const callersOf = (authorizer: IAuthorizer | undefined): string =>
  authorizer
    ? "Every caller shows an access token of the deployment's issuer"
    : "Every caller signs with IAM credentials";

const PREFLIGHT = "Browsers do not sign preflights; the answer holds no data.";
const DISCOVERY = "A client reads here how to get a token; the answer holds no data.";

function addOpenMethod(resource: IResource, method: string, target: IFunction, reason: string): void {
  const added = addMethod(resource, method, target, { authorizationType: AuthorizationType.NONE });
  Validations.of(added).acknowledge({ id: "AwsSolutions-APIG4", reason }, { id: "AwsSolutions-COG4", reason });
}

/**
 * A method that invokes a function, which permits each method apart; the console's test button is not one of the callers.
 * Not a LambdaIntegration: it names its permissions after the path of the whole app, in which a pipeline would be.
 */
function addMethod(resource: IResource, httpMethod: string, target: IFunction, options: MethodOptions = {}): Method {
  const integration = new AwsIntegration({
    proxy: true,
    service: "lambda",
    path: `2015-03-31/functions/${target.functionArn}/invocations`,
    options: { timeout: Duration.seconds(29) },
  });
  const method = resource.addMethod(httpMethod, integration, options);
  target.addPermission("Permission", {
    scope: method,
    principal: new ServicePrincipal("apigateway.amazonaws.com"),
    sourceArn: method.methodArn,
  });
  return method;
}

/** Every resource that the routes make, the ones on the way to them too, and whatever else is asked for. */
function resourcePaths(served: readonly Route[]): readonly string[] {
  const paths = served.flatMap(({ path }) => {
    const segments = path.split("/").slice(1);
    return segments.map((_, index) => `/${segments.slice(0, index + 1).join("/")}`);
  });
  return [...new Set(["/", "/{proxy+}", ...paths])];
}
