import type { SourceIdentifier } from "../mapping/source-identifiers.ts";
import type { Claim } from "../store/mapping-store.ts";
import { type Intent, identifiersForm } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";

/** Kinds of claims on an identity; where several are held by others, the first of this order decides. */
export const CLAIM_KINDS = ["IDEMPOTENCY-KEY", "IF-NONE-EXIST", "CONTENT"] as const;

export type ClaimKind = (typeof CLAIM_KINDS)[number];

/** One identity that a request claims: under the current hash key, and under older ones that may still be held. */
export type ClaimIntent = {
  readonly kind: ClaimKind;
  readonly key: string;
  readonly olderKeys: readonly string[];
  readonly body?: string;
  readonly expiresAt?: number;
};

/** Names one request of one caller; `body` is the request body as it was sent. */
export type IdempotencyKey = { readonly caller: string; readonly key: string; readonly body: string };

/** The identifier of an If-None-Exist. */
export type IfNoneExist = { readonly system: string; readonly value: string };

const claim = (
  hash: KeyedHash,
  kind: ClaimKind,
  parts: readonly string[],
  more: Pick<ClaimIntent, "body" | "expiresAt"> = {},
): ClaimIntent => {
  const [key = "", ...olderKeys] = hash.hashes(kind, ...parts).map((made) => `${kind}#${made}`);
  return { kind, key, olderKeys, ...more };
};

export const idempotencyClaim = (hash: KeyedHash, { caller, key, body }: IdempotencyKey, expiresAt: number) =>
  claim(hash, "IDEMPOTENCY-KEY", [caller, key], { body: hash.hash("body", body), expiresAt });

export const ifNoneExistClaim = (hash: KeyedHash, { system, value }: IfNoneExist) =>
  claim(hash, "IF-NONE-EXIST", [system, value]);

/** Identical demographics and identifiers: a retry, unless the request says otherwise. */
export const contentClaim = (hash: KeyedHash, { canonical, identifiers }: Intent, expiresAt: number) =>
  claim(hash, "CONTENT", [JSON.stringify(canonical), identifiersForm(identifiers)], { expiresAt });

export const claimOf = ({ key, body, expiresAt }: ClaimIntent, id: string): Claim => ({
  key,
  id,
  ...(body !== undefined && { body }),
  ...(expiresAt !== undefined && { expiresAt }),
});

export const kindOfClaim = ({ key }: Pick<Claim, "key">): string => key.slice(0, key.indexOf("#"));

/** The claims that a patient keeps when its identifiers become these: one on a dropped identifier ends. */
export function claimsKept(
  hash: KeyedHash,
  claims: readonly string[],
  identifiers: readonly SourceIdentifier[],
): string[] {
  const onIdentifiers = new Set(
    identifiers.flatMap(({ system = "", value }) => {
      const { key, olderKeys } = ifNoneExistClaim(hash, { system, value });
      return [key, ...olderKeys];
    }),
  );
  return claims.filter((key) => kindOfClaim({ key }) !== "IF-NONE-EXIST" || onIdentifiers.has(key));
}
