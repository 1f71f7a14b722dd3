import { createHmac } from "node:crypto";
import type { CanonicalDemographics } from "../mapping/canonical-demographics.ts";
import { IDENTITY_FIELDS, identityForm } from "../mapping/canonical-demographics.ts";
import type { SourceIdentifier } from "../mapping/source-identifiers.ts";
import type { Digest } from "../store/mapping-store.ts";

/** `current` names the key that new hashes are made with; the others stay so that old hashes can be compared. */
export type HashKeys = { readonly current: string; readonly keys: ReadonlyMap<string, string> };

export type IdentityField = (typeof IDENTITY_FIELDS)[number];

/**
 * Keyed hashes (HMAC-SHA-256) of what may not be stored: identifiers in keys, demographics in digests. Every hash is
 * written `<key id>.<base64url>`, and what is hashed begins with its purpose, so that equal values of different
 * meaning never have equal hashes.
 */
export type KeyedHash = ReturnType<typeof createKeyedHash>;

export function createKeyedHash({ current, keys }: HashKeys) {
  const keyed = (keyId: string, purpose: string, parts: readonly string[]): string | undefined => {
    const key = keys.get(keyId);
    return key === undefined
      ? undefined
      : `${keyId}.${createHmac("sha256", key)
          .update(JSON.stringify([purpose, ...parts]))
          .digest("base64url")}`;
  };
  const hash = (purpose: string, ...parts: string[]): string => {
    const made = keyed(current, purpose, parts);
    if (made === undefined) {
      throw new Error(`The digest-key secret has no key "${current}", which it names as the current one.`);
    }
    return made;
  };
  /** With the current key first, then with every older one. */
  const hashes = (purpose: string, ...parts: string[]): string[] =>
    [current, ...[...keys.keys()].filter((keyId) => keyId !== current)].flatMap(
      (keyId) => keyed(keyId, purpose, parts) ?? [],
    );
  /** Undefined when the key that made `stored` is gone, so that nobody can tell. */
  const matches = (stored: string, purpose: string, ...parts: string[]): boolean | undefined => {
    const again = keyed(stored.slice(0, stored.indexOf(".")), purpose, parts);
    return again === undefined ? undefined : again === stored;
  };

  const wholeForm = ({ ssn: _, ...rest }: CanonicalDemographics): string => JSON.stringify(rest);

  const sameWhole = (digest: Digest, canonical: CanonicalDemographics): boolean =>
    matches(digest.whole, "whole", wholeForm(canonical)) === true;

  const sameSsn = (digest: Digest, canonical: CanonicalDemographics): boolean => {
    const form = identityForm("ssn", canonical);
    const stored = digest.fields["ssn"];
    return form === undefined || stored === undefined ? form === stored : matches(stored, "ssn", form) === true;
  };

  return {
    hash,
    hashes,
    matches,

    digest(canonical: CanonicalDemographics): Digest {
      const fields = IDENTITY_FIELDS.flatMap((field) => {
        const form = identityForm(field, canonical);
        return form === undefined ? [] : [[field, hash(field, form)] as const];
      });
      return { whole: hash("whole", wholeForm(canonical)), fields: Object.fromEntries(fields) };
    },

    /**
     * Whether the digest was made of these demographics. An SSN that `canonical` lacks is no difference: it is never
     * answered to clients, so they cannot send it back.
     */
    sameContent: (digest: Digest, canonical: CanonicalDemographics): boolean =>
      sameWhole(digest, canonical) && (identityForm("ssn", canonical) === undefined || sameSsn(digest, canonical)),

    /** The same, where a missing SSN is a difference. */
    exactlySameContent: (digest: Digest, canonical: CanonicalDemographics): boolean =>
      sameWhole(digest, canonical) && sameSsn(digest, canonical),

    /**
     * Identity fields that were present and are other now, letter case aside. What an older, lost key hashed cannot be
     * compared and counts as unchanged.
     */
    changedIdentityFields(digest: Digest, canonical: CanonicalDemographics): IdentityField[] {
      return IDENTITY_FIELDS.filter((field) => {
        const stored = digest.fields[field];
        const form = identityForm(field, canonical);
        return stored !== undefined && form !== undefined && matches(stored, field, form) === false;
      });
    },

    /** Index keys under which a patient with these identifiers is found: by system and value, and by value alone. */
    indexKeys(identifiers: readonly SourceIdentifier[]): string[] {
      return [
        ...new Set(
          identifiers.flatMap(({ system = "", value }) => [
            hash("identifier", system, value),
            hash("identifier-value", value),
          ]),
        ),
      ];
    },

    /** Index keys to look under; `system` undefined = any, empty = none. */
    indexKeysToFind(system: string | undefined, value: string): string[] {
      return system === undefined ? hashes("identifier-value", value) : hashes("identifier", system, value);
    },
  };
}
