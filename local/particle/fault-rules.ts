import * as v from "valibot";

const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(2 ** 31 - 1));
const errorStatus = v.pipe(v.number(), v.integer(), v.minValue(400), v.maxValue(599));

const regularExpression = v.pipe(
  v.string(),
  v.check((source) => {
    try {
      new RegExp(source);
      return true;
    } catch {
      return false;
    }
  }, "must be a regular expression"),
);

/** Which requests a rule hits. Everything that is left out matches. */
const selection = {
  /** Such as `["POST"]`. */
  methods: v.optional(v.array(v.string())),
  /** Regular expression on the path as it was sent: percent-encoded, without the query. */
  paths: v.optional(regularExpression),
  /** Lets this many matching requests pass before the rule begins to count. */
  skip: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), 0),
  /** Strikes this often and then never again. */
  times: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Strikes each matching request with this chance, 0 to 1. */
  probability: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 1),
  /** Start of the rule's own random numbers: the same requests in the same order meet the same faults again. */
  seed: v.optional(v.pipe(v.number(), v.integer()), 1),
};

const rule = <Name extends string, Entries extends v.ObjectEntries>(fault: Name, entries: Entries) =>
  v.strictObject({ fault: v.literal(fault), ...selection, ...entries });

/**
 * One thing that goes wrong. "Commit" is the moment at which a write changes what the simulator holds; a request that
 * the API refuses commits nothing, whatever the fault says.
 */
export const faultRuleSchema = v.variant("fault", [
  /** An error instead of carrying the request out. */
  rule("status", {
    status: errorStatus,
    retryAfterSeconds: v.optional(v.pipe(v.number(), v.minValue(0))),
    /** What the error says, such as a refusal that repeats the value. */
    message: v.optional(v.string()),
  }),
  /** The request is carried out and answered with an error. */
  rule("status-after-commit", { status: v.optional(errorStatus, 503) }),
  /** The connection is reset; nothing was carried out. */
  rule("reset-before-commit", {}),
  /** The request is carried out; the connection is reset instead of an answer. */
  rule("reset-after-commit", {}),
  /**
   * No answer ever comes, and the request is carried out `commitAfterMs` after the connection ended: when the caller
   * hangs up, or at once where `hangUp` is `simulator`.
   */
  rule("late-commit", {
    commitAfterMs: milliseconds,
    hangUp: v.optional(v.picklist(["caller", "simulator"]), "caller"),
  }),
  /** Carried out and answered as usual, only later, also when the caller has gone. Adds up with any other fault. */
  rule("delay", { delayMs: milliseconds }),
  /** Status 200 with a body that cannot be understood; carried out unless `commit` is false. */
  rule("garbage", { body: v.optional(v.string(), "<html><title>It works"), commit: v.optional(v.boolean(), true) }),
  /** Waits for the release, then is carried out and answered, whether or not the caller is still there. */
  rule("hold-before-commit", {}),
  /** Carried out; the answer waits for the release. */
  rule("hold-after-commit", {}),
]);

export type FaultRule = v.InferOutput<typeof faultRuleSchema>;

/** What strikes one request: the sum of all delays, and at most one other fault. */
export type Strike = {
  readonly delayMs: number;
  readonly fault?: Exclude<FaultRule, { readonly fault: "delay" }>;
};

/** Mulberry32: 32 bits of state, good enough to choose victims. Answers numbers from 0 up to, not including, 1. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type ArmedRule = {
  readonly rule: FaultRule;
  readonly matches: (method: string, path: string) => boolean;
  readonly random: () => number;
  skipsLeft: number;
  strikesLeft: number;
};

const arm = (rule: FaultRule): ArmedRule => {
  const path = rule.paths === undefined ? undefined : new RegExp(rule.paths);
  return {
    rule,
    matches: (method, sent) => (rule.methods?.includes(method) ?? true) && (path?.test(sent) ?? true),
    random: seededRandom(rule.seed),
    skipsLeft: rule.skip,
    strikesLeft: rule.times ?? Number.POSITIVE_INFINITY,
  };
};

function strikes(armed: ArmedRule, method: string, path: string): boolean {
  if (armed.strikesLeft === 0 || !armed.matches(method, path)) return false;
  if (armed.skipsLeft > 0) {
    armed.skipsLeft -= 1;
    return false;
  }
  if (armed.random() >= armed.rule.probability) return false;
  armed.strikesLeft -= 1;
  return true;
}

/**
 * Rules with what is left of them. Each request is put to the rules in their order; the first one that strikes (delays
 * aside, which add up) decides, and the rules after it do not see that request.
 */
export class FaultPlan {
  readonly #armed: readonly ArmedRule[];

  constructor(rules: readonly FaultRule[]) {
    this.#armed = rules.map(arm);
  }

  next(method: string, path: string): Strike {
    let delayMs = 0;
    for (const armed of this.#armed) {
      if (!strikes(armed, method, path)) continue;
      if (armed.rule.fault !== "delay") return { delayMs, fault: armed.rule };
      delayMs += armed.rule.delayMs;
    }
    return { delayMs };
  }
}
