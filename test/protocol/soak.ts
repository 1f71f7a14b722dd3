import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { synthesise } from "../../local/synthesise.ts";
import { startTwin, type Twin } from "../../local/twin.ts";
import { dynamoDbFaults, HASTE, particleWeather } from "../support/load-faults.ts";
import { runMixedLoad } from "../support/mixed-load.ts";
import { discrepancies, historyDiscrepancies } from "../support/registration-invariants.ts";
import { seededRandom } from "../support/seeded-random.ts";
import { type TwinWorld, worldOfTwin } from "../support/world-of-twin.ts";

const USAGE = `Usage: npm run test:soak -- --minutes N [--seed S]

Everything that clients do, on the local twin, while Particle and the table fail in every way and functions are killed.
Every round ends with a look at both sides: what they say must agree, and what clients were told must be so.`;

const ROUND_MS = 30_000;
const CLIENTS = 16;
const FUNCTIONS = ["CreatePatient", "UpdatePatient", "PatchPatient", "DeletePatient", "RecoverRegistrations"];
const PAUSE_BETWEEN_KILLS_MS = 3_000;

const print = (line: string) => process.stdout.write(`${line}\n`);

/** @throws Error that says what is wrong with the arguments */
function optionsOf(args: readonly string[]): { readonly minutes: number; readonly seed: number } {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type: "string" }, seed: { type: "string", default: "1" } },
  });
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
  if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
    throw new Error(USAGE);
  }
  return { minutes, seed };
}

/** Kills functions in the middle of whatever they do, until `running` has ended; answers how many workers died. */
async function killAtRandom(twin: Twin, random: () => number, running: Promise<unknown>): Promise<number> {
  let isOver = false;
  const end = running.finally(() => {
    isOver = true;
  });
  let killed = 0;
  while (!isOver) {
    await Promise.race([end, sleep(random() * 2 * PAUSE_BETWEEN_KILLS_MS)]);
    killed += isOver ? 0 : await twin.kill(FUNCTIONS[Math.floor(random() * FUNCTIONS.length)] ?? "");
  }
  return killed;
}

const total = (counts: ReadonlyMap<unknown, number>): number => [...counts.values()].reduce((sum, one) => sum + one, 0);

const isStruck = ({ fault }: { readonly fault?: string }): boolean => fault !== undefined;

/** Of the latest requests: the table's log drops the oldest ones, so that a round may count too few, never too many. */
const struckAtTable = ({ dynamodb }: Twin): number => dynamodb.requests().filter(isStruck).length;

type Tally = { operations: number; requests: number; faults: number; kills: number; problems: number };

async function round(twin: Twin, world: TwinWorld, seed: number, endsAt: number, tally: Tally): Promise<void> {
  const before = [...(await world.read()).mappings];
  twin.particle.clearRequests();
  const struckBefore = struckAtTable(twin);
  twin.dynamodb.configure(dynamoDbFaults(seed));
  const load = runMixedLoad(twin.url, {
    name: `round-${seed}`,
    clients: CLIENTS,
    operations: Number.POSITIVE_INFINITY,
    until: endsAt,
    seed,
    longestWaitMs: 2_000,
    giveUpAfterMs: 120_000,
  });
  const [report, , kills] = await Promise.all([
    load,
    particleWeather(twin.particle, seed, load),
    killAtRandom(twin, seededRandom(seed), load),
  ]);
  twin.dynamodb.configure({});
  await world.rest(60_000);

  const now = await world.read();
  const problems = [
    ...report.untruths(twin.particle.patients()),
    ...discrepancies(now),
    ...historyDiscrepancies(before, now.mappings),
  ];
  tally.operations += total(report.operations);
  tally.requests += total(report.answers);
  tally.faults += twin.particle.requests().filter(isStruck).length + Math.max(0, struckAtTable(twin) - struckBefore);
  tally.kills += kills;
  tally.problems += problems.length;
  const sums = `operations ${tally.operations}, requests ${tally.requests}, faults ${tally.faults}, kills ${tally.kills}`;
  print(`${new Date().toISOString()} ${sums}, discrepancies ${tally.problems}`);
  for (const problem of problems) {
    print(`  seed ${seed}: ${problem}`);
  }
}

async function soak(args: readonly string[]): Promise<number> {
  const { minutes, seed } = optionsOf(args);
  const outDir = await mkdtemp(join(tmpdir(), "fhir-particle-adapter-soak-"));
  try {
    print("Synthesising the CDK app …");
    await synthesise(outDir);
    const twin = await startTwin({ ...HASTE, outDir, functionConcurrency: 8 });
    try {
      return (await rounds(twin, minutes, seed)).problems === 0 ? 0 : 1;
    } finally {
      await twin.close();
    }
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

async function rounds(twin: Twin, minutes: number, seed: number): Promise<Tally> {
  const tally: Tally = { operations: 0, requests: 0, faults: 0, kills: 0, problems: 0 };
  const world = await worldOfTwin(twin);
  const end = Date.now() + minutes * 60_000;
  for (let number = 0; Date.now() < end; number += 1) {
    await round(twin, world, seed + number, Math.min(Date.now() + ROUND_MS, end), tally);
  }
  world.close();
  return tally;
}

process.exitCode = await soak(process.argv.slice(2)).catch((error: unknown) => {
  print(error instanceof Error ? error.message : String(error));
  return 2;
});
