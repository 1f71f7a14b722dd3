import { generateKeyPairSync } from "node:crypto";
import { FetchError } from "aws-jwt-verify/error";
import { describe, expect, it } from "vitest";
import { createSigningKeys } from "../../../shared/sign-in/signing-keys.ts";

const MINUTE = 60_000;
const SECOND = 1_000;
const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
const issuer = "https://issuer.example";
const jwksUri = `${issuer}/keys`;

/** An issuer with one key, on a clock that stands still until it is moved. */
function world() {
  const state = { kid: "one", isUp: true, now: 0, reads: 0 };
  const read = async () => {
    state.reads += 1;
    if (!state.isUp) throw new Error("Status 503.");
    return JSON.stringify({ keys: [{ ...key, kid: state.kid }] });
  };
  const { source, cache } = createSigningKeys({ issuer, jwksUri }, read, () => state.now);
  const keyOf = (kid: string) =>
    cache.getJwk(source, { header: { kid }, payload: {} } as Parameters<typeof cache.getJwk>[1]);
  return { state, keyOf };
}

describe("keys that were read", () => {
  it("are read again after ten minutes, and a key that was withdrawn counts no more", async () => {
    const { state, keyOf } = world();
    await keyOf("one");
    state.kid = "two";
    state.now = 10 * MINUTE - 1;
    await expect(keyOf("one")).resolves.toMatchObject({ kid: "one" });
    expect(state.reads).toBe(1);
    state.now = 10 * MINUTE;
    await expect(keyOf("one")).rejects.toThrow(/not found/);
  });

  it("stay for an hour while the issuer does not answer, who is asked once a minute", async () => {
    const { state, keyOf } = world();
    await keyOf("one");
    state.isUp = false;
    for (const [minute, reads] of [
      [10, 2],
      [10.5, 2],
      [11, 3],
      [59, 4],
    ] as const) {
      state.now = minute * MINUTE;
      await expect(keyOf("one"), `${minute}`).resolves.toMatchObject({ kid: "one" });
      expect(state.reads, `${minute}`).toBe(reads);
    }
    state.now = 60 * MINUTE;
    await expect(keyOf("one")).rejects.toThrow(/503/);
    state.isUp = true;
    state.now += 5 * SECOND;
    await expect(keyOf("one")).resolves.toMatchObject({ kid: "one" });
  });
});

describe("an issuer that does not answer", () => {
  it("is asked once in five seconds, whatever keys are made up meanwhile", async () => {
    const { state, keyOf } = world();
    state.isUp = false;
    for (let n = 0; n < 50; n += 1) await expect(keyOf(`made-up-${n}`)).rejects.toThrow(FetchError);
    expect(state.reads).toBe(1);
    state.now = 5 * SECOND - 1;
    await expect(keyOf("one")).rejects.toThrow(FetchError);
    expect(state.reads).toBe(1);
    state.now = 5 * SECOND;
    state.isUp = true;
    await expect(keyOf("one")).resolves.toMatchObject({ kid: "one" });
    expect(state.reads).toBe(2);
  });

  it("takes nothing from the keys that are known", async () => {
    const { state, keyOf } = world();
    await keyOf("one");
    state.isUp = false;
    for (const madeUp of ["a", "b", "c"]) await expect(keyOf(madeUp)).rejects.toThrow(FetchError);
    expect(state.reads).toBe(2);
    await expect(keyOf("one")).resolves.toMatchObject({ kid: "one" });
  });
});
