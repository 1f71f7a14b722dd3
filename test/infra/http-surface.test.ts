import { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { ResponseType } from "aws-cdk-lib/aws-apigateway";
import type { CfnFunction } from "aws-cdk-lib/aws-lambda";
import { describe, expect, it } from "vitest";
import { FhirParticleAdapter } from "../../infra/constructs/fhir-particle-adapter.ts";
import { routes } from "../../shared/http/routes.ts";
import { logicalIdOf, resourcesOf, testApp } from "./test-app.ts";

const stack = new Stack(testApp(), "Stack");
const adapter = new FhirParticleAdapter(stack, "Adapter", {
  particle: { baseUrl: "https://sandbox.particlehealth.com" },
});
const template = Template.fromStack(stack);

const nameOf = new Map(
  Object.entries(adapter.functions).map(([name, lambda]) => [
    stack.getLogicalId(lambda.node.defaultChild as CfnFunction),
    name,
  ]),
);

const resources = resourcesOf(template, "AWS::ApiGateway::Resource");
const pathOf = (id: string): string => {
  const resource = resources[id];
  return resource ? `${pathOf(logicalIdOf(resource.Properties.ParentId)!)}/${resource.Properties.PathPart}` : "";
};

/** `GET /Patient/{id}` → name of the function that its integration invokes. */
const methods = new Map(
  Object.values(resourcesOf(template, "AWS::ApiGateway::Method")).map(({ Properties }) => {
    const uri = JSON.stringify(Properties.Integration.Uri);
    const [, target = ""] = /"Fn::GetAtt":\["(\w+)","Arn"\]/.exec(uri) ?? [];
    return [`${Properties.HttpMethod} ${pathOf(logicalIdOf(Properties.ResourceId)!) || "/"}`, nameOf.get(target)];
  }),
);

describe("routes", () => {
  it.each(routes)("$method $path reaches $function", ({ method, path, function: name }) => {
    expect(methods.get(`${method} ${path}`)).toBe(name);
  });

  it("has a fallback on every resource, on the root and on every other path", () => {
    const paths = ["/", ...Object.keys(resources).map(pathOf)];
    expect(paths).toContain("/{proxy+}");
    for (const path of paths) {
      expect(methods.get(`ANY ${path}`), path).toBe("answer-unrouted");
    }
  });

  it("has no method beside those", () => {
    const fallbacks = [...methods.keys()].filter((key) => key.startsWith("ANY "));
    expect(methods.size).toBe(routes.length + fallbacks.length);
  });

  it("hands every request to its function as it came", () => {
    template.allResourcesProperties("AWS::ApiGateway::Method", { Integration: { Type: "AWS_PROXY" } });
  });
});

describe("access", () => {
  it("lets nobody in unsigned", () => {
    template.allResourcesProperties("AWS::ApiGateway::Method", { AuthorizationType: "AWS_IAM" });
  });

  it("speaks TLS 1.2 or newer with forward secrecy, at a regional endpoint", () => {
    template.hasResourceProperties("AWS::ApiGateway::RestApi", {
      EndpointConfiguration: { Types: ["REGIONAL"] },
      SecurityPolicy: "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
      EndpointAccessMode: "STRICT",
    });
  });

  it("bounds how much comes in", () => {
    template.hasResourceProperties("AWS::ApiGateway::Stage", {
      MethodSettings: [{ HttpMethod: "*", ResourcePath: "/*", ThrottlingRateLimit: 50, ThrottlingBurstLimit: 100 }],
    });
  });
});

describe("logs of the gateway", () => {
  const { Properties } = Object.values(resourcesOf(template, "AWS::ApiGateway::Stage"))[0]!;

  it("name who asks for which route from where, never the path, the query or the client's software", () => {
    const variables = Object.values(JSON.parse(Properties.AccessLogSetting.Format));
    expect(variables).toEqual([
      "$context.extendedRequestId",
      "$context.identity.sourceIp",
      "$context.identity.userArn",
      "$context.resourcePath",
      "$context.httpMethod",
      "$context.status",
      "$context.responseLatency",
      "$context.integrationStatus",
      "$context.integrationLatency",
      "$context.integrationErrorMessage",
      "$context.error.responseType",
    ]);
  });

  it("hold errors only, without bodies, and no traces with ids", () => {
    expect(Properties.MethodSettings).toEqual([
      expect.objectContaining({ LoggingLevel: "ERROR", DataTraceEnabled: false }),
    ]);
    expect(Properties.TracingEnabled).toBe(false);
  });

  it("lie in a group that is there before the gateway would make one that never expires", () => {
    const [id, group] = Object.entries(resourcesOf(template, "AWS::Logs::LogGroup")).find(
      ([
        ,
        {
          Properties: { LogGroupName },
        },
      ]) => LogGroupName,
    )!;
    const [api] = Object.keys(resourcesOf(template, "AWS::ApiGateway::RestApi"));
    expect(group.Properties.LogGroupName).toEqual({
      "Fn::Join": ["", ["API-Gateway-Execution-Logs_", { Ref: api }, `/${Properties.StageName}`]],
    });
    const stage = Object.values(template.findResources("AWS::ApiGateway::Stage"))[0]!;
    expect(stage["DependsOn"]).toContain(id);
  });
});

describe("answers of the gateway itself", () => {
  const answers = new Map(
    Object.values(resourcesOf(template, "AWS::ApiGateway::GatewayResponse")).map(({ Properties }) => [
      Properties.ResponseType as string,
      Properties,
    ]),
  );
  const everyType = Object.values(ResponseType).filter((value) => value instanceof ResponseType);

  it("cover every kind that API Gateway knows", () => {
    expect([...answers.keys()].sort()).toEqual(everyType.map(({ responseType }) => responseType).sort());
  });

  it.each(everyType.map(({ responseType }) => responseType))("%s is an OperationOutcome", (type) => {
    const { ResponseParameters, ResponseTemplates } = answers.get(type);
    expect(ResponseParameters).toMatchObject({
      "gatewayresponse.header.Content-Type": "'application/fhir+json'",
      "gatewayresponse.header.Cache-Control": "'no-store'",
    });
    expect(Object.keys(ResponseTemplates)).toEqual(["application/json"]);
    const body = ResponseTemplates["application/json"];
    // A $ would be a variable to the gateway: what it said about the request must not come back.
    expect(body).not.toContain("$");
    expect(JSON.parse(body)).toEqual({
      resourceType: "OperationOutcome",
      issue: [{ severity: "error", code: expect.any(String), diagnostics: expect.any(String) }],
    });
  });

  it.each([
    ["MISSING_AUTHENTICATION_TOKEN", "401", "login"],
    ["INVALID_SIGNATURE", "401", "login"],
    ["EXPIRED_TOKEN", "401", "expired"],
    ["UNAUTHORIZED", "401", "login"],
    ["ACCESS_DENIED", "403", "forbidden"],
    ["WAF_FILTERED", "403", "forbidden"],
    ["INVALID_API_KEY", "403", "forbidden"],
    ["RESOURCE_NOT_FOUND", "404", "not-found"],
    ["REQUEST_TOO_LARGE", "413", "too-long"],
    ["UNSUPPORTED_MEDIA_TYPE", "415", "not-supported"],
    ["BAD_REQUEST_BODY", "400", "structure"],
    ["BAD_REQUEST_PARAMETERS", "400", "invalid"],
    ["THROTTLED", "429", "throttled"],
    ["QUOTA_EXCEEDED", "429", "throttled"],
    ["INTEGRATION_TIMEOUT", "504", "timeout"],
    ["INTEGRATION_FAILURE", "502", "transient"],
    ["API_CONFIGURATION_ERROR", "500", "exception"],
    ["AUTHORIZER_FAILURE", "503", "transient"],
    ["AUTHORIZER_CONFIGURATION_ERROR", "503", "transient"],
    // The defaults stand for several statuses each and leave the gateway's own.
    ["DEFAULT_4XX", undefined, "processing"],
    ["DEFAULT_5XX", undefined, "exception"],
  ])("%s is %s %s", (type, status, code) => {
    const { StatusCode, ResponseTemplates } = answers.get(type);
    expect(StatusCode).toBe(status);
    expect(JSON.parse(ResponseTemplates["application/json"]).issue[0].code).toBe(code);
  });

  it("name a scheme with every 401 (RFC 9110, section 15.5.2)", () => {
    const unauthorized = [...answers.values()].filter(({ StatusCode }) => StatusCode === "401");
    for (const { ResponseParameters } of unauthorized) {
      expect(ResponseParameters["gatewayresponse.header.WWW-Authenticate"]).toBe("'AWS4-HMAC-SHA256'");
    }
  });

  it.each(["INTEGRATION_TIMEOUT", "INTEGRATION_FAILURE", "DEFAULT_5XX"])(
    "%s says that the outcome is unknown and when to repeat the request",
    (type) => {
      const { ResponseParameters, ResponseTemplates } = answers.get(type);
      expect(ResponseParameters["gatewayresponse.header.Retry-After"]).toBe("'60'");
      expect(ResponseTemplates["application/json"]).toContain("outcome is not known");
    },
  );
});
