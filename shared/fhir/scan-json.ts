import { maxDepth } from "./limits.ts";

/** Where a text breaks the rules, as an index of it, and which rule. */
export type JsonProblem = { readonly offset: number; readonly rule: string };

/** The steps to a property that occurs twice in its object. */
export type DuplicatePath = readonly (string | number)[];

class JsonProblemFound extends Error {
  readonly problem: JsonProblem;

  constructor(problem: JsonProblem) {
    super(problem.rule);
    this.problem = problem;
  }
}

const [tab, lineFeed, carriageReturn, space] = [9, 10, 13, 32];
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const literal = /true|false|null/y;
/** A string without its closing quote: plain characters, and escapes between them. */
const openString = /"[ !#-[\]-\uffff]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[ !#-[\]-\uffff]*)*/y;

/**
 * Reads JSON (RFC 8259) for what `JSON.parse` does not tell: where a text stops being JSON, which properties occur
 * twice, and how deep it goes. It keeps no values.
 */
class JsonScanner {
  readonly duplicates: DuplicatePath[] = [];
  readonly #text: string;
  readonly #path: (string | number)[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  scan(): void {
    this.#value();
    if (this.#at < this.#text.length) this.#fail("nothing more is expected");
  }

  #fail(rule: string): never {
    const offset = this.#at;
    throw new JsonProblemFound({ offset, rule: offset < this.#text.length ? rule : `${rule}, the text ends` });
  }

  /** Moves past the pattern if it is next. */
  #skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    if (!pattern.test(this.#text)) return false;
    this.#at = pattern.lastIndex;
    return true;
  }

  /** Moves past the character and the blanks after it if it is next. */
  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    this.#skipBlanks();
    return true;
  }

  #skipBlanks(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== space && code !== lineFeed && code !== carriageReturn && code !== tab) return;
      this.#at++;
    }
  }

  #value(): void {
    this.#skipBlanks();
    const next = this.#text[this.#at];
    if (next === "{") this.#object();
    else if (next === "[") this.#array();
    else if (next === '"') this.#string();
    else if (!this.#skip(number) && !this.#skip(literal)) this.#fail("a value is expected");
    this.#skipBlanks();
  }

  #string(): string {
    const start = this.#at;
    if (!this.#skip(openString)) this.#fail("a name in double quotes is expected");
    if (this.#text[this.#at] !== '"') this.#fail("a closing quote, or a valid character or escape, is expected");
    this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #enter(bracket: string): void {
    if (this.#path.length >= maxDepth) this.#fail(`nesting over ${maxDepth} deep is refused`);
    this.#take(bracket);
  }

  #object(): void {
    this.#enter("{");
    if (this.#take("}")) return;
    const names = new Set<string>();
    do {
      const quoted = this.#string();
      const name: string = quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
      this.#path.push(name);
      if (names.has(name)) this.duplicates.push([...this.#path]);
      names.add(name);
      this.#skipBlanks();
      if (!this.#take(":")) this.#fail("a colon is expected");
      this.#value();
      this.#path.pop();
    } while (this.#take(","));
    if (!this.#take("}")) this.#fail("a comma or } is expected");
  }

  #array(): void {
    this.#enter("[");
    if (this.#take("]")) return;
    let index = 0;
    do {
      this.#path.push(index);
      this.#value();
      this.#path.pop();
      index++;
    } while (this.#take(","));
    if (!this.#take("]")) this.#fail("a comma or ] is expected");
  }
}

/** @returns the first place where the text is no JSON or too deep, or every repeated property. */
export function scanJson(text: string): {
  readonly problem?: JsonProblem;
  readonly duplicates: readonly DuplicatePath[];
} {
  const scanner = new JsonScanner(text);
  try {
    scanner.scan();
  } catch (error) {
    if (error instanceof JsonProblemFound) return { problem: error.problem, duplicates: [] };
    throw error;
  }
  return { duplicates: scanner.duplicates };
}
