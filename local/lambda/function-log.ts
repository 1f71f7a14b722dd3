import type { LogStream } from "./protocol.ts";

export type LogEntry = {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly functionName: string;
  readonly stream: LogStream;
  readonly text: string;
};

export type FunctionLog = {
  add(functionName: string, stream: LogStream, text: string): void;
  /** What was kept, oldest first. */
  entries(): readonly LogEntry[];
};

/**
 * Keeps the latest output of the functions in memory.
 *
 * @param capacity number of writes that are kept.
 * @param echo called with each entry as well.
 */
export function createFunctionLog(capacity: number, echo?: (entry: LogEntry) => void): FunctionLog {
  const ring: LogEntry[] = [];
  let oldest = 0;
  return {
    add(functionName, stream, text) {
      const entry = { time: Date.now(), functionName, stream, text };
      echo?.(entry);
      if (ring.length < capacity) {
        ring.push(entry);
      } else {
        ring[oldest] = entry;
        oldest = (oldest + 1) % capacity;
      }
    },
    entries: () => [...ring.slice(oldest), ...ring.slice(0, oldest)],
  };
}
