import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readStack } from "../../local/template/assembly.ts";
import { readDeployment } from "../../local/template/deployment.ts";
import { writeCloudAssembly } from "../support/cloud-assembly.ts";
import {
  type Echo,
  type GatewayFixture,
  method,
  resources,
  root,
  startGatewayFixture,
} from "../support/gateway-fixture.ts";

let fixture: GatewayFixture;
beforeAll(async () => {
  fixture = await startGatewayFixture();
});
afterAll(() => fixture.close());

const echo = async (path: string, init?: RequestInit): Promise<Echo> => {
  const answer = await fetch(fixture.gateway.url + path, init);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Echo;
};
describe("functions", () => {
  it("have the environment of the template and of Lambda, and nothing of this process", async () => {
    const { env } = await echo("/Things");
    expect(env).toMatchObject({
      TABLE: "Table",
      TABLE_ARN: "arn:aws:dynamodb:us-east-1:000000000000:table/Table",
      SECRET_ARN: "arn:aws:secretsmanager:us-east-1:000000000000:secret:Secret-Local0",
      PARTICLE_BASE_URL: "http://127.0.0.1:3",
      FOREIGN: "some-export",
      PART: "b",
      AWS_REGION: "us-east-1",
      AWS_LAMBDA_FUNCTION_NAME: "echo",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
      AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1",
      AWS_ENDPOINT_URL_SECRETS_MANAGER: "http://127.0.0.1:2",
    });
    for (const name of ["NOT_OF_THE_TEMPLATE", "VITEST", "HOME", "NODE_ENV"]) {
      expect(env).not.toHaveProperty(name);
    }
  });

  it("are told what Lambda tells", async () => {
    const { context } = await echo("/Things");
    expect(context).toMatchObject({
      functionName: "echo",
      invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:echo",
      memoryLimitInMB: "512",
      callbackWaitsForEmptyEventLoop: true,
    });
    expect(context["awsRequestId"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(context["remaining"]).toBeGreaterThan(20_000);
    expect(context["remaining"]).toBeLessThanOrEqual(25_000);
  });

  it("leave all their output in the log before they answer", async () => {
    await echo("/Things/logged");
    expect(fixture.log.entries().at(-1)).toMatchObject({
      functionName: "echo",
      stream: "stdout",
      text: "echo /Things/logged\n",
    });
  });

  it("keep what they loaded from one invocation to the next", async () => {
    const first = await echo("/Things");
    const second = await echo("/Things");
    expect(second.calls).toBe(first.calls + 1);
  });

  it.each(["spin", "hang"])("are really ended when their time is over: %s", async (how) => {
    const began = performance.now();
    const answer = await fixture.misbehave(how);
    expect(performance.now() - began).toBeGreaterThan(950);
    expect(answer.status).toBe(502);
    const output = fixture.log.entries().length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(fixture.log.entries().length).toBe(output);
    expect(await (await fixture.misbehave("fine")).text()).toBe("fine");
  });

  it("die in the middle of their work when they are killed, and come back for the next request", async () => {
    const cut = fetch(`${fixture.gateway.url}/hello?ms=10000`);
    await vi.waitUntil(() => fixture.log.entries().some(({ text }) => text === "a long wait begins\n"));
    const before = (await (await fetch(`${fixture.gateway.url}/hello`)).json()) as { threadId: number };
    expect(await fixture.fleet.kill("hello")).toBe(2);
    expect((await cut).status).toBe(502);
    const after = (await (await fetch(`${fixture.gateway.url}/hello`)).json()) as { threadId: number };
    expect(after.threadId).not.toBe(before.threadId);
  });

  it("run one invocation at a time in each of a few workers, and none is lost", async () => {
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const answer = await fetch(`${fixture.gateway.url}/hello?ms=1`);
        return [answer.status, ((await answer.json()) as { threadId: number }).threadId] as const;
      }),
    );
    expect(answers.filter(([status]) => status !== 200)).toEqual([]);
    expect(new Set(answers.map(([, threadId]) => threadId)).size).toBe(2);
  });

  it("can be invoked without the gateway", async () => {
    expect(await fixture.fleet.invoke("hello", "{}")).toMatchObject({ ok: true });
    expect(await fixture.fleet.invoke("misbehave", '{"body":"throw"}')).toEqual({
      ok: false,
      errorType: "TypeError",
      errorMessage: "broken",
    });
    await expect(fixture.fleet.invoke("nobody", "{}")).rejects.toThrow("There is no function nobody.");
  });
});

describe("the template", () => {
  it("tells of the table, the secrets and the schedules", () => {
    expect(fixture.deployment.tableNames).toEqual(["Table"]);
    expect(fixture.deployment.secrets).toMatchObject([
      { name: "Secret", generate: { GenerateStringKey: "k1", PasswordLength: 32 } },
    ]);
    expect(fixture.deployment.schedules).toEqual([
      {
        name: "Schedule",
        everyMs: 1_800_000,
        functionArn: "arn:aws:lambda:us-east-1:000000000000:function:echo",
        input: "{}",
      },
    ]);
  });

  it("is refused, with the place, where it asks for what is not served locally", async () => {
    const dir = await mkdtemp(join(tmpdir(), "gateway-"));
    try {
      const mock = method(root, "GET", "unused", { Type: "MOCK" });
      await writeCloudAssembly(dir, "beta", { Api: resources.Api, GetRoot: mock }, {});
      expect(() => readDeployment(readStack(dir, "beta"))).toThrow(/GetRoot.*only Lambda proxy integrations/s);
      await writeCloudAssembly(dir, "beta", { Secret: resources.Secret }, {});
      expect(() => readStack(dir, "beta")).toThrow("should hold one stack with a REST API");
      expect(() => readStack(join(dir, "nowhere"), "beta")).toThrow("not a synthesised cloud assembly");
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
