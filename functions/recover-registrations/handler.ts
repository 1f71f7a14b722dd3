import type { Context } from "aws-lambda";
import { type Recovery, recoverRegistrations } from "../../shared/registration/recover-registrations.ts";
import type { Registration } from "../../shared/registration/registration.ts";
import { deadlineOf } from "../../shared/runtime/deadline.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { createRecoveryMetrics } from "../../shared/runtime/recovery-metrics.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";

/**
 * Runs every minute and decides the operations of unknown outcome that nobody came back for.
 *
 * @throws AdapterError when the table does not answer; single operations that cannot be decided come up again.
 */
export const createRecoverRegistrations =
  (registration: Registration, log: Log, measure: (recovery: Recovery) => void) =>
  async (_event: unknown, context: Context): Promise<void> => {
    const { awsRequestId } = context;
    const task = { owner: awsRequestId, deadline: deadlineOf(context) };
    const recovery = await recoverRegistrations(registration, task);
    measure(recovery);
    log(recovery.failed > 0 ? "warn" : "info", {
      code: "registrations-recovered",
      requestId: awsRequestId,
      ...recovery,
    });
  };

export const handler = createRecoverRegistrations(
  registrationFromEnv(process.env),
  createLog(),
  createRecoveryMetrics(),
);
