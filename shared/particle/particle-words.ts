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

// The vendor's names of fields (https://docs.particlehealth.com/docs/patients-api), and the words that they are made of.
const FIELDS = new Set(
  [
    "given_name family_name date_of_birth gender postal_code address_lines address_city address_state ssn telephone email",
    "patient_id particle_patient_id purpose_of_use consent consent_date partner permission continuation_token",
    "given family first last middle full name names date of birth postal zip code address city state line lines",
    "phone number patient patients particle demographics id ids purpose use",
  ].flatMap((line) => line.split(" ")),
);

/**
 * Plain words of refusals. None of them is a usual name, a gender, a month or a part of an address, so that what is let
 * through tells nothing of a person: `will`, `long`, `may`, `male`, `north` and `street` are left out on purpose.
 */
const PLAIN = new Set(
  [
    "a all already also an and another any are as at be because been between both but by can cannot could did do does",
    "don't doesn't didn't can't for from has have if in into is isn't it its it's more most must mustn't neither no nor not",
    "nothing of on one only or other please should so some such than that the their them then there these they this",
    "those to too two until up was were wasn't aren't what when where which while with within without would you your",
    "absent accept accepted again allowed array at bad before blank body boolean cannot change changed character",
    "characters check choose conflict contain contains correct correctly create created data delete deleted detail",
    "different differs digit digits duplicate element empty enter error errors exactly exceed exceeds exist existing",
    "exists expect expected fail failed failure field fields follow following format formats found future give got hyphen",
    "hyphens incomplete incorrect input inside integer invalid item items json key least length less letter letters lies",
    "limit list loc look looks match matches max maximum message min minimum mismatch missing msg multiple need needed",
    "needs null object odd only optional outside overlay parameter parse past pattern provide provided range reason",
    "received record records refused register registered reject rejected remove repeat repeated request require required",
    "requires resource same send sent separate shape short shorter signature specified still string submit submitted",
    "supplied support supported text think time token try type types unable unexpected unique unknown unprocessable",
    "unrecognized unsupported update updated use used valid validate validated validation value values verify well wrong",
    "about taken write two three four five nine ten yyyy mm dd",
  ].flatMap((line) => line.split(" ")),
);

const ACRONYMS = new Set("SSN ID DOB ZIP JSON US YYYY MM DD".split(" "));

/** Said whole only: a word of theirs alone might be a name or a gender. */
const PHRASES = ["too long", "MALE or FEMALE", "Bad Request", "Unprocessable Entity"];

/** Of a word: signs of other scripts, too, so that no part of what they stand in is taken for a word of its own. */
const SIGN = "[\\p{L}\\p{M}\\p{N}_[^\\u0000-\\u007f\\s…‘’“”]]";
/** One of the phrases, a word with all that it is glued to, or a sign that no sentence needs. */
const TOKEN = new RegExp(
  `(?:${PHRASES.join("|")})(?!${SIGN})|${SIGN}+(?:['’.\\/\\-]${SIGN}+)*|[^\\s.,:;\\(\\)…'\\/\\-]`,
  "gv",
);
const SENTENCE_START = /(?:^|[.;:] )$/;
const QUOTED = /"[^"]*"|`[^`]*`|“[^”]*”|‘[^’]*’|(?<![\p{L}\p{N}])'[^']*'(?!\p{L})/gu;
const EMAIL = /[^\s"'`]+@[^\s"'`]+/g;

/**
 * What Particle says in the body of a refusal, with everything taken out that could be about a person: a word is kept
 * only where it is a name of the vendor's fields or a plain word of refusals, written in small letters (at the start of
 * a sentence with a capital), and no part of a value that was sent. All else, each number too, becomes an ellipsis: what
 * Particle quotes may as well be somebody whom it holds and nobody sent. No error body is documented: of a JSON body
 * `message`, `error` and `errors` are read, or all of its texts where it has none of these; any other body is taken as
 * text.
 */
export function particleWords(body: string, sent: Sent): ParticleWords {
  const ofValues = wordsOfValues(sent);
  const isOfValue = (word: string) => ofValues.has(plain(word).toLowerCase());
  const text = spaced(clip(sayings(body), MAX_BODY).replace(/<[^>]*>/g, " "))
    .trim()
    .replace(EMAIL, REMOVED)
    .replace(QUOTED, keepFieldName);
  // A person may live in Overlay Road: what was not sent counts, and the vendor's own phrase.
  const spoken = (spaced(clip(body, MAX_BODY)).match(TOKEN) ?? []).filter((word) => !isOfValue(word));
  const overlay = /overlay detected/i.test(body) || spoken.some((word) => /overlay/i.test(word));
  const words = text
    .replace(TOKEN, (word, offset: number) => {
      const isKept = !isOfValue(word) && saysNobody(word, SENTENCE_START.test(text.slice(0, offset)));
      return isKept ? word : REMOVED;
    })
    .replace(/…[\s\-./,()'…]*…/g, REMOVED)
    .replace(/\s+/g, " ")
    .trim();
  return { words: /\p{L}/u.test(words) ? clip(words, MAX_WORDS) : "", overlay };
}

/** What stands in quotes is a value, be it a plain word, unless it names a field. */
function keepFieldName(quoted: string): string {
  const inside = quoted.slice(1, -1);
  return inside.split(/[.\s]/).every((word) => FIELDS.has(word.toLowerCase())) ? inside : REMOVED;
}

function saysNobody(token: string, startsSentence: boolean): boolean {
  return PHRASES.includes(token) || token.split(/[./-]/).every((word) => isPlainWord(word, startsSentence));
}

function isPlainWord(word: string, startsSentence: boolean): boolean {
  const lower = word.toLowerCase();
  const isWritten = word === lower || (startsSentence && word.slice(1) === lower.slice(1));
  return (isWritten && (FIELDS.has(lower) || PLAIN.has(lower.replace("’", "'")))) || ACRONYMS.has(word);
}

/** Each value, and each word of one that is more than a letter; of what is opaque only the whole. */
function wordsOfValues({ values, opaque }: Sent): ReadonlySet<string> {
  const parts = values.flatMap((value) => plain(value).match(/\p{L}+|\p{N}+/gu) ?? []);
  const all = [...values, ...opaque, ...parts].map((value) => plain(value).trim().toLowerCase());
  return new Set(all.filter((word) => word.length >= 2));
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

/** One writing for what is compared, and for nothing else: a sign such as ⒜ would come apart into words. */
function plain(text: string): string {
  return spaced(text.normalize("NFKD").replace(/\p{M}/gu, "").normalize("NFC"));
}

const spaced = (text: string): string => text.replace(/[\s\p{C}]+/gu, " ");
