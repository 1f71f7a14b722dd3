import type { Context } from "aws-lambda";
import { AdapterError } from "../failure/failure.ts";
import { bugEntry, type Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

type Teller = Pick<Metrics, "bug"> & {
  /** Writes what was gathered, whatever became of the run. */
  flush(remainingMs: number): void | Promise<void>;
};

/**
 * A function that runs on a schedule, and fails when `run` does: Lambda repeats it, and keeps what failed for good as a
 * dead letter. The error goes to both with its message, so of a bug only the name passes, and no error's cause.
 */
export const scheduledHandler =
  (log: Log, teller: Teller, run: (context: Context) => Promise<void>) =>
  async (_event: unknown, context: Context): Promise<void> => {
    try {
      await run(context);
    } catch (error) {
      if (error instanceof AdapterError) {
        throw new AdapterError(error.failure, error.message);
      }
      log("error", bugEntry(context.awsRequestId, error));
      teller.bug();
      throw new Error("A bug: its stack is in the log.");
    } finally {
      await teller.flush(context.getRemainingTimeInMillis());
    }
  };
