import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import {
  AFTER_LATER_OPERATION,
  type CrashOperation,
  crashOperations,
  crashOperationsOfOtherSettings,
  laterOperation,
  type Scene,
  sightIn,
} from "../support/crash-operations.ts";
import { type CrashPoint, crashAt, nameOf, pointsOf, releaseHeldWrites } from "../support/crash-points.ts";
import { fhirClient, startAdapter } from "../support/fhir-over-http.ts";
import { discrepancies, type Expectations } from "../support/registration-invariants.ts";
import { worldOfTwin } from "../support/world-of-twin.ts";

type Aftermath = readonly ("client" | "recovery")[];

const CLIENT_FIRST: Aftermath = ["client", "recovery"];
const RECOVERY_FIRST: Aftermath = ["recovery", "client"];

/**
 * Who comes by after the crash, in this order; all is looked at after each of them. What lasts is the same after one side
 * effect as before the next one, so one order after and the other before meet it in both; of an operation that has the side
 * effects of another one, each lasting state is met once. `CRASH_MATRIX=full` takes both orders at
 * every point of every operation, and each of the two alone.
 */
function aftermathsOf({ kind, number, end }: CrashPoint, { hasEffectsOf }: CrashOperation): readonly Aftermath[] {
  if (process.env["CRASH_MATRIX"] === "full") {
    return [CLIENT_FIRST, RECOVERY_FIRST, ["client"], ["recovery"]];
  }
  if (hasEffectsOf === undefined) {
    return { before: [CLIENT_FIRST], after: [RECOVERY_FIRST], late: [RECOVERY_FIRST] }[end];
  }
  const isFirst = kind === "write" && number === 1;
  const isMetAnyway = end === "late" || (end === "before" && !isFirst);
  return isMetAnyway ? [] : [isFirst ? CLIENT_FIRST : RECOVERY_FIRST];
}

/** Twins beside each other, each with one crash at a time. */
const LANES = 2;

/** Starting twins takes time; looking at a world takes the longer, the more has happened in it. */
const OPERATIONS_IN_A_LANE = 8;

type Lane = Omit<Scene, "tag">;

async function startLane(environment: Readonly<Record<string, string>>): Promise<Lane> {
  const twin = await startAdapter({ environment });
  return { twin, client: fhirClient(twin.url), world: await worldOfTwin(twin) };
}

