import { type FileHandle, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";

/** Where changes go that are to survive a restart. */
export interface Journal<Entry> {
  /** Returns at once; the entries reach the disk in order. @throws what an earlier write failed with */
  append(entry: Entry): void;
  /** After everything that was appended is on the disk. */
  close(): Promise<void>;
}

export const noJournal: Journal<unknown> = { append() {}, async close() {} };

const isMissing = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT";

/**
 * The entries of the file, one JSON value a line. A last line without its end was being written when the process died:
 * it never happened.
 */
export async function readJournal<Schema extends v.GenericSchema>(
  file: string,
  schema: Schema,
): Promise<v.InferOutput<Schema>[]> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (isMissing(error)) return "";
    throw error;
  });
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line, index) => {
    try {
      return v.parse(schema, JSON.parse(line));
    } catch (cause) {
      throw new Error(`${file}, line ${index + 1}, is not an entry of the simulator`, { cause });
    }
  });
}

const linesOf = (entries: Iterable<unknown>): string =>
  Array.from(entries, (entry) => `${JSON.stringify(entry)}\n`).join("");

class FileJournal<Entry> implements Journal<Entry> {
  readonly #handle: FileHandle;
  #waiting: Entry[] = [];
  #writing: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  append(entry: Entry): void {
    if (this.#failure !== undefined) throw this.#failure;
    // One write at a time; what comes meanwhile goes out together in the next.
    if (this.#waiting.push(entry) === 1) this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    if (this.#failure !== undefined) return;
    const entries = this.#waiting;
    this.#waiting = [];
    try {
      await this.#handle.appendFile(linesOf(entries));
    } catch (error) {
      this.#failure = error;
    }
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#handle.close();
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Replaces the file, in one step, by one that holds `entries` only, and appends to it from now on. */
export async function startJournal<Entry>(file: string, entries: Iterable<Entry>): Promise<Journal<Entry>> {
  await mkdir(dirname(file), { recursive: true });
  const rewritten = `${file}.new`;
  const handle = await open(rewritten, "w");
  try {
    await handle.appendFile(linesOf(entries));
    await handle.sync();
    await rename(rewritten, file);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return new FileJournal<Entry>(handle);
}
