import { ConnectionReset } from "../aws-json/endpoint.ts";
import type { ParsedSwitches } from "./switches.ts";

/** Counts the writes and holds the one that the switches name. */
export class WriteGate {
  readonly #hold: ParsedSwitches["hold"];
  readonly #reached = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  #writes = 0;

  constructor(hold: ParsedSwitches["hold"]) {
    this.#hold = hold;
    // Nobody need wait at a gate that closes for good.
    this.#opened.promise.catch(() => {});
    this.#reached.promise.catch(() => {});
  }

  /** Counts a write; what it returns waits at that end of the write if this is the one to hold, and there. */
  enter(): (end: "before" | "after") => Promise<void> {
    this.#writes += 1;
    const holdAt = this.#hold?.write === this.#writes ? this.#hold.at : undefined;
    return async (end) => {
      if (end === holdAt) {
        this.#reached.resolve();
        await this.#opened.promise;
      }
    };
  }

  /** Resolves when the write is held. */
  held(): Promise<void> {
    return this.#hold === undefined ? Promise.reject(new Error("No write is to be held.")) : this.#reached.promise;
  }

  /** Lets the held write go on, or pass when it comes. */
  open(): void {
    this.#opened.resolve();
  }

  /** The end: a held write is dropped; one held "before" is never carried out. */
  drop(): void {
    this.#opened.reject(new ConnectionReset());
    this.#reached.reject(new Error("The database was closed before the write came."));
  }
}
