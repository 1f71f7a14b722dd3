import * as v from "valibot";
import { AdapterError } from "../failure/failure.ts";
import type { HashKeys } from "../registration/keyed-hash.ts";

/** What is shorter could be guessed, and an empty key would make all hashes equal. */
const LEAST_CHARACTERS = 32;

/** A hash is stored as `<key id>.<hash>`, so an id has no dot. */
const secret = v.pipe(
  v.record(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/)), v.string()),
  v.check(({ current = "", ...keys }) => Object.hasOwn(keys, current)),
  v.check(({ current: _, ...keys }) => Object.values(keys).every((key) => key.length >= LEAST_CHARACTERS)),
);

/**
 * The keys in the text of the digest-key secret, `{"current": "<key id>", "<key id>": "<key>", …}`.
 *
 * @throws AdapterError `store-unavailable`, whose message holds nothing of the secret.
 */
export function hashKeysOf(text: string): HashKeys {
  const result = v.safeParse(secret, parsed(text));
  if (!result.success) {
    throw new AdapterError(
      { kind: "store-unavailable", retryAfterSeconds: 60 },
      `The digest-key secret must be a JSON object of keys with at least ${LEAST_CHARACTERS} characters under ids of letters, digits, - and _, and "current" must name one of them.`,
    );
  }
  const { current = "", ...keys } = result.output;
  return { current, keys: new Map(Object.entries(keys)) };
}

/** What JSON.parse throws quotes the text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
