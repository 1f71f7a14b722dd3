import type { Demographics, EchoedDemographics } from "./demographics.ts";
import type { Normalised } from "./normalised.ts";
import { withoutOuterBlanks } from "./outer-blanks.ts";
import { normalisePhone } from "./telecom-value.ts";
import { normaliseState, normaliseZip } from "./us-address.ts";
import { normaliseSsn } from "./us-ssn.ts";

/**
 * Demographics in a form in which what is sent to Particle and what Particle answers for it are equal. Fields that hold
 * nothing are left out, and the others stand in a fixed order, so equal ones have equal JSON.
 */
export type CanonicalDemographics = EchoedDemographics;

/** The fields that say who a person is; when several change at once, it is likely to be another person. */
export const IDENTITY_FIELDS = ["family_name", "given_name", "date_of_birth", "gender", "ssn"] as const;

type IdentityField = (typeof IDENTITY_FIELDS)[number];

/** Blanks collapsed, outer ones off, composed characters. */
function plain(text: string): string {
  return withoutOuterBlanks(text).replace(/\s+/g, " ").normalize("NFC");
}

/** In the form that `normalise` gives, or as it is where the text has no such form. */
function formed(normalise: (text: string) => Normalised): (text: string) => string {
  return (text) => {
    const normalised = normalise(text);
    return "problem" in normalised ? text : normalised.value;
  };
}

const asIs = (text: string) => text;

const CANONICAL_FORMS = {
  given_name: asIs,
  family_name: asIs,
  date_of_birth: asIs,
  gender: (text: string) => text.toUpperCase(),
  postal_code: formed(normaliseZip),
  address_city: asIs,
  address_state: formed(normaliseState),
  address_lines: asIs,
  ssn: formed(normaliseSsn),
  telephone: formed(normalisePhone),
  email: asIs,
} as const satisfies Record<keyof EchoedDemographics, (text: string) => string>;

/** An answer of Particle may hold null or another shape where the documentation promises a string. */
function canonicalText(value: unknown, form: (text: string) => string): string | undefined {
  const text = typeof value === "string" ? plain(value) : "";
  return text === "" ? undefined : form(text);
}

/**
 * The same for what is sent and for what Particle makes of it: it reformats telephones, drops the last four digits of a
 * ZIP, upper-cases genders. Empty, null and absent are equal; unknown fields are ignored.
 */
export function canonicalDemographics(demographics: Demographics | EchoedDemographics): CanonicalDemographics {
  const entries = Object.entries(CANONICAL_FORMS).flatMap(([field, form]) => {
    const value: unknown = demographics[field as keyof EchoedDemographics];
    const canonical = Array.isArray(value)
      ? value.flatMap((line) => canonicalText(line, form) ?? [])
      : canonicalText(value, form);
    return canonical === undefined || canonical.length === 0 ? [] : [[field, canonical]];
  });
  return Object.fromEntries(entries);
}

/** An identity field in a form that does not tell upper from lower case; undefined when it holds nothing. */
export function identityForm(field: IdentityField, canonical: CanonicalDemographics): string | undefined {
  return canonical[field]?.toUpperCase();
}
