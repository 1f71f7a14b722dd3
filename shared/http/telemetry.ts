import type { Log } from "../runtime/log.ts";
import type { InteractionEnd } from "./interaction-end.ts";

/** Where a function tells what became of its requests. */
export type Telemetry = {
  readonly log: Log;
  /** @param durationMs of a request; an entry has none of its own. */
  ended(end: InteractionEnd, durationMs?: number): void;
  /**
   * Writes what was gathered, before the answer leaves. Never rejects.
   *
   * @param remainingMs until the function is ended.
   */
  flush(remainingMs: number): Promise<void>;
};
