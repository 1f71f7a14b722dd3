/** Entries that are kept at least; a server that runs for weeks must not grow with its requests. */
const KEPT = 10_000;

/** The latest requests in their order of arrival. An entry may be completed while its request is served. */
export class RequestLog<Entry extends object> {
  #entries: Entry[] = [];

  add(entry: Entry): Entry {
    if (this.#entries.length >= 2 * KEPT) {
      this.#entries = this.#entries.slice(-KEPT);
    }
    this.#entries.push(entry);
    return entry;
  }

  /** Copies, oldest first. */
  entries(): Entry[] {
    return this.#entries.map((entry) => ({ ...entry }));
  }
}
