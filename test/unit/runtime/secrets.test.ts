import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterEach, describe, expect, it } from "vitest";
import { createSecrets } from "../../../shared/runtime/secrets.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import { type Reply, type ScriptedServer, startScriptedServer } from "../../support/scripted-server.ts";

const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:token";

let server: ScriptedServer | undefined;
afterEach(() => server?.close());

async function secretsFrom(reply: Reply) {
  server = await startScriptedServer(() => reply);
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  return createSecrets(
    new SecretsManagerClient({ region: "us-east-1", endpoint: server.url, credentials, maxAttempts: 1 }),
  );
}

function json(status: number, body: unknown): Reply {
  return { status, headers: { "content-type": "application/x-amz-json-1.1" }, body: JSON.stringify(body) };
}

const request = () => ({
  target: server?.received[0]?.headers["x-amz-target"],
  body: JSON.parse(server?.received[0]?.body ?? "{}"),
});

describe("createSecrets", () => {
  it("reads the text of a secret", async () => {
    const secrets = await secretsFrom(json(200, { SecretString: "t-1" }));
    expect(await secrets.read(arn)).toBe("t-1");
    expect(request()).toEqual({ target: "secretsmanager.GetSecretValue", body: { SecretId: arn } });
  });

  it("makes a value the current one", async () => {
    const secrets = await secretsFrom(json(200, { ARN: arn }));
    await secrets.write(arn, "t-2");
    expect(request()).toMatchObject({
      target: "secretsmanager.PutSecretValue",
      body: { SecretId: arn, SecretString: "t-2" },
    });
  });

  it.each([{}, { SecretString: "" }, { SecretBinary: "dC0x" }])("does not take %j for a text", async (body) => {
    const secrets = await secretsFrom(json(200, body));
    const error = await adapterErrorOf(secrets.read(arn));
    expect(error.failure).toStrictEqual({ kind: "store-unavailable", retryAfterSeconds: 5 });
    expect(error.message).toContain(arn);
  });

  it("names what Secrets Manager refused, and not the value that it repeats", async () => {
    const refusal = { __type: "ValidationException", message: "Value 't-2' at 'secretString' is not valid" };
    const secrets = await secretsFrom(json(400, refusal));
    const error = await adapterErrorOf(secrets.write(arn, "t-2"));
    expect(error.failure.kind).toBe("store-unavailable");
    expect(error.message).toBe(`Cannot write ${arn}: ValidationException.`);
    expect(error.cause).toBeUndefined();
  });

  it("is unavailable when the connection breaks", async () => {
    const secrets = await secretsFrom((socket) => void socket.resetAndDestroy());
    expect((await adapterErrorOf(secrets.read(arn))).failure.kind).toBe("store-unavailable");
  });
});
