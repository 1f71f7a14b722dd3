import { describe, expect, it } from "vitest";
import { AdapterError } from "../../../shared/failure/failure.ts";
import { createTokenSource } from "../../../shared/particle/token-source.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";

const MINUTE = 60_000;
const start = 1_800_000_000_000;

function jwt(expiresAt: number | undefined, mark = "a"): string {
  const claims = Buffer.from(JSON.stringify({ ...(expiresAt && { exp: expiresAt / 1000 }), mark })).toString(
    "base64url",
  );
  return `eyJhbGciOiJub25lIn0.${claims}.signature`;
}

/** A secret, a clock and a count of the reads. */
function scene(secret: string) {
  const state = { secret, now: start, reads: 0 };
  const source = createTokenSource(
    async () => {
      state.reads += 1;
      return state.secret;
    },
    () => state.now,
  );
  return { state, source };
}

describe("createTokenSource", () => {
  it("reads the secret once until shortly before the token expires", async () => {
    const { state, source } = scene(` ${jwt(start + 60 * MINUTE)}\n`);
    expect(await source.current()).toBe(jwt(start + 60 * MINUTE));
    state.now = start + 58 * MINUTE;
    await source.current();
    expect(state.reads).toBe(1);

    state.secret = jwt(start + 120 * MINUTE, "b");
    state.now = start + 59 * MINUTE;
    expect(await source.current()).toBe(state.secret);
    expect(state.reads).toBe(2);
  });

  it.each(["opaque-token", jwt(undefined), "a.b.c", `a.${Buffer.from("7").toString("base64url")}.c`])(
    "keeps a token without a readable expiry for some minutes: %s",
    async (token) => {
      const { state, source } = scene(token);
      expect(await source.current()).toBe(token);
      state.now = start + 3 * MINUTE;
      await source.current();
      expect(state.reads).toBe(1);
      state.now = start + 6 * MINUTE;
      await source.current();
      expect(state.reads).toBe(2);
    },
  );

  it("does not read an expired token on every call", async () => {
    const { state, source } = scene(jwt(start - MINUTE));
    await source.current();
    await source.current();
    expect(state.reads).toBe(1);
    state.now += 11_000;
    await source.current();
    expect(state.reads).toBe(2);
  });

  it("shares one read between callers at the same time", async () => {
    const { state, source } = scene("t-1");
    expect(await Promise.all([source.current(), source.current(), source.current()])).toEqual(["t-1", "t-1", "t-1"]);
    expect(state.reads).toBe(1);
  });

  it("takes a new token after a refusal, with one read for all who were refused", async () => {
    const { state, source } = scene("t-1");
    await source.current();
    state.secret = "t-2";
    expect(await Promise.all([source.reread("t-1"), source.reread("t-1")])).toEqual(["t-2", "t-2"]);
    expect(await source.reread("t-1")).toBe("t-2");
    expect(await source.current()).toBe("t-2");
    expect(state.reads).toBe(2);
  });

  it("reads only once for a refused token that has not changed, and looks again a little later", async () => {
    const { state, source } = scene(jwt(start + 60 * MINUTE));
    const refused = await source.current();
    expect(await source.reread(refused)).toBe(refused);
    expect(await source.reread(refused)).toBe(refused);
    expect(await source.current()).toBe(refused);
    expect(state.reads).toBe(2);

    state.secret = jwt(start + 60 * MINUTE, "b");
    state.now += 11_000;
    expect(await source.current()).toBe(state.secret);
    expect(state.reads).toBe(3);
  });

  it("reads again for a token that is refused again a little later", async () => {
    const { state, source } = scene(jwt(start + 60 * MINUTE));
    const refused = await source.current();
    await source.reread(refused);
    state.secret = jwt(start + 60 * MINUTE, "b");
    state.now += 11_000;
    expect(await source.reread(refused)).toBe(state.secret);
  });

  it.each(["", "  \n", "two tokens", '{"token": "x"}', "ünreadable"])("refuses %j as a token", async (secret) => {
    const { source } = scene(secret);
    const error = await adapterErrorOf(source.current());
    expect(error.failure.kind).toBe("particle-refuses-token");
    if (secret.trim() !== "") {
      expect(error.message).not.toContain(secret);
    }
  });

  it("passes on that the secret cannot be read, and reads again next time", async () => {
    let works = false;
    const unavailable = new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 5 }, "Cannot read.");
    const source = createTokenSource(async () => {
      if (!works) {
        throw unavailable;
      }
      return "t-1";
    });
    expect(await adapterErrorOf(source.current())).toBe(unavailable);
    expect(await adapterErrorOf(source.reread("t-0"))).toBe(unavailable);
    works = true;
    expect(await source.current()).toBe("t-1");
  });
});
