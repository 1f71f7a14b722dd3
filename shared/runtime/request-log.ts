import type { InteractionEnd } from "../http/interaction-end.ts";
import type { Telemetry } from "../http/telemetry.ts";
import { createLog, type Log } from "./log.ts";

/** A line for each request and each entry of a Bundle. */
export function createRequestLog(log: Log = createLog()): Pick<Telemetry, "log" | "ended"> {
  return { log, ended: (end, durationMs) => log(...lineOf(end, durationMs)) };
}

function lineOf(end: InteractionEnd, durationMs: number | undefined): Parameters<Log> {
  const { requestId, method, route, entry, status, outcome, failure, reason } = end;
  const line = {
    requestId,
    method,
    route,
    status,
    ...(outcome !== undefined && { outcome }),
    ...(failure !== undefined && { failure }),
    ...(reason !== undefined && { reason }),
  };
  const level = status >= 500 ? "error" : "info";
  return entry === undefined
    ? [level, { code: "request-answered", ...line, durationMs: Math.round(durationMs ?? 0) }]
    : [level, { code: "entry-answered", ...line, entry }];
}
