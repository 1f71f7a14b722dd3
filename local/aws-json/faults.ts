import * as v from "valibot";

const times = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Names of operations, such as `PutItem`; absent = every operation to which the fault can happen. */
const operations = v.optional(v.array(v.string()));

/**
 * How often a fault strikes: with a probability from 0 to 1 at each request, or at the next `count` requests after
 * `skip` others. Only requests of the named operations count and are struck.
 */
export const chanceSchema = v.union([
  v.strictObject({ probability: v.pipe(v.number(), v.minValue(0), v.maxValue(1)), operations }),
  v.strictObject({ count: times, skip: v.optional(times), operations }),
]);
export type Chance = v.InferOutput<typeof chanceSchema>;

/** Start of the random sequence: the same seed and the same order of requests give the same faults. */
export const seedSchema = v.optional(v.pipe(v.number(), v.integer()));

/** Decides, request by request, which of the configured faults strike. */
export class Faults<Name extends string> {
  readonly #chances: ReadonlyMap<Name, Chance>;
  readonly #seen = new Map<Name, number>();
  readonly #random: () => number;

  constructor(chances: Readonly<Partial<Record<Name, Chance>>>, seed = 1) {
    this.#chances = new Map(Object.entries(chances) as [Name, Chance][]);
    this.#random = randomSequence(seed);
  }

  strikes(fault: Name, operation: string): boolean {
    const chance = this.#chances.get(fault);
    if (chance === undefined || (chance.operations !== undefined && !chance.operations.includes(operation))) {
      return false;
    }
    if ("probability" in chance) {
      return this.#random() < chance.probability;
    }
    const seen = this.#seen.get(fault) ?? 0;
    this.#seen.set(fault, seen + 1);
    const skip = chance.skip ?? 0;
    return seen >= skip && seen < skip + chance.count;
  }
}

/** Mulberry32: numbers from 0 to below 1 that depend on the seed alone. */
function randomSequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
