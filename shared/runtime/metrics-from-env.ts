import { readEnv } from "./env.ts";
import { createMetrics, type Metrics } from "./metrics.ts";

export const metricsFromEnv = (env: Readonly<Record<string, string | undefined>>): Metrics =>
  createMetrics(readEnv(env, ["deployment"]).deployment);