function suite(operations: readonly CrashOperation[], environment: Readonly<Record<string, string>>): void {
  const expectations: Expectations =
    environment["REPLACED_PATIENTS"] === "delete" ? { replacedPatients: "delete" } : {};
  let lanes: Lane[] = [];
  let operationsHere = 0;
  let people = 0;
  const sceneIn = (lane: Lane): Scene => {
    people += 1;
    return { ...lane, tag: `person-${people}` };
  };

  const closeLanes = () =>
    Promise.all(
      lanes.splice(0).map(({ twin, world }) => {
        world.close();
        return twin.close();
      }),
    );

  beforeEach(async () => {
    operationsHere += 1;
    if (lanes.length === 0 || operationsHere > OPERATIONS_IN_A_LANE) {
      await closeLanes();
      lanes = await Promise.all(Array.from({ length: LANES }, () => startLane(environment)));
      operationsHere = 1;
    }
  }, 120_000);
  afterAll(closeLanes);

  /** What goes wrong when the operation is stopped dead at the point. */
  async function problemsAfter(
    scene: Scene,
    operation: CrashOperation,
    point: CrashPoint,
    lastWrite: number,
    aftermath: Aftermath,
  ): Promise<string[]> {
    const problems: string[] = [];
    const check = (isSo: boolean, problem: string) => {
      if (!isSo) {
        problems.push(`${nameOf(point)}, then ${aftermath.join(", ")}: ${problem}`);
      }
    };
    const { twin, world } = scene;
    let hasRecovered = false;
    const seen = async (expected: CrashOperation["done"]) => {
      const now = await world.read();
      const sight = sightIn(now, scene);
      check(
        isDeepStrictEqual(sight, expected),
        `there is ${JSON.stringify(sight)} instead of ${JSON.stringify(expected)}`,
      );
      // What a dead transaction left without a patient is no business of its client.
      const transactions = hasRecovered ? now.transactions : [];
      for (const discrepancy of discrepancies({ ...now, transactions }, expectations)) {
        check(false, discrepancy);
      }
    };

    const id = await operation.prepare(scene);
    const crash = await crashAt(twin, operation.functionName, point, () => operation.run(scene, id));
    check(crash.ending >= 500, `it was answered ${crash.ending}`);
    if (aftermath[0] === "client") {
      const isLocked = (await world.open()).some(({ actionableAt }) => actionableAt > Date.now());
      const { status, headers } = await operation.repeat(scene, id);
      check(
        isLocked ? status === 409 && Number(headers.get("retry-after")) >= 1 : operation.successes.includes(status),
        `an early retry was answered ${status}`,
      );
    }
    await world.passTime();
    const hasBegun = !(point.kind === "write" && point.number === 1 && point.end === "before");
    const isWritten = point.kind === "write" && point.number === lastWrite && point.end === "after";
    let isDone = {
      "if-committed": crash.committed,
      "once-begun": hasBegun,
      "after-its-last-write": isWritten,
      always: true,
      never: false,
    }[operation.isDone];
    for (const comer of aftermath) {
      if (comer === "client") {
        const { status } = await operation.repeat(scene, id);
        check(operation.successes.includes(status), `a retry was answered ${status}`);
        isDone = true;
      } else {
        const logged = twin.logs().length;
        check((await twin.invoke("RecoverRegistrations", {})).ok, "recovery failed");
        const failures = twin.logs().slice(logged);
        for (const { text } of failures.filter(({ text }) => text.includes("recovery-failed"))) {
          check(false, text);
        }
        hasRecovered = true;
      }
      await seen(isDone ? operation.done : operation.undone);
    }
    const { status } = await laterOperation(scene);
    check(status === 200 || status === 201, `a later operation was answered ${status}`);
    await seen(AFTER_LATER_OPERATION);
    return problems;
  }

  /** What goes wrong when the writes of the dead, held until now, arrive after all. */
  async function problemsAfterLateWrites({ twin, world }: Lane, scenes: readonly Scene[]): Promise<string[]> {
    await releaseHeldWrites(twin);
    await world.passTime();
    expect(await twin.invoke("RecoverRegistrations", {})).toMatchObject({ ok: true });
    const now = await world.read();
    return [
      ...discrepancies(now, expectations),
      ...scenes.flatMap((scene) => {
        const { cities } = sightIn(now, scene);
        return isDeepStrictEqual(cities, AFTER_LATER_OPERATION.cities)
          ? []
          : [`Particle holds the person in: ${cities}`];
      }),
    ].map((problem) => `late writes: ${problem}`);
  }

  it.each(operations)(
    "$name",
    async (operation) => {
      const [first] = lanes as [Lane];
      const rehearsal = sceneIn(first);
      const id = await operation.prepare(rehearsal);
      const points = await pointsOf(first.twin, async () => {
        expect(operation.successes.concat(200)).toContain(await operation.run(rehearsal, id));
      });
      expect(points.map(nameOf)).toEqual(expect.arrayContaining(["before write 1", "after write 1"]));

      const lastWrite = Math.max(...points.map(({ kind, number }) => (kind === "write" ? number : 0)));
      const queue = points.flatMap((point) =>
        aftermathsOf(point, operation).map((aftermath) => ({ point, aftermath })),
      );
      const problems: string[] = [];
      await Promise.all(
        lanes.map(async (lane) => {
          const scenes: Scene[] = [];
          for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
            const scene = sceneIn(lane);
            scenes.push(scene);
            problems.push(...(await problemsAfter(scene, operation, next.point, lastWrite, next.aftermath)));
          }
          problems.push(...(await problemsAfterLateWrites(lane, scenes)));
        }),
      );
      expect(problems).toEqual([]);
    },
    120_000,
  );
}

describe("an operation that is stopped dead at any of its side effects", () => suite(crashOperations, {}));

describe("the same under other settings", () =>
  suite(crashOperationsOfOtherSettings.operations, crashOperationsOfOtherSettings.environment));
