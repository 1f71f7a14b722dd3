import type { OperationKind, State } from "../store/mapping-store.ts";

type Move = {
  /** States from which the operation may begin; `none` is a FHIR id that was never used. */
  readonly from: readonly (State | "none")[];
  /** While the operation is open. A refused operation goes back to where it began. */
  readonly during: State;
  readonly completed: State;
};

/** The moves between the states of a mapping, as data: nothing else decides what may follow what. */
export const MOVES = {
  create: { from: ["none", "abandoned"], during: "registering", completed: "registered" },
  adopt: { from: ["none", "abandoned"], during: "registering", completed: "registered" },
  update: { from: ["registered", "drifted", "replaced"], during: "updating", completed: "registered" },
  delete: { from: ["registered", "drifted", "replaced"], during: "deleting", completed: "deleted" },
  revive: { from: ["deleted"], during: "reviving", completed: "registered" },
  replace: { from: ["registered", "drifted", "replaced"], during: "updating", completed: "replaced" },
} as const satisfies Record<OperationKind, Move>;

/** What a reader sees of a mapping in each state. */
export const VISIBILITY = {
  registering: "absent",
  abandoned: "absent",
  registered: "present",
  updating: "present",
  drifted: "present",
  deleting: "locked",
  deleted: "deleted",
  reviving: "deleted",
  replaced: "present",
} as const satisfies Record<State, "absent" | "present" | "locked" | "deleted">;

/** How what Particle holds compares with what an open operation of unknown outcome meant to do. */
export type Evidence = "intended" | "prior" | "other" | "absent";

/**
 * What becomes of the operation: `complete` it, `roll-back` to where it began, `abandon` a create (its ids and claims
 * are kept for a retry), `drift` (Particle holds something that we did not send), or `repeat` what was to be sent.
 */
export type Decision = "complete" | "roll-back" | "abandon" | "drift" | "repeat";

/** The verdict on an open operation of unknown outcome, by kind and by what Particle says. */
export const DECISIONS = {
  create: { intended: "complete", prior: "drift", other: "drift", absent: "abandon" },
  adopt: { intended: "complete", prior: "roll-back", other: "drift", absent: "abandon" },
  update: { intended: "complete", prior: "roll-back", other: "drift", absent: "drift" },
  delete: { intended: "repeat", prior: "repeat", other: "repeat", absent: "complete" },
  revive: { intended: "complete", prior: "drift", other: "drift", absent: "roll-back" },
  replace: { intended: "repeat", prior: "repeat", other: "repeat", absent: "complete" },
} as const satisfies Record<OperationKind, Record<Evidence, Decision>>;
