import { changed, type Normalisation, type NormalisationKind, type Normalised } from "./normalised.ts";

/** Longer texts are no phone numbers; the bound keeps the patterns below from working through a megabyte. */
const LONGEST_PHONE = 60;
const TEL_SCHEME = /^tel:\s*/i;
const EXTENSION = /[\s,;]*(?:extension|extn|ext|x|#)[\s.:=#]*\d{1,8}$/i;
const PHONE_CHARACTERS = /^\(?\+?[\d\s().\-/\u2010-\u2015]+$/;
const NOT_A_DIGIT = /\D+/g;

const PHONE_PROBLEM = "is not a US phone number (10 digits, optionally after +1 or 1)";

/**
 * A US phone number as `NNN-NNN-NNNN`. A `tel:` scheme, the country code, an extension and other punctuation are set
 * aside. No check against the numbering plan: the vendor's own sample, 123-456-7890, would fail one.
 */
export function normalisePhone(text: string): Normalised {
  if (text.length > LONGEST_PHONE) {
    return { problem: PHONE_PROBLEM };
  }
  const steps: Normalisation[] = [];
  let current = text;
  const step = (kind: NormalisationKind, after: string) => {
    if (after !== current) {
      steps.push({ kind, before: current, after });
      current = after;
    }
  };
  step("scheme-removed", current.replace(TEL_SCHEME, ""));
  step("extension-set-aside", current.replace(EXTENSION, ""));
  if (!PHONE_CHARACTERS.test(current)) {
    return { problem: PHONE_PROBLEM };
  }
  let digits = current.replace(NOT_A_DIGIT, "");
  if (digits.length === 11 && digits.startsWith("1")) {
    digits = digits.slice(1);
    step("country-code-removed", digits);
  } else if (digits.length !== 10 || current.includes("+")) {
    return { problem: PHONE_PROBLEM };
  }
  step("punctuation-changed", `${digits.slice(0, 3)}-${digits.slice(3, 6)}-${digits.slice(6)}`);
  return { value: current, steps };
}

/** RFC 5321 section 4.5.3.1. */
const LONGEST_EMAIL = 254;
const MAILTO_SCHEME = /^mailto:/i;
/** A dot-atom of RFC 5322 section 3.2.3, at a host name of two labels or more. */
const EMAIL =
  /^(?=[^@]{1,64}@)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** An e-mail address as it is, without a `mailto:` scheme. */
export function normaliseEmail(text: string): Normalised {
  const address = text.replace(MAILTO_SCHEME, "");
  return address.length <= LONGEST_EMAIL && EMAIL.test(address)
    ? changed("scheme-removed", text, address)
    : { problem: "is not an e-mail address" };
}
