import { setTimeout as sleep } from "node:timers/promises";
import type { DynamoDbSwitches } from "../../local/dynamodb/switches.ts";
import type { ParticleSimulator } from "../../local/particle/simulator.ts";
import type { SwitchChanges } from "../../local/particle/switches.ts";

const PATHS = "^/api/";

/** Within the time that is left to settle. */
const LATE_MS = 300;

/** A Particle that fails now and then in every way that leaves somebody in doubt. */
const showers = (seed: number): NonNullable<SwitchChanges["faults"]> => [
  { fault: "delay", paths: PATHS, probability: 0.2, seed, delayMs: 40 },
  { fault: "status-after-commit", status: 503, paths: PATHS, probability: 0.06, seed: seed + 1 },
  { fault: "reset-after-commit", paths: PATHS, probability: 0.06, seed: seed + 2 },
  { fault: "reset-before-commit", paths: PATHS, probability: 0.04, seed: seed + 3 },
  { fault: "status", status: 500, paths: PATHS, probability: 0.04, seed: seed + 4 },
  { fault: "status", status: 429, retryAfterSeconds: 1, paths: PATHS, probability: 0.03, seed: seed + 5 },
  { fault: "garbage", paths: PATHS, probability: 0.01, seed: seed + 6 },
  { fault: "late-commit", commitAfterMs: LATE_MS, paths: PATHS, probability: 0.02, seed: seed + 7 },
];

/** A Particle that carries out what it is sent and hardly ever says so: operations end without a known outcome. */
const storm = (seed: number): NonNullable<SwitchChanges["faults"]> => [
  { fault: "status-after-commit", status: 502, paths: PATHS, probability: 0.5, seed },
  { fault: "late-commit", commitAfterMs: LATE_MS, paths: PATHS, probability: 0.5, seed: seed + 1 },
  { fault: "reset-before-commit", paths: PATHS, probability: 0.7, seed: seed + 2 },
];

const FAIR_MS = 4_000;
const STORM_MS = 2_500;

/** Single faults for a while, then a storm, then again, until `running` has ended; answers how many storms there were. */
export async function particleWeather(
  particle: ParticleSimulator,
  seed: number,
  running: Promise<unknown>,
): Promise<number> {
  let isOver = false;
  const end = running.finally(() => {
    isOver = true;
  });
  let storms = 0;
  while (!isOver) {
    particle.configure({ faults: showers(seed + 100 * storms) });
    await Promise.race([end, sleep(FAIR_MS)]);
    if (!isOver) {
      storms += 1;
      particle.configure({ faults: storm(seed + 100 * storms) });
      await Promise.race([end, sleep(STORM_MS)]);
    }
  }
  particle.configure({ faults: [] });
  return storms;
}

/** A DynamoDB that is busy, and a network that loses requests and replies. */
export const dynamoDbFaults = (seed: number): DynamoDbSwitches => ({
  seed,
  throttling: { probability: 0.05 },
  throttlingError: "ThrottlingError",
  transactionConflict: { probability: 0.05 },
  resetBeforeWrite: { probability: 0.04 },
  resetAfterWrite: { probability: 0.06 },
});

/**
 * Settings under which unknown outcomes are decided within seconds: the time-out of 5 s leaves an operation 2 s, and
 * what Particle was sent by then has 2 s more to settle. One attempt may take all of the operation's time, so what is
 * carried out late is the last that was sent for it.
 */
export const HASTE = { timeoutMs: 5_000, environment: { SETTLE_SECONDS: "2" } } as const;
