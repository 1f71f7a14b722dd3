/**
 * White space, control characters, and the characters that show nothing and only steer the display: zero-width spaces
 * and joiners, marks of the writing direction (some address books put them around phone numbers), byte-order marks.
 */
const SHOWS_NOTHING = /[\s\p{Cc}\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/u;

/** The text without what shows nothing at its two ends; inside of it, such characters may have a meaning. */
export function withoutOuterBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SHOWS_NOTHING.test(text.charAt(start))) {
    start += 1;
  }
  while (end > start && SHOWS_NOTHING.test(text.charAt(end - 1))) {
    end -= 1;
  }
  return text.slice(start, end);
}

/** Whether the text shows nothing at all: it is absent then. */
export function isBlank(text: string): boolean {
  return withoutOuterBlanks(text) === "";
}
