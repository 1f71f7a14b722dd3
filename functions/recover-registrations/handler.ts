import type { Context } from "aws-lambda";
import { recoverRegistrations } from "../../shared/registration/recover-registrations.ts";
import type { Registration } from "../../shared/registration/registration.ts";
import { createLog, type Log } from "../../shared/runtime/log.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";

/** What is left for the last decision to be written. */
const RESERVE_MS = 5_000;

/**
 * Runs every minute and decides the operations of unknown outcome that nobody came back for.
 *
 * @throws AdapterError when the table does not answer; single operations that cannot be decided come up again.
 */
export const createRecoverRegistrations =
  (registration: Registration, log: Log) =>
  async (_event: unknown, { awsRequestId, getRemainingTimeInMillis }: Context): Promise<void> => {
    const task = { owner: awsRequestId, deadline: registration.now() + getRemainingTimeInMillis() - RESERVE_MS };
    const recovery = await recoverRegistrations(registration, task);
    log(recovery.failed > 0 ? "warn" : "info", {
      code: "registrations-recovered",
      requestId: awsRequestId,
      ...recovery,
    });
  };

export const handler = createRecoverRegistrations(registrationFromEnv(process.env), createLog());
