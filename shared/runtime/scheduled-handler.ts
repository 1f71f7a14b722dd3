import type { Context } from "aws-lambda";
import { AdapterError } from "../failure/failure.ts";
import { bugEntry, type Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

/**
 * A function that runs on a schedule, and fails when `run` does: Lambda repeats it, and keeps what failed for good as a
 * dead letter. The error goes to both with its message, so of a bug only the name passes, and no error's cause.
 */
export const scheduledHandler =
  (log: Log, metrics: Pick<Metrics, "flush">, run: (context: Context) => Promise<void>) =>
  async (_event: unknown, context: Context): Promise<void> => {
    try {
      await run(context);
    } catch (error) {
      if (error instanceof AdapterError) {
        throw new AdapterError(error.failure, error.message);
      }
      log("error", bugEntry(context.awsRequestId, error));
      throw new Error("A bug: its stack is in the log.");
    } finally {
      metrics.flush();
    }
  };
