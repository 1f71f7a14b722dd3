/** What was done to a value on its way to Particle. */
export type NormalisationKind =
  | "blanks-trimmed"
  | "characters-composed"
  | "scheme-removed"
  | "extension-set-aside"
  | "country-code-removed"
  | "punctuation-changed"
  | "plus-four-dropped"
  | "state-name-abbreviated"
  | "letter-case-changed";

export type Normalisation = { readonly kind: NormalisationKind; readonly before: string; readonly after: string };

/** A value in the form that Particle documents, with the steps that led there: none when it came in that form. */
type Usable = { readonly value: string; readonly steps: readonly Normalisation[] };

/**
 * A usable value, or why it has no form that Particle documents: the predicate of a sentence about the element, without
 * the value.
 */
export type Normalised = Usable | { readonly problem: string };

const NO_STEPS: readonly Normalisation[] = [];

export function unchanged(value: string): Usable {
  return { value, steps: NO_STEPS };
}

/** One step, left out when it changed nothing. */
export function changed(kind: NormalisationKind, before: string, after: string): Usable {
  return before === after ? unchanged(after) : { value: after, steps: [{ kind, before, after }] };
}

/**
 * A text as it is, in composed characters (Unicode NFC): an é that was sent as e and an accent is the same é, and is not
 * to be taken for another name.
 */
export function composed(text: string): Usable {
  return changed("characters-composed", text, text.normalize("NFC"));
}
