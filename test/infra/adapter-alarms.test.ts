import { Stack } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import { Topic } from "aws-cdk-lib/aws-sns";
import { describe, expect, it } from "vitest";
import { FhirParticleAdapter } from "../../infra/constructs/fhir-particle-adapter.ts";
import { functionSpecs } from "../../infra/constructs/function-specs.ts";
import { METRIC } from "../../shared/runtime/metric-names.ts";
import { resourcesOf, testApp } from "./test-app.ts";

const particle = { baseUrl: "https://sandbox.particlehealth.com" };
const stack = new Stack(testApp(), "Stack");
const topic = new Topic(stack, "Topic");
const first = new FhirParticleAdapter(stack, "First", { particle, alarmTopic: topic });
new FhirParticleAdapter(stack, "Second", { particle });
const template = Template.fromStack(stack);
const alarms = Object.entries(resourcesOf(template, "AWS::CloudWatch::Alarm"));
const alarmOf = (id: string) => alarms.find(([logicalId]) => logicalId.startsWith(id))![1].Properties;
const deploymentOf = (id: string): string =>
  alarmOf(id).Dimensions.find(({ Name }: { Name: string }) => Name === "service").Value;

describe("alarms", () => {
  it("tell the topic when they begin and when they end, where there is one", () => {
    const [told, silent] = ["First", "Second"].map((id) => alarms.filter(([logicalId]) => logicalId.startsWith(id)));
    expect(told!.length).toBe(first.alarms.length);
    expect(silent!.length).toBe(first.alarms.length);
    const ref = [{ Ref: stack.getLogicalId(topic.node.defaultChild as never) }];
    for (const [id, { Properties }] of told!) {
      expect([Properties.AlarmActions, Properties.OKActions], id).toEqual([ref, ref]);
    }
    for (const [id, { Properties }] of silent!) {
      expect([Properties.AlarmActions, Properties.OKActions], id).toEqual([undefined, undefined]);
    }
  });

  it("watch their own deployment, whose functions, each of which may meet a bug, are told its name", () => {
    const [one, other] = [deploymentOf("FirstAlarmsTokenTooOld"), deploymentOf("SecondAlarmsTokenTooOld")];
    expect(one).not.toBe(other);
    const told = Object.entries(resourcesOf(template, "AWS::Lambda::Function"))
      .filter(([id]) => id.startsWith("First"))
      .map(([, { Properties }]) => Properties.Environment?.Variables.DEPLOYMENT);
    expect(told).toEqual(Object.keys(functionSpecs).map(() => one));
  });

  it("take silence for a failure of what measures every minute, and of nothing else", () => {
    const bad = alarms.filter(([, { Properties }]) => Properties.TreatMissingData === "breaching").map(([id]) => id);
    expect(bad).toHaveLength(4);
    expect(alarmOf("FirstAlarmsTokenTooOld")).toMatchObject({ Threshold: 3_000, TreatMissingData: "breaching" });
    expect(alarmOf("FirstAlarmsOperationOpenTooLong")).toMatchObject({ Threshold: 600, TreatMissingData: "breaching" });
  });

  it("watch only metrics that the functions write", () => {
    const own = alarms.filter(([, { Properties }]) => Properties.Namespace === "FhirParticleAdapter");
    expect(own.length).toBeGreaterThan(10);
    expect(own.filter(([, { Properties }]) => !Object.values(METRIC).includes(Properties.MetricName))).toEqual([]);
  });

  it("watch the function that verifies tokens for throttling, where there is one, and count its errors", () => {
    const withTokens = new Stack(testApp(), "WithTokens");
    const adapter = new FhirParticleAdapter(withTokens, "Adapter", {
      particle,
      authorisation: {
        kind: "oidc",
        issuer: "https://issuer.example",
        audiences: ["https://adapter.example/fhir"],
        tokenEndpoint: "https://issuer.example/token",
      },
    });
    expect(adapter.alarms).toHaveLength(first.alarms.length + 1);
    const made = Template.fromStack(withTokens);
    const ref = withTokens.resolve(adapter.authorizer?.functionName);
    made.hasResourceProperties("AWS::CloudWatch::Alarm", {
      MetricName: "Throttles",
      Dimensions: [{ Name: "FunctionName", Value: ref }],
      AlarmDescription: "Function throttled: authorize-request (medium). Runbook: docs/runbook.md#function-throttled",
    });
    const [dashboard] = Object.values(resourcesOf(made, "AWS::CloudWatch::Dashboard"));
    expect(JSON.stringify(dashboard!.Properties.DashboardBody)).toMatch(/authorize-request/);
  });

  it("watch every function for throttling", () => {
    const throttles = alarms.filter(([, { Properties }]) => Properties.MetricName === "Throttles");
    expect(throttles).toHaveLength(2 * Object.keys(functionSpecs).length);
  });

  it("are on the dashboard, with every metric", () => {
    const [dashboard] = Object.values(resourcesOf(template, "AWS::CloudWatch::Dashboard"));
    const text = JSON.stringify(dashboard!.Properties.DashboardBody);
    for (const alarm of first.alarms) {
      expect(text).toContain(stack.getLogicalId(alarm.node.defaultChild as never));
    }
    const shown = Object.entries(METRIC).filter(([, name]) => text.includes(`"${name}`) || text.includes(`${name}\\`));
    expect(Object.keys(METRIC).filter((key) => !shown.some(([name]) => name === key))).toEqual(["tokenRefreshes"]);
  });
});

describe("scheduled runs that fail for good", () => {
  it("end in an encrypted queue, both those that were not started and those that failed", () => {
    template.hasResourceProperties("AWS::SQS::Queue", { SqsManagedSseEnabled: true });
    template.hasResourceProperties("AWS::SQS::QueuePolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: "Deny", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
        ]),
      },
    });
    const queue = Object.keys(resourcesOf(template, "AWS::SQS::Queue")).find((id) => id.startsWith("First"));
    const arn = { "Fn::GetAtt": [queue, "Arn"] };
    const schedules = Object.entries(resourcesOf(template, "AWS::Scheduler::Schedule")).filter(([id]) =>
      id.startsWith("First"),
    );
    for (const [, { Properties }] of schedules) {
      expect(Properties.Target.DeadLetterConfig).toEqual({ Arn: arn });
      const [target] = Properties.Target.Arn["Fn::GetAtt"];
      expect(resourcesOf(template, "AWS::Lambda::Function")[target]!.Properties.DeadLetterConfig).toEqual({
        TargetArn: arn,
      });
    }
    const withQueue = Object.values(resourcesOf(template, "AWS::Lambda::Function")).filter(
      ({ Properties }) => Properties.DeadLetterConfig,
    );
    expect(withQueue).toHaveLength(2 * schedules.length);
  });
});
