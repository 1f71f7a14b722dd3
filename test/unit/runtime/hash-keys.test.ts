import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { hashKeysOf } from "../../../shared/runtime/hash-keys.ts";

const KEY = "0123456789abcdef0123456789abcdef";

const errorOf = (text: string): unknown => {
  try {
    return hashKeysOf(text);
  } catch (error) {
    return error;
  }
};

describe("hashKeysOf", () => {
  it("reads the current key and the older ones", () => {
    const keys = hashKeysOf(JSON.stringify({ current: "k2", k1: KEY, k2: `${KEY}2` }));
    expect(keys.current).toBe("k2");
    expect([...keys.keys.keys()]).toEqual(["k1", "k2"]);
  });

  it.each([
    ["no JSON", KEY],
    ["no object", `"${KEY}"`],
    ["an empty key, which would make all people equal", JSON.stringify({ current: "k1", k1: "" })],
    ["a short key", JSON.stringify({ current: "k1", k1: "short" })],
    ["no current key", JSON.stringify({ k1: KEY })],
    ["a current key that is not there", JSON.stringify({ current: "k2", k1: KEY })],
    ["an id with a dot, at which hashes are parted", JSON.stringify({ current: "k.1", "k.1": KEY })],
    ["a key that is no text", JSON.stringify({ current: "k1", k1: KEY, k2: 7 })],
  ])("refuses %s without telling what it read", (_, text) => {
    const error = errorOf(text);
    expect(error).toMatchObject({ failure: { kind: "store-unavailable" } });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(KEY);
  });
});
