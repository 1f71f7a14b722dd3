import type { APIGatewayProxyEvent, Context } from "aws-lambda";
import { afterEach, describe, expect, it, vi } from "vitest";
import { fhirHandler } from "../../../shared/http/fhir-handler.ts";
import type { InteractionEnd } from "../../../shared/http/interaction-end.ts";
import { createMetrics } from "../../../shared/runtime/metrics.ts";
import { plainTelemetryFromEnv } from "../../../shared/runtime/plain-telemetry.ts";

/** What CloudWatch makes of the lines: each metric with its dimensions and values. */
function measured(run: (metrics: ReturnType<typeof createMetrics>) => void): unknown[] {
  const lines: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  run(createMetrics("one"));
  vi.restoreAllMocks();
  return lines.flatMap((line) => {
    const { _aws, ...values } = JSON.parse(line);
    const [{ Namespace, Dimensions, Metrics }] = _aws.CloudWatchMetrics;
    expect([Namespace, values.service, Dimensions.length]).toEqual(["FhirParticleAdapter", "one", 1]);
    const further = Dimensions[0].filter((name: string) => name !== "service").map((name: string) => values[name]);
    return Metrics.map(({ Name, Unit }: { Name: string; Unit: string }) => [Name, Unit, ...further, values[Name]]);
  });
}

const end = (more: Partial<InteractionEnd>): InteractionEnd => ({
  requestId: "r",
  principal: "p",
  method: "POST",
  route: "/Patient",
  status: 201,
  patients: ["1"],
  ...more,
});

afterEach(() => vi.restoreAllMocks());

describe("metrics", () => {
  it("count registrations by outcome and failures by kind", () => {
    const ends = measured((metrics) => {
      metrics.ended(end({ outcome: "created" }));
      metrics.ended(end({ outcome: "created", entry: 1 }));
      metrics.ended(end({ status: 200, outcome: "unchanged" }));
      metrics.ended(end({ status: 409, failure: "in-flight" }));
      metrics.ended(end({ status: 500, failure: "bug" }));
      metrics.ended(end({ method: "GET", status: 200 }));
      metrics.bug();
      metrics.flush();
    });
    expect(ends).toEqual([
      ["Registrations", "Count", "created", [1, 1]],
      ["Registrations", "Count", "unchanged", 1],
      ["Failures", "Count", "in-flight", 1],
      ["Failures", "Count", "bug", [1, 1]],
    ]);
  });

  it("tell apart what Particle answers of a patient and what is Particle's fault or our token's", () => {
    const failures = (status?: number) =>
      measured((metrics) => {
        const attempt = { call: "putPatient", durationMs: 12, isRepeat: false } as const;
        metrics.attempted(status === undefined ? attempt : { ...attempt, status });
        metrics.flush();
      });
    const latency = (by: string) => ["ParticleLatency", "Milliseconds", "putPatient", by, 12];
    const counts = (failed: number) => [
      ["ParticleRetries", "Count", 0],
      ["ParticleFailures", "Count", failed],
    ];
    for (const [status, by, failed] of [
      [200, "2xx", 0],
      [302, "3xx", 1],
      [400, "4xx", 0],
      [401, "4xx", 1],
      [404, "4xx", 0],
      [429, "429", 1],
      [503, "5xx", 1],
      [undefined, "none", 1],
    ] as const) {
      expect(failures(status), String(status)).toEqual([latency(by), ...counts(failed)]);
    }
  });

  it("count the bug of a request that is about no patient", async () => {
    const telemetry = plainTelemetryFromEnv({ DEPLOYMENT: "one" });
    const handler = fhirHandler(telemetry, async () => {
      throw new TypeError("A bug.");
    });
    const event = {
      httpMethod: "GET",
      headers: {},
      body: null,
      requestContext: { identity: {}, resourcePath: "/x", path: "/x" },
    };
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const context = { getRemainingTimeInMillis: () => 25_000, awsRequestId: "r" };
    const answer = await handler(event as unknown as APIGatewayProxyEvent, context as unknown as Context);
    expect(answer.statusCode).toBe(500);
    const counted = written.mock.calls.map(([text]) => String(text)).filter((text) => text.includes("_aws"));
    expect(counted.map((text) => JSON.parse(text))).toMatchObject([{ service: "one", failure: "bug", Failures: 1 }]);
  });

  it("write each measurement once", () => {
    expect(
      measured((metrics) => {
        metrics.tokenRefreshed();
        metrics.flush();
        metrics.flush();
        metrics.tokenAged(7);
        metrics.flush();
      }),
    ).toEqual([
      ["TokenRefreshes", "Count", 1],
      ["TokenAge", "Seconds", 7],
    ]);
  });
});
