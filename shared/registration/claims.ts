import type { SourceIdentifier } from "../mapping/source-identifiers.ts";
import type { Begin, Claim } from "../store/mapping-store.ts";
import { type Intent, identifiersForm } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";

/** Kinds of claims on an identity; where several are held by others, the first of this order decides. */
const CLAIM_KINDS = ["IDEMPOTENCY-KEY", "IF-NONE-EXIST", "UNIQUE", "CONTENT"] as const;

export type ClaimKind = (typeof CLAIM_KINDS)[number];

/** Claims that live and die with an identifier of the patient. */
const ON_IDENTIFIERS: readonly string[] = ["IF-NONE-EXIST", "UNIQUE"] satisfies ClaimKind[];

/** One identity that a request claims: under the current hash key, and under older ones that may still be held. */
export type ClaimIntent = {
  readonly key: string;
  readonly olderKeys: readonly string[];
  readonly body?: string;
  readonly expiresAt?: number;
};

/** Names one request of one caller; `body` is the request body as it was sent. */
export type IdempotencyKey = { readonly caller: string; readonly key: string; readonly body: string };

/** An identifier that a request names as its condition. */
export type IdentifierCondition = { readonly system: string; readonly value: string };

const claim = (
  hash: KeyedHash,
  kind: ClaimKind,
  parts: readonly string[],
  more: Pick<ClaimIntent, "body" | "expiresAt"> = {},
): ClaimIntent => {
  const [key = "", ...olderKeys] = hash.hashes(kind, ...parts).map((made) => `${kind}#${made}`);
  return { key, olderKeys, ...more };
};

export const idempotencyClaim = (hash: KeyedHash, { caller, key, body }: IdempotencyKey, expiresAt: number) =>
  claim(hash, "IDEMPOTENCY-KEY", [caller, key], { body: hash.hash("body", body), expiresAt });

/** If-None-Exist and conditional updates claim alike, so that they exclude each other. */
export const conditionClaim = (hash: KeyedHash, { system, value }: IdentifierCondition) =>
  claim(hash, "IF-NONE-EXIST", [system, value]);

/** Of the identifiers in systems where each belongs to one patient. */
export const uniqueClaims = (
  hash: KeyedHash,
  identifiers: readonly SourceIdentifier[],
  uniqueSystems: readonly string[],
): ClaimIntent[] =>
  identifiers.flatMap(({ system, value }) =>
    system !== undefined && uniqueSystems.includes(system) ? [claim(hash, "UNIQUE", [system, value])] : [],
  );

/** Identical demographics and identifiers: a retry, unless the request says otherwise. */
export const contentClaim = (hash: KeyedHash, { canonical, identifiers }: Intent, expiresAt: number) =>
  claim(hash, "CONTENT", [JSON.stringify(canonical), identifiersForm(identifiers)], { expiresAt });

/** What a begin writes to take these claims, and what it must not find. */
export const claimWrites = (claims: readonly ClaimIntent[], id: string): Pick<Begin, "claims" | "unclaimed"> => ({
  claims: claims.map(({ key, body, expiresAt }) => ({
    key,
    id,
    ...(body !== undefined && { body }),
    ...(expiresAt !== undefined && { expiresAt }),
  })),
  // What is taken again under its older key is checked by that write.
  unclaimed: claims.flatMap(({ olderKeys }) => olderKeys).filter((older) => !claims.some(({ key }) => key === older)),
});

export const kindOfClaim = ({ key }: Pick<Claim, "key">): ClaimKind | undefined =>
  CLAIM_KINDS.find((kind) => key.startsWith(`${kind}#`));

/** Of claims that others hold, the one that decides. */
export const decisiveClaim = (claims: readonly Claim[]): Claim | undefined =>
  CLAIM_KINDS.flatMap((kind) => claims.filter((held) => kindOfClaim(held) === kind))[0];

/** The claims that a patient keeps when its identifiers become these: one on a dropped identifier ends. */
export function claimsKept(
  hash: KeyedHash,
  claims: readonly string[],
  identifiers: readonly SourceIdentifier[],
): string[] {
  const onIdentifiers = new Set(
    identifiers.flatMap(({ system = "", value }) =>
      ON_IDENTIFIERS.flatMap((kind) => hash.hashes(kind, system, value).map((made) => `${kind}#${made}`)),
    ),
  );
  return claims.filter((key) => onIdentifiers.has(key) || !isOnIdentifier(key));
}

export const isOnIdentifier = (key: string): boolean => ON_IDENTIFIERS.some((kind) => key.startsWith(`${kind}#`));
