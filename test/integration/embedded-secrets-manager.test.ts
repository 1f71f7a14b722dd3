import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  InternalServiceError,
  InvalidParameterException,
  InvalidRequestException,
  ListSecretsCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RestoreSecretCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from "@aws-sdk/client-secrets-manager";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import {
  type EmbeddedSecretsManager,
  startEmbeddedSecretsManager,
} from "../../local/secrets-manager/embedded-secrets-manager.ts";

const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:particle-token-AbC123";

let endpoint: EmbeddedSecretsManager;
let client: SecretsManagerClient;

function clientOf(url: string, maxAttempts = 1): SecretsManagerClient {
  return new SecretsManagerClient({
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts,
  });
}

const read = async (SecretId: string, which: { VersionId?: string; VersionStage?: string } = {}) =>
  (await client.send(new GetSecretValueCommand({ SecretId, ...which }))).SecretString;
const put = async (SecretId: string, SecretString: string, VersionStages?: string[]) =>
  (await client.send(new PutSecretValueCommand({ SecretId, SecretString, VersionStages }))).VersionId ?? "";
const stages = async (SecretId: string) =>
  (await client.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages;
const failure = async (sending: Promise<unknown>): Promise<unknown> =>
  sending.then(
    () => expect.fail("it was to fail"),
    (error: unknown) => error,
  );

beforeEach(async () => {
  endpoint = await startEmbeddedSecretsManager({ port: 0 });
  client = clientOf(endpoint.url);
});

afterEach(async () => {
  client.destroy();
  await endpoint.close();
});

describe("a secret", () => {
  it("that the caller named by an ARN is found by that ARN, its name, and the ARN without its suffix", async () => {
    expect(await endpoint.createSecret({ arn, name: "particle-token", value: "one" })).toBe(arn);
    for (const id of [arn, "particle-token", arn.slice(0, -"-AbC123".length)]) {
      expect(await read(id)).toBe("one");
    }
    const described = await client.send(new DescribeSecretCommand({ SecretId: arn }));
    expect(described).toMatchObject({ ARN: arn, Name: "particle-token" });
  });

  it("whose ARN is made up without a suffix is not taken for another that begins alike", async () => {
    const base = "arn:aws:secretsmanager:us-east-1:111122223333:secret:";
    await endpoint.createSecret({ arn: `${base}my-secret`, value: "longer" });
    await endpoint.createSecret({ arn: `${base}my`, value: "shorter" });
    expect(await read(`${base}my-secret`)).toBe("longer");
    expect(await read(`${base}my`)).toBe("shorter");
  });

  it("keeps its value when it is to be created at every start", async () => {
    const first = await endpoint.createSecret({ name: "token", value: "one" });
    await put("token", "two");
    expect(await endpoint.createSecret({ name: "token", value: "one" })).toBe(first);
    expect(await read("token")).toBe("two");
  });

  it("is created with text or bytes, described and listed", async () => {
    const bytes = new Uint8Array([0, 255, 7]);
    const created = await client.send(
      new CreateSecretCommand({ Name: "keys/one", SecretBinary: bytes, Description: "for tests" }),
    );
    expect(created.ARN).toMatch(/^arn:aws:secretsmanager:us-east-1:\d{12}:secret:keys\/one-[A-Za-z0-9]{6}$/);
    const value = await client.send(new GetSecretValueCommand({ SecretId: created.ARN }));
    expect(value.SecretBinary).toEqual(bytes);
    expect(value.VersionId).toBe(created.VersionId);
    expect(value.VersionStages).toEqual(["AWSCURRENT"]);
    expect(Math.abs((value.CreatedDate?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    const described = await client.send(new DescribeSecretCommand({ SecretId: "keys/one" }));
    expect(described.Description).toBe("for tests");

    await endpoint.createSecret({ name: "keys/two", value: "x" });
    await endpoint.createSecret({ name: "other", value: "x" });
    const Filters = [{ Key: "name" as const, Values: ["keys/"] }];
    const page = await client.send(new ListSecretsCommand({ Filters, MaxResults: 1 }));
    expect(page.SecretList?.map(({ Name }) => Name)).toEqual(["keys/one"]);
    const rest = await client.send(new ListSecretsCommand({ Filters, NextToken: page.NextToken }));
    expect(rest.SecretList?.map(({ Name }) => Name)).toEqual(["keys/two"]);
    expect(rest.NextToken).toBeUndefined();
  });

  it("is created once: the same request again is answered again, another is refused", async () => {
    const ClientRequestToken = "0".repeat(32);
    const command = new CreateSecretCommand({ Name: "once", SecretString: "a", ClientRequestToken });
    const first = await client.send(command);
    expect((await client.send(command)).ARN).toBe(first.ARN);
    const other = new CreateSecretCommand({ Name: "once", SecretString: "b", ClientRequestToken });
    expect(await failure(client.send(other))).toBeInstanceOf(ResourceExistsException);
    const again = new CreateSecretCommand({ Name: "once", SecretString: "a" });
    expect(await failure(client.send(again))).toBeInstanceOf(ResourceExistsException);
  });
});

describe("a new version", () => {
  beforeEach(() => endpoint.createSecret({ arn, value: "one" }));

  it("becomes the current one, and the one before it the previous", async () => {
    const two = await put(arn, "two");
    expect(await read(arn)).toBe("two");
    expect(await read(arn, { VersionStage: "AWSPREVIOUS" })).toBe("one");
    const three = await put(arn, "three");
    expect(await stages(arn)).toEqual({ [two]: ["AWSPREVIOUS"], [three]: ["AWSCURRENT"] });
    const updated = await client.send(new UpdateSecretCommand({ SecretId: arn, SecretString: "four" }));
    expect(await read(arn, { VersionId: updated.VersionId! })).toBe("four");
    expect(await read(arn, { VersionStage: "AWSPREVIOUS" })).toBe("three");
  });

  it("under a label of its own leaves the current one alone, until the label AWSCURRENT is moved", async () => {
    const { VersionId: one } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    const two = await put(arn, "two", ["AWSPENDING"]);
    expect(await read(arn)).toBe("one");
    expect(await read(arn, { VersionStage: "AWSPENDING" })).toBe("two");

    const VersionStage = "AWSCURRENT";
    const blind = new UpdateSecretVersionStageCommand({ SecretId: arn, VersionStage, MoveToVersionId: two });
    expect(await failure(client.send(blind))).toBeInstanceOf(InvalidParameterException);
    const move = { SecretId: arn, VersionStage, MoveToVersionId: two, RemoveFromVersionId: one };
    await client.send(new UpdateSecretVersionStageCommand(move));
    expect(await stages(arn)).toEqual({ [one!]: ["AWSPREVIOUS"], [two]: ["AWSPENDING", "AWSCURRENT"] });

    const pending = { SecretId: arn, VersionStage: "AWSPENDING", RemoveFromVersionId: two };
    await client.send(new UpdateSecretVersionStageCommand(pending));
    const bare = { SecretId: arn, VersionStage, RemoveFromVersionId: two };
    expect(await failure(client.send(new UpdateSecretVersionStageCommand(bare)))).toBeInstanceOf(
      InvalidParameterException,
    );
    const back = { SecretId: arn, VersionStage, MoveToVersionId: one, RemoveFromVersionId: two };
    await client.send(new UpdateSecretVersionStageCommand(back));
    expect(await stages(arn)).toEqual({ [one!]: ["AWSCURRENT"], [two]: ["AWSPREVIOUS"] });
  });

  it("is stored once under its token, and another value under it is refused", async () => {
    const ClientRequestToken = "1".repeat(36);
    const command = new PutSecretValueCommand({ SecretId: arn, SecretString: "two", ClientRequestToken });
    await client.send(command);
    await put(arn, "three");
    await client.send(command);
    expect(await read(arn)).toBe("three");
    const other = new PutSecretValueCommand({ SecretId: arn, SecretString: "other", ClientRequestToken });
    expect(await failure(client.send(other))).toBeInstanceOf(ResourceExistsException);
  });

  it("pushes out only old versions without a label", async () => {
    const kept = await put(arn, "kept", ["mine"]);
    const oldest = await put(arn, "v0");
    for (let n = 1; n <= 110; n++) {
      await put(arn, `v${n}`);
    }
    expect(await failure(read(arn, { VersionId: oldest }))).toBeInstanceOf(ResourceNotFoundException);
    expect(await read(arn, { VersionId: kept })).toBe("kept");
    expect(await read(arn)).toBe("v110");
  });
});

describe("errors", () => {
  it("of what is not there are the SDK's own", async () => {
    expect(await failure(read("absent"))).toBeInstanceOf(ResourceNotFoundException);
    await endpoint.createSecret({ arn, value: "one" });
    const pending = await failure(read(arn, { VersionStage: "AWSPENDING" }));
    expect(pending).toBeInstanceOf(ResourceNotFoundException);
    expect(pending).toMatchObject({ message: expect.stringContaining("staging label: AWSPENDING") });
    const one = (await client.send(new GetSecretValueCommand({ SecretId: arn }))).VersionId!;
    const mixed = await failure(read(arn, { VersionId: one, VersionStage: "AWSPREVIOUS" }));
    expect(mixed).toBeInstanceOf(InvalidRequestException);
  });

  it("of a wrong request name its members, never its values", async () => {
    const both = new CreateSecretCommand({ Name: "both", SecretString: "a", SecretBinary: new Uint8Array(1) });
    expect(await failure(client.send(both))).toBeInstanceOf(InvalidParameterException);
    const name = new CreateSecretCommand({ Name: "not a name", SecretString: "very secret" });
    expect(await failure(client.send(name))).toMatchObject({
      name: "ValidationException",
      message: "Validation error detected: not a valid value at: Name",
    });
    await endpoint.createSecret({ arn, value: "one" });
    const nothing = new PutSecretValueCommand({ SecretId: arn });
    expect(await failure(client.send(nothing))).toBeInstanceOf(InvalidRequestException);
  });

  it("of a secret that is marked for deletion say so, until it is restored", async () => {
    await endpoint.createSecret({ name: "token", value: "one" });
    const days = { SecretId: "token", RecoveryWindowInDays: 7 };
    const { DeletionDate } = await client.send(new DeleteSecretCommand(days));
    expect(Math.round(((DeletionDate?.getTime() ?? 0) - Date.now()) / 86_400_000)).toBe(7);
    expect(await failure(read("token"))).toBeInstanceOf(InvalidRequestException);
    expect(await failure(put("token", "two"))).toBeInstanceOf(InvalidRequestException);
    const create = new CreateSecretCommand({ Name: "token", SecretString: "x" });
    expect(await failure(client.send(create))).toBeInstanceOf(InvalidRequestException);
    expect((await client.send(new ListSecretsCommand({}))).SecretList).toEqual([]);
    await client.send(new RestoreSecretCommand({ SecretId: "token" }));
    expect(await read("token")).toBe("one");
  });

  it("of a secret whose time is over or that was forced out are those of one that never was", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    await endpoint.createSecret({ name: "token", value: "one" });
    await client.send(new DeleteSecretCommand({ SecretId: "token", RecoveryWindowInDays: 7 }));
    vi.advanceTimersByTime(8 * 86_400_000);
    expect(await failure(read("token"))).toBeInstanceOf(ResourceNotFoundException);

    await endpoint.createSecret({ name: "token", value: "two" });
    const force = { SecretId: "token", ForceDeleteWithoutRecovery: true };
    const mixed = new DeleteSecretCommand({ ...force, RecoveryWindowInDays: 7 });
    expect(await failure(client.send(mixed))).toBeInstanceOf(InvalidParameterException);
    await client.send(new DeleteSecretCommand(force));
    await client.send(new DeleteSecretCommand(force));
    expect(await failure(read("token"))).toBeInstanceOf(ResourceNotFoundException);
  });
});

describe("switches", () => {
  beforeEach(() => endpoint.createSecret({ arn, value: "one" }));

  it("throttle, fail and reset as often as they say, then all is well", async () => {
    endpoint.configure({ throttling: { count: 1 } });
    expect(await failure(read(arn))).toMatchObject({ name: "ThrottlingException" });
    endpoint.configure({ internalError: { count: 1 } });
    const error = await failure(read(arn));
    expect(error).toBeInstanceOf(InternalServiceError);
    expect(error).toMatchObject({ $metadata: { httpStatusCode: 500 } });
    endpoint.configure({ resetBefore: { count: 1 } });
    expect(await failure(read(arn))).toMatchObject({ code: "ECONNRESET" });
    expect(await read(arn)).toBe("one");
    expect(endpoint.requests()).toEqual([
      { operation: "GetSecretValue", secretId: arn, error: "ThrottlingException", fault: "throttling" },
      { operation: "GetSecretValue", secretId: arn, error: "InternalServiceError", fault: "internalError" },
      { operation: "GetSecretValue", secretId: arn, fault: "resetBefore" },
      { operation: "GetSecretValue", secretId: arn },
    ]);
  });

  it("lose the reply of a write, which the SDK repeats without a second version", async () => {
    const retrying = clientOf(endpoint.url, 3);
    endpoint.configure({ resetAfter: { count: 1, operations: ["PutSecretValue"] } });
    await retrying.send(new PutSecretValueCommand({ SecretId: arn, SecretString: "two" }));
    retrying.destroy();
    expect(endpoint.requests().map(({ operation }) => operation)).toEqual(["PutSecretValue", "PutSecretValue"]);
    expect(await read(arn, { VersionStage: "AWSPREVIOUS" })).toBe("one");
  });

  it("are set and the log is read over HTTP too", async () => {
    const configure = (body: unknown) =>
      fetch(`${endpoint.url}/_secrets-manager`, { method: "PUT", body: JSON.stringify(body) });
    expect((await configure({ throttling: { probability: 1 } })).status).toBe(200);
    expect(await failure(read(arn))).toMatchObject({ name: "ThrottlingException" });
    expect((await configure({ throttling: { probability: "always" } })).status).toBe(400);
    const log = await (await fetch(`${endpoint.url}/_secrets-manager`)).json();
    expect(log).toEqual({ requests: endpoint.requests() });
  });
});

describe("the data file", () => {
  it("keeps secrets with their versions and labels, readable only by its owner", async () => {
    const dataFile = join(await temporaryDirectory(), "deep", "secrets.json");
    const open = async () => {
      await endpoint.close();
      client.destroy();
      endpoint = await startEmbeddedSecretsManager({ port: 0, dataFile });
      client = clientOf(endpoint.url);
    };
    await open();
    await endpoint.createSecret({ arn, name: "particle-token", value: "one" });
    const two = await put(arn, "two");
    await open();
    await endpoint.createSecret({ arn, name: "particle-token", value: "one" });
    expect(await read("particle-token", { VersionId: two })).toBe("two");
    expect(await read(arn, { VersionStage: "AWSPREVIOUS" })).toBe("one");
    expect((await stat(dataFile)).mode & 0o777).toBe(0o600);
  });

  it("holds everything that was answered, also when many write at once", async () => {
    const dataFile = join(await temporaryDirectory(), "secrets.json");
    const mine = await startEmbeddedSecretsManager({ port: 0, dataFile });
    const caller = clientOf(mine.url);
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        caller.send(new CreateSecretCommand({ Name: `secret-${n}`, SecretString: `value-${n}` })),
      ),
    );
    const stored = JSON.parse(await readFile(dataFile, "utf8")) as { name: string }[];
    expect(new Set(stored.map(({ name }) => name)).size).toBe(100);
    caller.destroy();
    await mine.close();
  });

  it("that holds something else is refused without quoting it", async () => {
    const dataFile = join(await temporaryDirectory(), "secrets.json");
    for (const text of ['{"token": "very secret"}', "very secret"]) {
      await writeFile(dataFile, text);
      const error = await failure(startEmbeddedSecretsManager({ port: 0, dataFile }));
      expect(error).toMatchObject({ message: expect.stringMatching(/does not hold secrets of this endpoint/) });
      expect(String(error)).not.toContain("very");
    }
  });
});

describe("the endpoint", () => {
  it("serves a thousand callers at once and closes at once", { timeout: 60_000 }, async () => {
    await endpoint.createSecret({ arn, value: "one" });
    const headers = {
      authorization: "AWS4-HMAC-SHA256 Credential=local",
      "x-amz-target": "secretsmanager.GetSecretValue",
    };
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async () => {
        const body = JSON.stringify({ SecretId: arn });
        const response = await fetch(endpoint.url, { method: "POST", headers, body });
        return ((await response.json()) as { SecretString: string }).SecretString;
      }),
    );
    expect(new Set(answers)).toEqual(new Set(["one"]));
    const started = performance.now();
    await endpoint.close();
    expect(performance.now() - started).toBeLessThan(1000);
    await expect(fetch(endpoint.url)).rejects.toThrow();
  });

  it("asks callers without an SDK for a token, and does not know what it does not serve", async () => {
    await endpoint.createSecret({ arn, value: "one" });
    const post = async (operation: string, input: unknown) => {
      const headers = {
        authorization: "AWS4-HMAC-SHA256 Credential=local",
        "x-amz-target": `secretsmanager.${operation}`,
      };
      const response = await fetch(endpoint.url, { method: "POST", headers, body: JSON.stringify(input) });
      return ((await response.json()) as { __type: string }).__type;
    };
    expect(await post("PutSecretValue", { SecretId: arn, SecretString: "two" })).toBe("InvalidParameterException");
    expect(await post("RotateSecret", { SecretId: arn })).toBe("UnknownOperationException");
    expect(await read(arn)).toBe("one");
  });
});

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "embedded-secrets-manager-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
