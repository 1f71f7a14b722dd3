import * as v from "valibot";

/** A Lambda authorizer of type REQUEST. */
export type Authorizer = {
  readonly functionArn: string;
  /** Names, in lower case, of the headers that it is about. */
  readonly identityHeaders: readonly string[];
  /** Milliseconds for which the gateway keeps its answer. */
  readonly keptMs: number;
};

/** One method of one resource: who may call it and which function answers. */
export type ApiMethod = {
  /** Such as `/Patient/{id}`; the root is `/`. */
  readonly resourcePath: string;
  readonly resourceId: string;
  /** A method of HTTP, or `ANY`. */
  readonly httpMethod: string;
  readonly authorization: "AWS_IAM" | "NONE" | Authorizer;
  readonly functionArn: string;
  /** Milliseconds that API Gateway waits for the function. */
  readonly timeoutMs: number;
};

/** A gateway response as the template states it: a static body. */
export type GatewayResponse = {
  readonly statusCode?: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

export type RestApi = {
  readonly id: string;
  readonly stage: string;
  readonly binaryMediaTypes: readonly string[];
  readonly methods: readonly ApiMethod[];
  /** By response type, such as `MISSING_AUTHENTICATION_TOKEN`. */
  readonly gatewayResponses: ReadonlyMap<string, GatewayResponse>;
};

/** Resources of one CloudFormation type by their made-up id, with every intrinsic function resolved. */
export type ResolvedResources = (type: string) => ReadonlyMap<string, unknown>;

const restApiSchema = v.object({ BinaryMediaTypes: v.optional(v.array(v.string()), []) });
const stageSchema = v.object({ StageName: v.string() });
const resourceSchema = v.object({ ParentId: v.string(), PathPart: v.string() });

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html: the default and the longest without a quota. */
const INTEGRATION_TIMEOUT_MS = 29_000;

const functionUri = v.pipe(
  v.string(),
  v.regex(/\/functions\/arn:[^/]+\/invocations$/, "is not the URI of a Lambda function"),
  v.transform((uri) => uri.split("/functions/")[1]?.replace(/\/invocations$/, "") ?? ""),
);

const HEADER = "method.request.header.";

const authorizerSchema = v.object({
  Type: v.literal("REQUEST", "only authorizers of type REQUEST are served locally"),
  AuthorizerUri: functionUri,
  AuthorizerResultTtlInSeconds: v.optional(v.number(), 300),
  IdentitySource: v.pipe(
    v.string(),
    v.transform((sources) => sources.split(",").map((source) => source.trim())),
    v.everyItem((source) => source.startsWith(HEADER), "only headers are served locally"),
    v.mapItems((source) => source.slice(HEADER.length).toLowerCase()),
  ),
});

const methodSchema = v.object({
  ResourceId: v.string(),
  HttpMethod: v.string(),
  AuthorizationType: v.picklist(["AWS_IAM", "NONE", "CUSTOM"], "only AWS_IAM, NONE and CUSTOM are served locally"),
  AuthorizerId: v.optional(v.string(), ""),
  Integration: v.object({
    Type: v.literal("AWS_PROXY", "only Lambda proxy integrations are served locally"),
    Uri: functionUri,
    TimeoutInMillis: v.optional(v.number(), INTEGRATION_TIMEOUT_MS),
  }),
});

const gatewayResponseSchema = v.object({
  ResponseType: v.string(),
  StatusCode: v.optional(v.pipe(v.union([v.string(), v.number()]), v.transform(Number))),
  ResponseParameters: v.optional(
    v.record(
      v.pipe(v.string(), v.regex(/^gatewayresponse\.header\./, "only headers can be mapped")),
      v.pipe(
        v.string(),
        v.regex(/^'.*'$/, "only static values in single quotes are served locally"),
        v.transform((value) => value.slice(1, -1)),
      ),
    ),
    {},
  ),
  ResponseTemplates: v.optional(
    v.record(v.string(), v.pipe(v.string(), v.regex(/^[^$]*$/, "only static bodies are served locally"))),
    {},
  ),
});

/**
 * The one REST API of a template: its resources, methods, gateway responses and stage.
 *
 * @throws Error that names the resource and the property that the local gateway cannot serve.
 */
export function readRestApi(resources: ResolvedResources): RestApi {
  const [api, ...furtherApis] = resources("AWS::ApiGateway::RestApi");
  const [stage, ...furtherStages] = resources("AWS::ApiGateway::Stage").values();
  if (api === undefined || furtherApis.length > 0 || furtherStages.length > 0) {
    throw new Error("The local gateway serves a template with one REST API that has one stage.");
  }
  const [id, properties] = api;

  const parents = new Map<string, v.InferOutput<typeof resourceSchema>>();
  for (const [resourceId, resource] of resources("AWS::ApiGateway::Resource")) {
    parents.set(resourceId, understood(resourceId, resourceSchema, resource));
  }
  const rootId = `${id}.RootResourceId`;
  const pathOf = (resourceId: string): string => {
    const resource = parents.get(resourceId);
    return resource === undefined ? "" : `${pathOf(resource.ParentId)}/${resource.PathPart}`;
  };

  const authorizers = resources("AWS::ApiGateway::Authorizer");
  const authorizerOf = (authorizerId: string): Authorizer => {
    const authorizer = understood(authorizerId, authorizerSchema, authorizers.get(authorizerId));
    return {
      functionArn: authorizer.AuthorizerUri,
      identityHeaders: authorizer.IdentitySource,
      keptMs: authorizer.AuthorizerResultTtlInSeconds * 1000,
    };
  };

  return {
    id,
    stage: stage === undefined ? "prod" : understood("the stage", stageSchema, stage).StageName,
    binaryMediaTypes: understood(id, restApiSchema, properties).BinaryMediaTypes,
    methods: [...resources("AWS::ApiGateway::Method")].map(([methodId, resource]) => {
      const method = understood(methodId, methodSchema, resource);
      return {
        resourcePath: method.ResourceId === rootId ? "/" : pathOf(method.ResourceId),
        resourceId: method.ResourceId,
        httpMethod: method.HttpMethod,
        authorization:
          method.AuthorizationType === "CUSTOM" ? authorizerOf(method.AuthorizerId) : method.AuthorizationType,
        functionArn: method.Integration.Uri,
        timeoutMs: method.Integration.TimeoutInMillis,
      };
    }),
    gatewayResponses: new Map(
      [...resources("AWS::ApiGateway::GatewayResponse")].map(([responseId, resource]) => {
        const response = understood(responseId, gatewayResponseSchema, resource);
        const [template] = Object.entries(response.ResponseTemplates);
        const mapped = Object.entries(response.ResponseParameters).map(
          ([name, value]) => [name.slice("gatewayresponse.header.".length), value] as const,
        );
        return [
          response.ResponseType,
          {
            ...(response.StatusCode === undefined ? {} : { statusCode: response.StatusCode }),
            headers: Object.fromEntries([
              // The key of the template is the media type, unless a header mapping says otherwise.
              ...(template === undefined ? [] : [["content-type", template[0]] as const]),
              ...mapped.map(([name, value]) => [name.toLowerCase(), value] as const),
            ]),
            ...(template === undefined ? {} : { body: template[1] }),
          },
        ];
      }),
    ),
  };
}

/** @throws Error that names the resource and every property that does not fit. */
export function understood<Schema extends v.GenericSchema>(
  id: string,
  schema: Schema,
  properties: unknown,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, properties);
  if (!result.success) {
    throw new Error(`The template's ${id} is not understood: ${v.summarize(result.issues)}`);
  }
  return result.output;
}
