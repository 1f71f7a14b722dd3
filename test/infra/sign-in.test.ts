import { Duration, Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import type { TokenAuthorisation } from "../../infra/constructs/authorisation-props.ts";
import { FhirParticleAdapter } from "../../infra/constructs/fhir-particle-adapter.ts";
import { routes, tokenRoutes } from "../../shared/http/routes.ts";
import { logicalIdOf, resourcesOf, testApp } from "./test-app.ts";

const particle = { baseUrl: "https://sandbox.particlehealth.com" };
const required: TokenAuthorisation = {
  kind: "oidc",
  issuer: "https://issuer.example/tenant/",
  audiences: ["https://adapter.example/fhir", "adapter"],
  tokenEndpoint: "https://issuer.example/token",
};

function templateWith(authorisation: TokenAuthorisation, more = {}): Template {
  const stack = new Stack(testApp(), "Stack");
  new FhirParticleAdapter(stack, "Adapter", { particle, authorisation, ...more });
  return Template.fromStack(stack);
}

const variablesOf = (template: Template, id: RegExp): Record<string, string> =>
  Object.entries(resourcesOf(template, "AWS::Lambda::Function")).find(([name]) => id.test(name))![1].Properties
    .Environment?.Variables;

describe("with an issuer of tokens", () => {
  const template = templateWith(required, { cors: { allowedOrigins: ["https://app.example.org"] } });
  const resources = resourcesOf(template, "AWS::ApiGateway::Resource");
  const pathOf = (id: string): string => {
    const resource = resources[id];
    return resource ? `${pathOf(logicalIdOf(resource.Properties.ParentId)!)}/${resource.Properties.PathPart}` : "";
  };
  const methods = new Map(
    Object.values(resourcesOf(template, "AWS::ApiGateway::Method")).map(({ Properties }) => [
      `${Properties.HttpMethod} ${pathOf(logicalIdOf(Properties.ResourceId)!) || "/"}`,
      Properties,
    ]),
  );
  const [[authorizerId, authorizer] = []] = Object.entries(resourcesOf(template, "AWS::ApiGateway::Authorizer"));

  it("asks the authorizer about every method but discovery and preflights", () => {
    const open = [...methods].filter(([, { AuthorizationType }]) => AuthorizationType === "NONE").map(([key]) => key);
    expect(open.filter((key) => !key.startsWith("OPTIONS ")).sort()).toEqual([
      "GET /.well-known/smart-configuration",
      "GET /metadata",
      "HEAD /.well-known/smart-configuration",
      "HEAD /metadata",
    ]);
    const closed = [...methods].filter(([key]) => !open.includes(key));
    expect(closed.length).toBeGreaterThan(routes.length);
    for (const [key, { AuthorizationType, AuthorizerId }] of closed) {
      expect([AuthorizationType, logicalIdOf(AuthorizerId)], key).toEqual(["CUSTOM", authorizerId]);
    }
    expect(methods.get("ANY /{proxy+}").AuthorizationType).toBe("CUSTOM");
  });

  it("names the client of the token in the access log", () => {
    const [{ Properties } = { Properties: {} }] = Object.values(resourcesOf(template, "AWS::ApiGateway::Stage"));
    expect(JSON.parse(Properties.AccessLogSetting.Format).caller).toBe("$context.authorizer.principalId");
  });

  it.each([...routes, ...tokenRoutes])("serves $method $path", ({ method, path }) => {
    expect([...methods.keys()]).toContain(`${method} ${path}`);
  });

  it("keeps what it learned of a token for five minutes, and answers 401 by itself where there is none", () => {
    expect(authorizer?.Properties).toMatchObject({
      Type: "REQUEST",
      IdentitySource: "method.request.header.Authorization",
      AuthorizerResultTtlInSeconds: 300,
    });
  });

  it("lets the authorizer write logs and traces, and nothing else", () => {
    const [, policy] = Object.entries(resourcesOf(template, "AWS::IAM::Policy")).find(([id]) =>
      id.startsWith("AdapterSignIn"),
    )!;
    const actions = policy.Properties.PolicyDocument.Statement.flatMap(({ Action }: { Action: string }) => Action);
    expect(actions.sort()).toEqual([
      "logs:CreateLogStream",
      "logs:PutLogEvents",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]);
  });

  it("lets this API's authorizer invoke the function, and no other", () => {
    const permissions = Object.values(resourcesOf(template, "AWS::Lambda::Permission")).filter(({ Properties }) =>
      JSON.stringify(Properties.FunctionName).includes("AuthorizeRequest"),
    );
    expect(permissions).toHaveLength(1);
    expect(JSON.stringify(permissions[0]!.Properties.SourceArn)).toContain(authorizerId);
  });

  it("tells the functions the documented defaults, each what it needs", () => {
    expect(variablesOf(template, /AuthorizeRequest/)).toEqual({
      DEPLOYMENT: expect.anything(),
      OIDC_ISSUER: "https://issuer.example/tenant/",
      OIDC_AUDIENCES: "https://adapter.example/fhir adapter",
      OIDC_ALGORITHMS: "RS256 RS384 ES256 ES384",
      OIDC_CLOCK_TOLERANCE_SECONDS: "30",
    });
    expect(variablesOf(template, /DescribeCapabilities/)).toMatchObject({
      OIDC_ISSUER: "https://issuer.example/tenant/",
      OIDC_TOKEN_ENDPOINT: "https://issuer.example/token",
      OIDC_CLIENT_AUTHENTICATION: "private_key_jwt",
    });
    expect(variablesOf(template, /CreatePatient/)).not.toHaveProperty("OIDC_ISSUER");
  });

  it("asks for a token with every 401 of the gateway", () => {
    const answers = Object.values(resourcesOf(template, "AWS::ApiGateway::GatewayResponse")).map(
      ({ Properties }) => Properties,
    );
    const unauthorized = answers.filter(({ StatusCode }) => StatusCode === "401");
    expect(unauthorized.length).toBeGreaterThan(0);
    for (const { ResponseParameters, ResponseTemplates } of unauthorized) {
      expect(ResponseParameters["gatewayresponse.header.WWW-Authenticate"]).toBe("'Bearer'");
      expect(ResponseTemplates["application/json"]).toContain("access token");
    }
    expect(JSON.stringify(answers)).not.toMatch(/AWS4|Signature Version 4|execute-api/);
  });
});

describe("the props of an issuer", () => {
  it("say what they say", () => {
    const template = templateWith({
      ...required,
      jwksUri: "https://issuer.example/keys",
      algorithms: ["ES384"],
      clientAuthentication: ["client_secret_basic"],
      clockTolerance: Duration.seconds(5),
      cacheTokens: Duration.seconds(0),
    });
    expect(variablesOf(template, /AuthorizeRequest/)).toMatchObject({
      OIDC_JWKS_URI: "https://issuer.example/keys",
      OIDC_ALGORITHMS: "ES384",
      OIDC_CLOCK_TOLERANCE_SECONDS: "5",
    });
    expect(variablesOf(template, /DescribeCapabilities/)).toMatchObject({
      OIDC_JWKS_URI: "https://issuer.example/keys",
      OIDC_CLIENT_AUTHENTICATION: "client_secret_basic",
    });
    template.hasResourceProperties("AWS::ApiGateway::Authorizer", { AuthorizerResultTtlInSeconds: 0 });
  });

  it.each([
    ["an issuer over plain http", { issuer: "http://issuer.example" }, /issuer must be an https/],
    ["keys over plain http", { jwksUri: "http://issuer.example/keys" }, /jwksUri must be an https/],
    ["tokens over plain http", { tokenEndpoint: "http://issuer.example/token" }, /tokenEndpoint must be an https/],
    ["no audience", { audiences: [] }, /audience/],
    ["an audience that is two", { audiences: ["a b"] }, /blank/],
    ["no algorithm", { algorithms: [] }, /algorithm/],
  ])("are refused with %s", (_, wrong, message) => {
    expect(() => templateWith({ ...required, ...wrong })).toThrow(message);
  });
});

describe("without one", () => {
  it("nothing of it is there, and every method is signed", () => {
    const stack = new Stack(testApp(), "Stack");
    new FhirParticleAdapter(stack, "Adapter", { particle, authorisation: { kind: "iam" } });
    const template = Template.fromStack(stack);
    template.resourceCountIs("AWS::ApiGateway::Authorizer", 0);
    template.allResourcesProperties("AWS::ApiGateway::Method", { AuthorizationType: "AWS_IAM" });
    const paths = Object.values(resourcesOf(template, "AWS::ApiGateway::Resource")).map(
      ({ Properties }) => Properties.PathPart,
    );
    expect(paths).not.toContain(".well-known");
    expect(/OIDC_|AuthorizeRequest/.exec(JSON.stringify(template.toJSON()))).toBeNull();
  });
});
