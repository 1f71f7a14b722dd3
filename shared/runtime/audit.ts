import type { InteractionEnd } from "../http/interaction-end.ts";
import { type Interaction, routes } from "../http/routes.ts";
import type { WriteToLogGroup } from "./log-group.ts";

/**
 * Who did what to which patients, and how it ended. Ids are those of FHIR; no demographics, no identifiers. `overlayReason`
 * is what the client said of an update that changes several identity fields.
 */
export type AuditEvent = Pick<
  InteractionEnd,
  "requestId" | "entry" | "patients" | "status" | "outcome" | "failure" | "overlayReason"
> & {
  /** ISO 8601 instant of the end. */
  readonly time: string;
  /** ARN of the principal with its session, as API Gateway verified it. */
  readonly who: string;
  /** As the route table names it; `transaction` stands for batches, too. */
  readonly interaction: Interaction | "unknown";
};

/** What goes into the audit log: gathered during an invocation, and written before its answer leaves. */
export type Audit = {
  ended(end: InteractionEnd): void;
  /**
   * @param withinMs time for it.
   * @throws AuditNotWritten
   */
  flush(withinMs: number): Promise<void>;
};

/** The events could not be written where they belong. */
export class AuditNotWritten extends Error {
  override readonly name = "AuditNotWritten";
  readonly events: readonly AuditEvent[];

  constructor(events: readonly AuditEvent[], cause: unknown) {
    super(cause instanceof Error ? cause.message : "No reason.");
    this.events = events;
  }
}

export function createAudit(write: WriteToLogGroup, now: () => number = Date.now): Audit {
  let gathered: AuditEvent[] = [];
  return {
    ended: (end) => void gathered.push(auditEvent(end, now())),
    async flush(withinMs) {
      const events = gathered;
      gathered = [];
      if (events.length > 0) {
        const lines = events.map((event) => ({ timestamp: Date.parse(event.time), message: JSON.stringify(event) }));
        await write(lines, withinMs).catch((error: unknown) => {
          throw new AuditNotWritten(events, error);
        });
      }
    },
  };
}

function auditEvent(end: InteractionEnd, now: number): AuditEvent {
  const { requestId, principal, method, route, entry, patients, status, outcome, failure, overlayReason } = end;
  const known = routes.find((one) => one.method === method && one.path === route);
  return {
    time: new Date(now).toISOString(),
    requestId,
    ...(entry !== undefined && { entry }),
    who: principal,
    interaction: known?.interaction ?? "unknown",
    patients,
    status,
    ...(outcome !== undefined && { outcome }),
    ...(failure !== undefined && { failure }),
    ...(overlayReason !== undefined && { overlayReason }),
  };
}
