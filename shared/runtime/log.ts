import { Logger } from "@aws-lambda-powertools/logger";

/** Every line that this product logs, and the only fields that it may carry: none of them holds patient data. */
export type LogEntry =
  | {
      readonly code: "request-answered";
      /** Request id of API Gateway, answered to the client as X-Request-Id. */
      readonly requestId: string;
      readonly method: string;
      /** The route with its placeholders, never the path with an id. */
      readonly route: string;
      readonly status: number;
      readonly durationMs: number;
      /** Kind of the failure, for a request that failed. */
      readonly failure?: string;
      /** The operator's message of the failure. */
      readonly reason?: string;
    }
  | {
      /** An entry of a batch, or the one for which a transaction failed. */
      readonly code: "entry-failed";
      readonly requestId: string;
      readonly method: string;
      readonly route: string;
      /** Its place in the Bundle, from 0. */
      readonly entry: number;
      readonly failure?: string;
      readonly reason?: string;
    }
  | {
      readonly code: "bug";
      readonly requestId: string;
      readonly error: string;
      /** Functions and lines only: a message could quote what was being worked on. */
      readonly stack: readonly string[];
    }
  | {
      readonly code: "registrations-recovered";
      readonly requestId: string;
      readonly found: number;
      readonly decided: number;
      readonly failed: number;
      readonly oldestSeconds: number;
    };

export type Log = (level: "info" | "warn" | "error", entry: LogEntry) => void;

/** Structured lines on standard output, as Lambda collects them. */
export function createLog(): Log {
  const logger = new Logger({ serviceName: "fhir-particle-adapter" });
  return (level, { code, ...fields }) => logger[level](code, fields);
}

/** What of an unexpected error may be logged. */
export function bugEntry(requestId: string, error: unknown): LogEntry {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return {
    code: "bug",
    requestId,
    error: error instanceof Error ? error.name : typeof error,
    stack: stack.split("\n").filter((line) => /^\s+at /.test(line)),
  };
}
