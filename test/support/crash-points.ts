import { setTimeout as sleep } from "node:timers/promises";
import { isWrite } from "../../local/dynamodb/operations.ts";
import type { Twin } from "../../local/twin.ts";

/** A moment at which a function is stopped dead: at one of its writes to the table, or of its calls to Particle. */
export type CrashPoint = {
  /** Counts from 1. */
  readonly number: number;
} & (
  | {
      readonly kind: "write";
      /** `before`: the write never arrives. `after`: it is done, and its reply never arrives. */
      readonly end: "before" | "after";
    }
  | {
      readonly kind: "call";
      readonly method: string;
      /** As for writes; `late`: Particle carries the call out when its sender is dead. */
      readonly end: "before" | "after" | "late";
    }
);

const LATE_MS = 50;
const POLL_MS = 2;
const PATIENCE_MS = 10_000;

/** Runs an operation unharmed and answers the points before and after each of its side effects. */
export async function pointsOf(twin: Twin, operation: () => Promise<unknown>): Promise<CrashPoint[]> {
  const earlier = twin.dynamodb.requests().length;
  twin.particle.clearRequests();
  await operation();
  const writes = twin.dynamodb
    .requests()
    .slice(earlier)
    .filter((request) => isWrite(request.operation));
  return [
    ...writes.flatMap((_, index) =>
      (["before", "after"] as const).map((end) => ({ kind: "write", number: index + 1, end }) as const),
    ),
    // A reading is no side effect: around it, all is as after the one before it.
    ...twin.particle
      .requests()
      .flatMap(({ method }, index) =>
        method === "GET"
          ? []
          : (["before", "after", "late"] as const).map(
              (end) => ({ kind: "call", number: index + 1, method, end }) as const,
            ),
      ),
  ];
}

export const nameOf = (point: CrashPoint): string =>
  point.kind === "write"
    ? `${point.end} write ${point.number}`
    : `${point.end === "late" ? "before the late landing of" : point.end} call ${point.number} (${point.method})`;

/**
 * Stops the function dead where the operation reaches the point. What was held before its write or call never arrives.
 *
 * @returns how the operation ended for its caller, and whether Particle changed.
 * @throws Error when the operation ends without reaching the point
 */
export async function crashAt<Ending>(
  twin: Twin,
  functionName: string,
  point: CrashPoint,
  operation: () => Promise<Ending>,
): Promise<{ readonly ending: Ending; readonly committed: boolean }> {
  twin.particle.clearRequests();
  arm(twin, point);
  const running = operation();
  const first = await Promise.race([reached(twin, point).then(() => "reached" as const), running]);
  if (first !== "reached") {
    throw new Error(`The operation never came to the point ${nameOf(point)}.`);
  }
  await twin.kill(functionName);
  const ending = await running;
  // A write that is held stays held until the database closes; a call that is held is dropped.
  twin.dynamodb.configure({});
  twin.particle.reset();
  const hasLanded = () => twin.particle.requests().some(({ committed }) => committed);
  if (point.kind === "call" && point.end === "late") {
    await until(hasLanded);
  }
  return { ending, committed: hasLanded() };
}

/** Lets the held writes of dead functions arrive, and waits for what the table says to them. */
export async function releaseHeldWrites({ dynamodb }: Twin): Promise<void> {
  dynamodb.release();
  await until(() =>
    dynamodb.requests().every(({ operation, written, error }) => !isWrite(operation) || written || error !== undefined),
  );
}

const CALL_FAULTS = {
  before: { fault: "hold-before-commit" },
  after: { fault: "hold-after-commit" },
  late: { fault: "late-commit", commitAfterMs: LATE_MS },
} as const;

function arm(twin: Twin, point: CrashPoint): void {
  if (point.kind === "write") {
    twin.dynamodb.configure({ hold: { write: point.number, at: point.end } });
  } else {
    twin.particle.configure({ faults: [{ ...CALL_FAULTS[point.end], skip: point.number - 1, times: 1 }] });
  }
}

const reached = (twin: Twin, point: CrashPoint): Promise<void> =>
  point.kind === "write"
    ? twin.dynamodb.held()
    : until(() =>
        twin.particle
          .requests()
          .some(({ fault, state }) => state === "held" || (fault === "late-commit" && state === "running")),
      );

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !condition(); ) {
    if (Date.now() > end) {
      throw new Error("Nothing came to pass in time.");
    }
    await sleep(POLL_MS);
  }
}
