import { withoutOuterBlanks } from "../mapping/outer-blanks.ts";

/** One token of a search parameter: `system` undefined = any, empty = none. */
export type SearchToken = { readonly system: string | undefined; readonly value: string };

/** Separators that no backslash escapes: one before them may itself be escaped. */
const COMMA = /,(?<=(?<!\\)(?:\\\\)*,)/;
const BAR = /\|(?<=(?<!\\)(?:\\\\)*\|)/;

/** `\,`, `\|`, `\$` and `\\` stand for themselves. */
const ESCAPED = /\\([,|$\\])/g;

/** As identifiers are recorded. */
const unescaped = (text: string): string => withoutOuterBlanks(text.replace(ESCAPED, "$1"));

/**
 * The alternatives of a value, still escaped, without outer blanks.
 *
 * @see http://hl7.org/fhir/R4/search.html#escaping
 */
export const alternativesOf = (value: string): string[] => value.split(COMMA).map((part) => part.trim());

/** One alternative that is a plain value. */
export const plainValueOf = unescaped;

/**
 * One alternative as `system|value`, `|value` or `value`. Senders seldom escape a bar within a value: the first one
 * ends the system.
 *
 * @see http://hl7.org/fhir/R4/search.html#token
 */
export function tokenOf(alternative: string): SearchToken {
  const bar = BAR.exec(alternative);
  return bar === null
    ? { system: undefined, value: unescaped(alternative) }
    : { system: unescaped(alternative.slice(0, bar.index)), value: unescaped(alternative.slice(bar.index + 1)) };
}
