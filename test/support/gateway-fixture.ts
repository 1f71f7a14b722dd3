import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { APIGatewayProxyEvent } from "aws-lambda";
import { type Gateway, startGateway } from "../../local/gateway/gateway.ts";
import { createFunctionFleet, type FunctionFleet } from "../../local/lambda/function-fleet.ts";
import { createFunctionLog, type FunctionLog } from "../../local/lambda/function-log.ts";
import { readStack } from "../../local/template/assembly.ts";
import { type Deployment, readDeployment } from "../../local/template/deployment.ts";
import { writeCloudAssembly } from "./cloud-assembly.ts";

export const method = (resourceId: unknown, httpMethod: string, uri: unknown, more = {}) => ({
  Type: "AWS::ApiGateway::Method",
  Properties: {
    RestApiId: { Ref: "Api" },
    ResourceId: resourceId,
    HttpMethod: httpMethod,
    AuthorizationType: "AWS_IAM",
    Integration: { Type: "AWS_PROXY", IntegrationHttpMethod: "POST", Uri: uri, ...more },
  },
});
const resource = (parentId: unknown, pathPart: string) => ({
  Type: "AWS::ApiGateway::Resource",
  Properties: { RestApiId: { Ref: "Api" }, ParentId: parentId, PathPart: pathPart },
});
const lambda = (hash: string, more = {}) => ({
  Type: "AWS::Lambda::Function",
  Metadata: { "aws:cdk:path": `beta/stack/Adapter/${hash}/Resource` },
  Properties: {
    Code: { S3Bucket: { "Fn::Sub": `assets-\${AWS::AccountId}-\${AWS::Region}` }, S3Key: `${hash}.zip` },
    Handler: "index.handler",
    Runtime: "nodejs24.x",
    Timeout: 20,
    ...more,
  },
});
const response = (type: string, more = {}) => ({
  Type: "AWS::ApiGateway::GatewayResponse",
  Properties: {
    RestApiId: { Ref: "Api" },
    ResponseType: type,
    ResponseParameters: { "gatewayresponse.header.Content-Type": "'application/fhir+json'" },
    ResponseTemplates: {
      "application/json": JSON.stringify({ resourceType: "OperationOutcome", issue: [{ code: type }] }),
    },
    ...more,
  },
});

// The three ways in which a template may name the function behind a method.
const byJoin = (id: string) => ({
  "Fn::Join": [
    "",
    [
      "arn:",
      { Ref: "AWS::Partition" },
      ":apigateway:",
      { Ref: "AWS::Region" },
      ":lambda:path/2015-03-31/functions/",
      { "Fn::GetAtt": [id, "Arn"] },
      "/invocations",
    ],
  ],
});
const bySub = (id: string) => ({
  "Fn::Sub": `arn:\${AWS::Partition}:apigateway:\${AWS::Region}:lambda:path/2015-03-31/functions/\${${id}.Arn}/invocations`,
});
const bySubWithVariables = (id: string) => ({
  "Fn::Sub": [
    `arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/\${arn}/invocations`,
    { arn: { "Fn::GetAtt": `${id}.Arn` } },
  ],
});
export const root = { "Fn::GetAtt": ["Api", "RootResourceId"] };

export const resources = {
  Api: {
    Type: "AWS::ApiGateway::RestApi",
    Properties: { Name: "api", BinaryMediaTypes: ["application/octet-stream"] },
  },
  Stage: { Type: "AWS::ApiGateway::Stage", Properties: { RestApiId: { Ref: "Api" }, StageName: "fhir" } },
  Things: resource(root, "Things"),
  Thing: resource({ Ref: "Things" }, "{id}"),
  ThingSearch: resource({ Ref: "Things" }, "_search"),
  ThingHistory: resource({ Ref: "Thing" }, "_history"),
  ThingVersion: resource({ Ref: "ThingHistory" }, "{version}"),
  Anything: resource(root, "{proxy+}"),
  Misbehaviour: resource(root, "misbehave"),
  Slowness: resource(root, "slow"),
  Hello: resource(root, "hello"),
  GetThings: method({ Ref: "Things" }, "GET", byJoin("Echo")),
  HeadThings: method({ Ref: "Things" }, "HEAD", byJoin("Echo")),
  AnyThings: method({ Ref: "Things" }, "ANY", byJoin("Fallback")),
  GetThing: method({ Ref: "Thing" }, "GET", bySub("Echo")),
  PutThing: method({ Ref: "Thing" }, "PUT", bySub("Echo")),
  SearchThings: method({ Ref: "ThingSearch" }, "POST", bySubWithVariables("Echo")),
  GetVersion: method({ Ref: "ThingVersion" }, "GET", byJoin("Echo")),
  AnyAnything: method({ Ref: "Anything" }, "ANY", byJoin("Fallback")),
  PostMisbehaviour: method({ Ref: "Misbehaviour" }, "POST", byJoin("Misbehave")),
  PostSlowness: method({ Ref: "Slowness" }, "POST", byJoin("Misbehave"), { TimeoutInMillis: 300 }),
  GetHello: {
    ...method({ Ref: "Hello" }, "GET", byJoin("Hello")),
    Properties: { ...method({ Ref: "Hello" }, "GET", byJoin("HelloModule")).Properties, AuthorizationType: "NONE" },
  },
  Echo: lambda("echo", {
    Timeout: 25,
    MemorySize: 512,
    Environment: {
      Variables: {
        TABLE: { Ref: "Table" },
        TABLE_ARN: { "Fn::GetAtt": ["Table", "Arn"] },
        SECRET_ARN: { Ref: "Secret" },
        PARTICLE_BASE_URL: "https://particle.example",
        FOREIGN: { "Fn::ImportValue": "some-export" },
        PART: { "Fn::Select": [1, { "Fn::Split": ["-", "a-b-c"] }] },
      },
    },
  }),
  Fallback: lambda("fallback"),
  Misbehave: lambda("misbehave", { Timeout: 1 }),
  HelloModule: lambda("hello"),
  Table: {
    Type: "AWS::DynamoDB::Table",
    Properties: { KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }], AttributeDefinitions: [] },
  },
  Secret: {
    Type: "AWS::SecretsManager::Secret",
    Properties: { GenerateSecretString: { GenerateStringKey: "k1", SecretStringTemplate: '{"current":"k1"}' } },
  },
  Schedule: {
    Type: "AWS::Scheduler::Schedule",
    Properties: { ScheduleExpression: "rate(30 minutes)", Target: { Arn: { "Fn::GetAtt": ["Echo", "Arn"] } } },
  },
  Unsigned: response("MISSING_AUTHENTICATION_TOKEN", { StatusCode: "401" }),
  TooLarge: response("REQUEST_TOO_LARGE"),
  Refused: response("DEFAULT_4XX"),
  Failed: response("DEFAULT_5XX", {
    ResponseParameters: {
      "gatewayresponse.header.Content-Type": "'application/fhir+json'",
      "gatewayresponse.header.Retry-After": "'60'",
    },
  }),
};

