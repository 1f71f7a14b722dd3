/**
 * What must not come back out of Particle's words.
 */
export type Sent = {
  /** Values that are taken out whole and in their parts: names, lines of addresses, dates. */
  readonly values: readonly string[];
  /** Values that are taken out whole: ids and tokens, whose parts may be plain words such as `patient`. */
  readonly opaque: readonly string[];
};

export type ParticleWords = {
  /** At most {@link MAX_WORDS} characters; empty when nothing readable is left. */
  readonly words: string;
  /** True when the body speaks of an overlay: the demographics of one person under the patient_id of another. */
  readonly overlay: boolean;
};

export const MAX_WORDS = 300;
const MAX_BODY = 8_000;
const MAX_DEPTH = 5;
const REMOVED = "…";

// Words of which the names of Particle's fields are made. A value that happens to lie inside one ("Post" in
// postal_code) leaves it alone.
const ELEMENT_WORDS = [
  ...["given", "family", "name", "date", "birth", "gender", "postal", "code", "address", "city", "state", "lines"],
  ...["ssn", "telephone", "email", "patient", "particle", "consent"],
];

/**
 * What Particle says in the body of a refusal, with every value taken out: each sent value and each word of it (of two
 * and more characters, in any case, with or without accents; those under four only where they stand as words),
 * whatever stands in quotes, looks like an e-mail address or is a run of digits. No error body is documented:
 * of a JSON body `message`, `error` and `errors` are read, or all of its texts where it has none of these; any other
 * body is taken as text.
 */
export function particleWords(body: string, sent: Sent): ParticleWords {
  const needles = needlesOf(sent);
  // A person may live in Overlay Road: what is left without the values counts, and the vendor's own phrase.
  const overlay = /overlay detected/i.test(body) || /overlay/i.test(without(plain(clip(body, MAX_BODY)), needles));
  const words = without(plain(clip(sayings(body), MAX_BODY).replace(/<[^>]*>/g, " ")), needles)
    .replace(/[^\s"'`]+@[^\s"'`]+/g, REMOVED)
    .replace(/"[^"]*"|`[^`]*`|“[^”]*”|‘[^’]*’|(?<![\p{L}\p{N}])'[^']*'(?!\p{L})/gu, keepElementNames)
    .replace(/\p{N}{2,}/gu, REMOVED)
    .replace(/…[\s\-–./,()…]*…/g, REMOVED)
    .replace(/\s+/g, " ")
    .trim();
  return { words: /\p{L}/u.test(words) ? clip(words, MAX_WORDS) : "", overlay };
}

function sayings(body: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return body;
  }
  return said(parsed, MAX_DEPTH).join("; ");
}

function said(value: unknown, depth: number): string[] {
  if (typeof value === "string") {
    return [value];
  }
  if (depth === 0 || typeof value !== "object" || value === null) {
    return [];
  }
  if (Array.isArray(value)) {
    return value.flatMap((item) => said(item, depth - 1));
  }
  const { field, message, error, errors } = value as Readonly<Record<string, unknown>>;
  const texts = [message, error, errors].flatMap((item) => said(item, depth - 1));
  if (texts.length === 0) {
    return Object.entries(value).flatMap(([key, item]) => said(item, depth - 1).map((text) => `${key}: ${text}`));
  }
  return typeof field === "string" ? texts.map((text) => `${field}: ${text}`) : texts;
}

// Cut between words: half a value would not be recognised as one.
function clip(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/\S*$/, "").trimEnd();
}

/** One writing for what is compared: no accents, single spaces. */
function plain(text: string): string {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .normalize("NFC")
    .replace(/[\s\p{C}]+/gu, " ");
}

function needlesOf({ values, opaque }: Sent): readonly string[] {
  const wholes = [...values, ...opaque].map((value) => plain(value).trim());
  const parts = values.flatMap((value) => plain(value).match(/\p{L}+|\p{N}+/gu) ?? []);
  return [...new Set([...wholes, ...parts])].filter((needle) => needle.length >= 2);
}

function without(text: string, needles: readonly string[]): string {
  if (needles.length === 0) {
    return text;
  }
  const longestFirst = needles.toSorted((a, b) => b.length - a.length);
  return text.replace(new RegExp(longestFirst.map(patternOf).join("|"), "giu"), REMOVED);
}

function patternOf(needle: string): string {
  const literal = needle.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  const lower = needle.toLowerCase();
  const alone = needle.length < 4 || ELEMENT_WORDS.some((word) => word !== lower && word.includes(lower));
  if (!alone) {
    return literal;
  }
  return `${/^\p{L}/u.test(needle) ? "(?<!\\p{L})" : ""}${literal}${/\p{L}$/u.test(needle) ? "(?!\\p{L})" : ""}`;
}

function keepElementNames(quoted: string): string {
  const inside = quoted.slice(1, -1);
  const words = inside.split(/[_.\s]/);
  return words.every((word) => ELEMENT_WORDS.includes(word.toLowerCase()) || word === "of" || word === "id")
    ? inside
    : REMOVED;
}
