import { NestedStack, Stack, Stage } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import type { Construct } from "constructs";
import { describe, expect, it } from "vitest";
import { FhirParticleAdapter } from "../../infra/constructs/fhir-particle-adapter.ts";
import { functionsOf, resourcesOf, testApp } from "./test-app.ts";

const particle = { baseUrl: "https://sandbox.particlehealth.com" };

/** The one name that the functions are told. */
function toldIn(template: Template): unknown {
  const names = Object.values(functionsOf(template)).flatMap(
    ({ Properties }) => Properties.Environment?.Variables.DEPLOYMENT ?? [],
  );
  expect(names.length).toBeGreaterThan(0);
  expect(names).toEqual(names.map(() => names[0]));
  return names[0];
}

describe("the name of a deployment", () => {
  it("is that of its stack and its path below it", () => {
    const stack = new Stack(testApp(), "Stack", { stackName: "records" });
    new FhirParticleAdapter(stack, "O'Neil's", { particle });
    const template = Template.fromStack(stack);
    expect(toldIn(template)).toBe("records/O%27Neil%27s");
    template.hasResourceProperties("AWS::ApiGateway::RestApi", { Name: "records/O%27Neil%27s" });
  });

  it("tells two stacks apart that make the same in two apps", () => {
    const [one, other] = ["beta", "gamma"].map((stackName) => {
      const stack = new Stack(testApp(), "Stack", { stackName });
      new FhirParticleAdapter(stack, "Adapter", { particle });
      return toldIn(Template.fromStack(stack));
    });
    expect([one, other]).toEqual(["beta/Adapter", "gamma/Adapter"]);
  });

  it("is made by the deployment where it makes the name of the stack", () => {
    const nested = new NestedStack(new Stack(testApp(), "Stack"), "Nested");
    new FhirParticleAdapter(nested, "Adapter", { particle });
    const template = Template.fromStack(nested);
    const name = toldIn(template);
    expect(JSON.stringify(name)).toContain('{"Ref":"AWS::StackName"}');
    expect(JSON.stringify(name)).toContain("/Adapter");
    const alarms = Object.values(resourcesOf(template, "AWS::CloudWatch::Alarm"));
    const dimensions = alarms.flatMap(({ Properties }) => Properties.Dimensions ?? []);
    expect(dimensions).toContainEqual({ Name: "service", Value: name });
  });
});

describe("a deployment", () => {
  it("with tokens is the same wherever its stack stands in an app", () => {
    const templateIn = (scope: Construct) => {
      const stack = new Stack(new Stage(scope, "Beta"), "Stack", { stackName: "records" });
      new FhirParticleAdapter(stack, "Adapter", {
        particle,
        firewall: "managed",
        authorisation: {
          kind: "oidc",
          issuer: "https://issuer.example",
          audiences: ["https://adapter.example/fhir"],
          tokenEndpoint: "https://issuer.example/token",
        },
      });
      // Code that a test does not bundle has a hash of its path in the app.
      return JSON.stringify(Template.fromStack(stack).toJSON()).replaceAll(/\b[0-9a-f]{64}\b/g, "");
    };
    expect(JSON.parse(templateIn(new Stack(testApp(), "Pipeline")))).toEqual(JSON.parse(templateIn(testApp())));
  });
});
