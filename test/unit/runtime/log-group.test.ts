import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLogGroupWriter } from "../../../shared/runtime/log-group.ts";
import { type Received, type Reply, type ScriptedServer, startScriptedServer } from "../../support/scripted-server.ts";

let server: ScriptedServer | undefined;

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "example");
  vi.stubEnv("AWS_SESSION_TOKEN", "session-example");
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server?.close();
});

const events = [{ timestamp: 1_700_000_000_000, message: "what happened" }];
const targetOf = ({ headers }: Received) => headers["x-amz-target"];

async function writerTo(reply: (request: Received) => Reply) {
  server = await startScriptedServer(reply);
  return createLogGroupWriter({ region: "us-east-1", endpoint: server.url, group: "audit", stream: "one" });
}

describe("writing to a log group", () => {
  it("makes the stream once, signs each request, and sends the events", async () => {
    const write = await writerTo(() => ({ body: "{}" }));
    await write(events, 2_000);
    await write(events, 2_000);
    expect(server?.received.map(targetOf)).toEqual([
      "Logs_20140328.CreateLogStream",
      "Logs_20140328.PutLogEvents",
      "Logs_20140328.PutLogEvents",
    ]);
    const { headers, body } = server!.received[1]!;
    expect(JSON.parse(body)).toEqual({ logGroupName: "audit", logStreamName: "one", logEvents: events });
    expect(headers).toMatchObject({
      "content-type": "application/x-amz-json-1.1",
      "x-amz-security-token": "session-example",
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/logs\/aws4_request, SignedHeaders=[\w;-]*host;/,
      ),
    });
  });

  it("takes a stream that is there already for its own", async () => {
    const exists = '{"__type":"com.amazonaws.logs#ResourceAlreadyExistsException"}';
    const write = await writerTo((request) =>
      targetOf(request)?.includes("Create") ? { status: 400, body: exists } : { body: "{}" },
    );
    await expect(write(events, 2_000)).resolves.toBeUndefined();
  });

  it.each([
    { status: 503 },
    { status: 400, body: '{"__type":"ThrottlingException"}' },
    (socket: { destroy(): void }) => socket.destroy(),
  ] as Reply[])("repeats what may end otherwise: %j", async (failure) => {
    let failures = 2;
    const write = await writerTo((request) => {
      failures -= targetOf(request)?.includes("Put") ? 1 : 0;
      return targetOf(request)?.includes("Put") && failures >= 0 ? failure : { body: "{}" };
    });
    await expect(write(events, 5_000)).resolves.toBeUndefined();
    expect(server?.received).toHaveLength(4);
  });

  it("gives up at once on a refusal, and says which, without the events", async () => {
    const write = await writerTo(() => ({
      status: 400,
      body: '{"__type":"AccessDeniedException","message":"what happened"}',
    }));
    await expect(write(events, 2_000)).rejects.toThrow(
      /^CreateLogStream was answered 400 \(AccessDeniedException\)\.$/,
    );
    expect(server?.received).toHaveLength(1);
  });

  it("ends in its time when nobody answers", async () => {
    const write = await writerTo(() => "silence");
    const begun = performance.now();
    await expect(write(events, 200)).rejects.toThrow("time is over");
    expect(performance.now() - begun).toBeLessThan(1_500);
  });
});
