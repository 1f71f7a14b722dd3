import { setTimeout as sleep } from "node:timers/promises";
import {
  type AttributeValue,
  DeleteTableCommand,
  DynamoDBClient,
  PutItemCommand,
  UpdateTableCommand,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { encodeTransaction, openShards } from "../../shared/store/table.ts";
import { type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick } from "../support/registration-harness.ts";

let twin: Twin;
let client: FhirClient;

beforeAll(async () => {
  // Operations end their time after 2.5 seconds, and are decided from then on.
  twin = await startAdapter({ timeoutMs: 5_500, environment: { SETTLE_SECONDS: "0" } });
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

const recover = async (): Promise<Record<string, unknown>> => {
  expect(await twin.invoke("RecoverRegistrations", {})).toMatchObject({ ok: true });
  const lines = twin.logs().flatMap(({ text }) => text.split("\n"));
  const metrics = lines.filter((line) => line.includes("OverdueOperations")).at(-1) ?? "{}";
  return JSON.parse(metrics);
};

describe("recover-registrations", () => {
  it("decides what nobody came back for, and counts it", async () => {
    const patient = henrick();
    twin.particle.configure({ faults: [{ fault: "status-after-commit", status: 500, methods: ["POST"] }] });
    expect((await client.create(patient)).status).toBe(503);
    twin.particle.reset();
    await sleep(3_000);
    expect(await recover()).toMatchObject({ OverdueOperations: 1, RecoveredOperations: 1, UndecidableOperations: 0 });
    const retried = await client.create(patient);
    expect(retried.status).toBe(200);
    expect((await client.read(idIn(retried.headers))).status).toBe(200);
    expect(twin.particle.patients()).toHaveLength(1);
    expect(await recover()).toMatchObject({ OverdueOperations: 0 });
  });

  it("says why it could not decide one, without a word of the patient", async () => {
    twin.particle.configure({ faults: [{ fault: "reset-after-commit", methods: ["POST"] }] });
    expect((await client.create(henrick({ name: [{ family: "Undecided", given: ["Una"] }] }))).status).toBe(503);
    await sleep(3_000);
    twin.particle.configure({ faults: [{ fault: "status", status: 403 }] });
    expect(await recover()).toMatchObject({ OverdueOperations: 1, UndecidableOperations: 1 });
    const line = twin.logs().findLast(({ text }) => text.includes("recovery-failed"));
    expect(JSON.parse(line?.text ?? "{}")).toMatchObject({
      level: "WARN",
      failure: "particle-refuses-token",
      reason: "getPatient failed (forbidden). It answered 403.",
    });
    expect(line?.text).not.toContain("Una");
    twin.particle.reset();
    expect(await recover()).toMatchObject({ RecoveredOperations: 1 });
  });

  it("measures how old the token is, each time it runs", async () => {
    const { TokenAge } = await recover();
    expect(TokenAge).toBeGreaterThan(0);
    expect(TokenAge).toBeLessThan(120);
  });
});

describe("a bug of recover-registrations", () => {
  const onDynamoDb = async (work: (client: DynamoDBClient) => Promise<unknown>): Promise<void> => {
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const client = new DynamoDBClient({ region: "us-east-1", endpoint: twin.dynamodb.url, credentials });
    await work(client);
    client.destroy();
  };
  const put = (...items: readonly Record<string, AttributeValue>[]): Promise<void> =>
    onDynamoDb(async (client) => {
      for (const Item of items) {
        await client.send(new PutItemCommand({ TableName: twin.tableName, Item }));
      }
    });
  const unreadable = (id: string) => ({ pk: { S: `PATIENT#${id}` }, sk: { S: "MAPPING" }, version: { S: "one" } });
  const counted = () =>
    twin
      .logs()
      .flatMap(({ text }) => text.split("\n"))
      .filter((line) => line.includes('"Failures":1') && line.includes('"failure":"bug"')).length;

  it("is counted, and keeps it from nothing else", async () => {
    const open = { token: "t", owner: "o", ids: ["unreadable"], deadline: 0, actionableAt: 0 };
    await put(unreadable("unreadable"), encodeTransaction({ id: "one", ...open }));
    expect(await recover()).toMatchObject({ OverdueOperations: 1, UndecidableOperations: 1 });
    expect(counted()).toBe(1);
    await put({ ...unreadable("open"), openShard: { S: openShards[0] ?? "" }, actionableAt: { N: "0" } });
    expect(await recover()).toMatchObject({ OverdueOperations: 1, UndecidableOperations: 1 });
    expect(counted()).toBe(2);
  });

  it("is counted where it ends the run", async () => {
    const { tableName: TableName } = twin;
    await onDynamoDb(async (client) => {
      await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
      await client.send(new DeleteTableCommand({ TableName }));
    });
    expect(await twin.invoke("RecoverRegistrations", {})).toMatchObject({ ok: false });
    expect(counted()).toBe(3);
  });
});
