import { afterEach, describe, expect, it, vi } from "vitest";
import { defaultProvider } from "../../../shared/runtime/lambda-credentials.ts";

const stub = (key?: string, secret?: string, token?: string) => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", key);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", secret);
  vi.stubEnv("AWS_SESSION_TOKEN", token);
};

afterEach(() => vi.unstubAllEnvs());

describe("credentials of a function's role", () => {
  it("come from the environment", async () => {
    stub("AKIDEXAMPLE", "example", "session-example");
    expect(await defaultProvider()()).toEqual({
      accessKeyId: "AKIDEXAMPLE",
      secretAccessKey: "example",
      sessionToken: "session-example",
    });
  });

  it("have no session token where there is none", async () => {
    stub("AKIDEXAMPLE", "example");
    expect(await defaultProvider()()).toEqual({ accessKeyId: "AKIDEXAMPLE", secretAccessKey: "example" });
  });

  it.each([
    ["key id", undefined, "example"],
    ["secret key", "AKIDEXAMPLE", undefined],
  ])("are refused without the %s, and the values are not told", async (_, key, secret) => {
    stub(key, secret);
    const refusal = await defaultProvider()().catch((error: unknown) => String(error));
    expect(refusal).toMatch(/AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set/);
    expect(refusal).not.toMatch(/AKIDEXAMPLE|example/);
  });
});
