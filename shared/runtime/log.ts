import { Logger } from "@aws-lambda-powertools/logger";
import type { AuditEvent } from "./audit.ts";

/** Every line that this product logs, and the only fields that it may carry: none of them holds patient data. */
export type LogEntry =
  | {
      readonly code: "request-answered";
      /** The extended request id of API Gateway, answered to the client as X-Request-Id. */
      readonly requestId: string;
      readonly method: string;
      /** The route with its placeholders, never the path with an id. */
      readonly route: string;
      readonly status: number;
      readonly durationMs: number;
      /** What a write did. */
      readonly outcome?: string;
      /** Kind of the failure, for a request that failed. */
      readonly failure?: string;
      /** The operator's message of the failure. */
      readonly reason?: string;
    }
  | {
      /** An entry of a Bundle; of a transaction that failed, the one for which it did. */
      readonly code: "entry-answered";
      readonly requestId: string;
      readonly method: string;
      readonly route: string;
      /** Its place in the Bundle, from 0. */
      readonly entry: number;
      readonly status: number;
      readonly outcome?: string;
      readonly failure?: string;
      readonly reason?: string;
    }
  | {
      /** A token that is not valid; `refusal` names what is wrong with it and nothing of what it holds. */
      readonly code: "sign-in-refused";
      readonly requestId: string;
      readonly refusal: string;
    }
  | {
      /** Nobody can sign in: the issuer's keys cannot be read. */
      readonly code: "issuer-unavailable";
      readonly requestId: string;
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
    }
  | {
      /**
       * `recovery-failed`: an operation or a transaction of unknown outcome that could not be decided; it comes up again.
       */
      readonly code: "recovery-failed" | "token-age-unknown";
      readonly requestId: string;
      readonly failure: string;
      readonly reason: string;
    }
  | { readonly code: "token-refreshed"; readonly requestId: string }
  | {
      /** What belongs into the audit log and could not be written there. */
      readonly code: "audit-not-written";
      readonly reason: string;
      readonly events: readonly AuditEvent[];
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