const sources = {
  echo: {
    code: `
      let calls = 0;
      exports.handler = async (event, context) => {
        calls += 1;
        console.log("echo " + event.path);
        return {
          statusCode: 200,
          headers: { "X-Single": "one", "x-both": "b", Date: "never", "WWW-Authenticate": "Bearer", ETag: 'W/"1"' },
          multiValueHeaders: { "X-Both": ["a", "b"], "Set-Cookie": ["c=1", "d=2"] },
          body: JSON.stringify({
            event, calls, env: process.env,
            context: { ...context, remaining: context.getRemainingTimeInMillis() },
          }),
        };
      };`,
  },
  fallback: { code: `exports.handler = async (event) => ({ statusCode: 404, body: "fallback " + event.path });` },
  misbehave: {
    code: `
      const answers = {
        throw: () => { throw new TypeError("broken"); },
        exit: () => process.exit(1),
        later: () => { setImmediate(() => { throw new Error("later"); }); return new Promise(() => {}); },
        "spin": () => { for (;;) {} },
        hang: () => new Promise(() => { setInterval(() => console.log("still here"), 20); }),
        nothing: () => undefined,
        "no-status": () => ({ body: "x" }),
        "object-body": () => ({ statusCode: 200, body: { a: 1 } }),
        "more-members": () => ({ statusCode: 200, body: "", cookies: [] }),
        "bad-header": () => ({ statusCode: 200, headers: { "x-y": "line\\nbreak" } }),
        large: () => ({ statusCode: 200, body: "x".repeat(7 * 1024 * 1024) }),
        bytes: () => ({ statusCode: 200, headers: { "content-type": "application/octet-stream" }, body: "/+8=", isBase64Encoded: true }),
        "no-content": () => ({ statusCode: 204, headers: {} }),
        fine: () => ({ statusCode: "201", body: "fine" }),
      };
      exports.handler = async (event) => answers[event.body]();`,
  },
  hello: {
    mjs: true,
    code: `
      import { threadId } from "node:worker_threads";
      await Promise.resolve();
      export const handler = async (event) => {
        const ms = Number(event.queryStringParameters?.ms ?? 0);
        if (ms >= 10000) console.log("a long wait begins");
        await new Promise((resolve) => setTimeout(resolve, ms));
        return { statusCode: 200, body: JSON.stringify({ threadId, userArn: event.requestContext?.identity.userArn ?? null }) };
      };`,
  },
};

/** What the function behind most routes answers: all that it was told. */
export type Echo = {
  event: APIGatewayProxyEvent;
  calls: number;
  env: Record<string, string>;
  context: Record<string, unknown>;
};

export type GatewayFixture = {
  readonly deployment: Deployment;
  readonly fleet: FunctionFleet;
  readonly gateway: Gateway;
  readonly log: FunctionLog;
  /** Calls the function that misbehaves as it is told. */
  misbehave(how: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
};

/** A gateway in front of small functions that stand for what a function may do, with two workers for each. */
export async function startGatewayFixture(): Promise<GatewayFixture> {
  const outDir = await mkdtemp(join(tmpdir(), "gateway-"));
  await writeCloudAssembly(outDir, "beta", resources, sources);
  const deployment = readDeployment(readStack(outDir, "beta"));
  const log = createFunctionLog(1000);
  const fleet = createFunctionFleet(deployment.functions, {
    endpoints: { dynamodb: "http://127.0.0.1:1", secretsManager: "http://127.0.0.1:2" },
    environment: { PARTICLE_BASE_URL: "http://127.0.0.1:3", NOT_OF_THE_TEMPLATE: "x" },
    concurrency: 2,
    log,
  });
  const gateway = await startGateway({ api: deployment.api, invoke: fleet.invoke, port: 0 });
  return {
    deployment,
    fleet,
    gateway,
    log,
    misbehave: (how, init = {}) => fetch(`${gateway.url}/misbehave`, { method: "POST", body: how, ...init }),
    async close() {
      await gateway.close();
      await fleet.close();
      await rm(outDir, { recursive: true });
    },
  };
}
