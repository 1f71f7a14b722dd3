import type { InteractionEnd } from "../http/interaction-end.ts";
import { type Interaction, routes } from "../http/routes.ts";
import type { Decision } from "../registration/registration.ts";
import type { OperationKind } from "../store/mapping-store.ts";
import type { WriteToLogGroup } from "./log-group.ts";

/** Of an interaction or a decision. Ids are those of FHIR; no demographics, no identifiers. */
export type AuditEvent = InteractionEvent | DecisionEvent;

/**
 * Who did what to which patients, and how it ended. `overlayReason` is what the client said of an update that changes
 * several identity fields.
 */
type InteractionEvent = Pick<
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

/** What the adapter found out, or took back, later than the request whose id it bears. */
type DecisionEvent = Pick<InteractionEvent, "time" | "requestId" | "interaction" | "patients"> & {
  readonly who: "adapter";
  readonly decision: Decision["verdict"];
};

/** What goes into the audit log: gathered during an invocation, and written before its answer leaves. */
export type Audit = {
  ended(end: InteractionEnd): void;
  decided(decision: Decision): void;
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
    ended: (end) => void gathered.push(interactionEvent(end, now())),
    decided: (decision) => void gathered.push(decisionEvent(decision, now())),
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

/** What the client asked for when it began the operation. */
const INTERACTIONS = {
  create: "create",
  adopt: "create",
  update: "update",
  revive: "update",
  replace: "update",
  delete: "delete",
} as const satisfies Readonly<Record<OperationKind, Interaction>>;

const decisionEvent = ({ id, kind, owner, verdict }: Decision, now: number): DecisionEvent => ({
  time: new Date(now).toISOString(),
  requestId: owner,
  who: "adapter",
  interaction: INTERACTIONS[kind],
  patients: [id],
  decision: verdict,
});

function interactionEvent(end: InteractionEnd, now: number): InteractionEvent {
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
