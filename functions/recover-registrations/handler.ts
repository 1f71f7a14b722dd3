import type { Context } from "aws-lambda";
import { AdapterError } from "../../shared/failure/failure.ts";
import { recoverRegistrations } from "../../shared/registration/recover-registrations.ts";
import type { Registration } from "../../shared/registration/registration.ts";
import { deadlineOf } from "../../shared/runtime/deadline.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { bugEntry, type Log } from "../../shared/runtime/log.ts";
import type { Metrics } from "../../shared/runtime/metrics.ts";
import { metricsFromEnv } from "../../shared/runtime/metrics-from-env.ts";
import { registrationFromEnv } from "../../shared/runtime/registration-from-env.ts";
import { scheduledHandler } from "../../shared/runtime/scheduled-handler.ts";
import { createSecrets } from "../../shared/runtime/secrets.ts";
import { telemetryFromEnv } from "../../shared/runtime/telemetry.ts";

export type RecoverDependencies = {
  readonly registration: Registration;
  readonly log: Log;
  readonly metrics: Pick<Metrics, "bug" | "recovered" | "tokenAged">;
  /** Epoch milliseconds at which the token was stored. */
  readonly tokenWrittenAt: () => Promise<number>;
};

/**
 * Decides the operations of unknown outcome that nobody came back for, and measures how old Particle's token is: a
 * refresh that does not run at all cannot say so itself.
 *
 * @throws AdapterError when the table does not answer; single operations that cannot be decided come up again.
 */
export const createRecoverRegistrations =
  ({ registration, log, metrics, tokenWrittenAt }: RecoverDependencies) =>
  async (context: Context): Promise<void> => {
    const requestId = context.awsRequestId;
    const report = (code: "recovery-failed" | "token-age-unknown") => (error: unknown) => {
      const isFailure = error instanceof AdapterError;
      log(
        isFailure ? "warn" : "error",
        isFailure
          ? { code, requestId, failure: error.failure.kind, reason: error.message }
          : bugEntry(requestId, error),
      );
      if (!isFailure) {
        metrics.bug();
      }
    };
    const aged = tokenWrittenAt()
      .then((writtenAt) => metrics.tokenAged((registration.now() - writtenAt) / 1_000))
      .catch(report("token-age-unknown"));
    const task = { owner: requestId, deadline: deadlineOf(context) };
    const recovery = await recoverRegistrations(registration, task, report("recovery-failed"));
    metrics.recovered(recovery);
    log(recovery.failed > 0 ? "warn" : "info", { code: "registrations-recovered", requestId, ...recovery });
    await aged;
  };

const metrics = metricsFromEnv(process.env);
const telemetry = telemetryFromEnv(process.env, metrics);
const { log } = telemetry;
const { tokenSecret } = readEnv(process.env, ["tokenSecret"]);
const secrets = createSecrets();

export const handler = scheduledHandler(
  log,
  { bug: metrics.bug, flush: telemetry.flush },
  createRecoverRegistrations({
    registration: registrationFromEnv(process.env, telemetry),
    log,
    metrics,
    tokenWrittenAt: () => secrets.writtenAt(tokenSecret),
  }),
);
