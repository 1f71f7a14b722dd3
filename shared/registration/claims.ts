import { AdapterError } from "../failure/failure.ts";
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
  /** FHIR id of a deleted patient that holds it in vain. */
  readonly takenFrom?: string;
};

/** Names one request of one caller; `body` is the request body as it was sent. */
export type IdempotencyKey = { readonly caller: string; readonly key: string; readonly body: string };

/** An identifier that a request names as its condition. */
export type IdentifierCondition = { readonly system: string; readonly value: string };

const claim = (
  hash: KeyedHash,
  kind: ClaimKind,
  parts: readonly string[],
  more: Pick<ClaimIntent, "body"> = {},
): ClaimIntent => {
  const [key = "", ...olderKeys] = hash.hashes(kind, ...parts).map((made) => `${kind}#${made}`);
  return { key, olderKeys, ...more };
};

export const idempotencyClaim = (hash: KeyedHash, { caller, key, body }: IdempotencyKey) =>
  claim(hash, "IDEMPOTENCY-KEY", [caller, key], { body: hash.hash("body", body) });

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
export const contentClaim = (hash: KeyedHash, { canonical, identifiers }: Intent) =>
  claim(hash, "CONTENT", [JSON.stringify(canonical), identifiersForm(identifiers)]);

/**
 * Claims that a patient may hold, and that one begin may write or check: with its identifiers, two index entries each, a
 * patient takes as many items as one transaction of DynamoDB can write, which is 100.
 */
const MOST_CLAIMS = 35;

const checkedBy = (claims: readonly ClaimIntent[]): number =>
  claims.reduce((sum, { olderKeys }) => sum + 1 + olderKeys.length, 0);

/** @throws AdapterError `unprocessable` when the claims, under all digest keys, are more than one write can take. */
export function requireAffordable(claims: readonly ClaimIntent[]): void {
  const checked = checkedBy(claims);
  if (checked > MOST_CLAIMS) {
    throw new AdapterError(
      {
        kind: "unprocessable",
        faults: [
          {
            severity: "error",
            code: "too-costly",
            expression: "Patient.identifier",
            diagnostics:
              "The Patient has more identifiers in systems where each belongs to one patient than can be claimed at once: send fewer of them.",
          },
        ],
      },
      `${checked} claims are too many for one write.`,
    );
  }
}

/**
 * The claims that a patient is to hold: the new ones, and as many of those that it keeps as there is room for. Those that
 * stand for whole requests come first; an identifier is found through the index also without a claim on it.
 */
export function heldClaims(claims: readonly ClaimIntent[], kept: readonly string[]): string[] {
  const keys = claims.map(({ key }) => key);
  const others = kept.filter((key) => !keys.includes(key));
  const byUse = [...others.filter((key) => !isOnIdentifier(key)), ...others.filter(isOnIdentifier)];
  return [...keys, ...byUse.slice(0, Math.max(0, MOST_CLAIMS - checkedBy(claims)))];
}

/**
 * What a begin writes to take these claims, and what it must not find. None of them ends before the operation has: until
 * then nobody knows whether the patient is registered.
 */
export const claimWrites = (claims: readonly ClaimIntent[], id: string): Pick<Begin, "claims" | "unclaimed"> => ({
  claims: claims.map(({ key, body, takenFrom }) => ({
    key,
    id,
    ...(body !== undefined && { body }),
    ...(takenFrom !== undefined && { takenFrom }),
  })),
  // What is taken again under its older key is checked by that write.
  unclaimed: claims.flatMap(({ olderKeys }) => olderKeys).filter((older) => !claims.some(({ key }) => key === older)),
});

export const kindOfClaim = ({ key }: Pick<Claim, "key">): ClaimKind | undefined =>
  CLAIM_KINDS.find((kind) => key.startsWith(`${kind}#`));

/** Of claims that others hold, the one that decides. */
export const decisiveClaim = (claims: readonly Claim[]): Claim | undefined =>
  CLAIM_KINDS.flatMap((kind) => claims.filter((held) => kindOfClaim(held) === kind))[0];

/**
 * The same claims, to be taken from deleted patients that hold them: an Idempotency-Key that only met a patient is not
 * released with it. Such claims are never taken again by a patient that is revived, so nobody is robbed.
 */
export const takenFrom = (claims: readonly ClaimIntent[], held: readonly Claim[]): ClaimIntent[] =>
  claims.map((claim) => {
    const holder = held.find(({ key }) => key === claim.key)?.id;
    return {
      ...claim,
      ...(holder !== undefined && { takenFrom: holder }),
      olderKeys: claim.olderKeys.filter((older) => !held.some(({ key }) => key === older)),
    };
  });

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
