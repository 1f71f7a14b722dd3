import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import * as v from "valibot";
import { type Secret, secretsSchema } from "./secret-vault.ts";

/** Secrets in a file of JSON that only its owner can read. */
export class DataFile {
  readonly #path: string;
  readonly #secrets: () => readonly Secret[];
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @param secrets what is to be saved, asked each time */
  constructor(path: string, secrets: () => readonly Secret[]) {
    this.#path = path;
    this.#secrets = secrets;
  }

  /** None when there is no file. @throws when the file does not hold secrets */
  static async load(path: string): Promise<Secret[]> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") {
        return "[]";
      }
      throw error;
    });
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), secretsSchema), text);
    if (!parsed.success) {
      throw new Error(`${path} does not hold secrets of this endpoint.`);
    }
    return parsed.output;
  }

  /** Resolves when everything that has changed up to now is on the disk. A thousand calls at once write it twice. */
  save(): Promise<void> {
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#running = this.#write();
        return this.#running;
      });
    return this.#next;
  }

  /** A process that is killed while it writes leaves the old file. */
  async #write(): Promise<void> {
    const text = JSON.stringify(this.#secrets());
    await mkdir(dirname(this.#path), { recursive: true });
    await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
  }
}
