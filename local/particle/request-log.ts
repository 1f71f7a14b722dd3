/** A request as tests see it. Holds the body: this is a test instrument, and the people in it are made up. */
export type LoggedRequest = {
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  readonly method: string;
  /** As it was sent, with the query. */
  readonly path: string;
  /** Undefined when it was too large to be kept. */
  readonly body: string | undefined;
  /** Name of the fault that struck it, other than a delay. */
  fault?: string;
  /** `held` waits for the release; `hung-up` ended without an answer, by either side. */
  state: "running" | "held" | "answered" | "hung-up";
  /** Status of the answer, once it was sent. */
  status?: number;
  /** Whether it changed what is held; may turn true after the connection ended. */
  committed: boolean;
};

const generationSize = 5000;

/** The last 5,000 requests, and up to as many before them, in the order of their arrival. */
export class RequestLog {
  #older: LoggedRequest[] = [];
  #newer: LoggedRequest[] = [];

  /** The caller keeps the entry up to date. */
  add(entry: LoggedRequest): void {
    if (this.#newer.length === generationSize) {
      this.#older = this.#newer;
      this.#newer = [];
    }
    this.#newer.push(entry);
  }

  /** Copies, so that what was read stays as it was. */
  all(): readonly Readonly<LoggedRequest>[] {
    return [...this.#older, ...this.#newer].map((entry) => ({ ...entry }));
  }

  clear(): void {
    this.#older = [];
    this.#newer = [];
  }
}
