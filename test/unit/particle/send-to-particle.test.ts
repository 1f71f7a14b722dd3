import { describe, expect, it } from "vitest";
import { AdapterError } from "../../../shared/failure/failure.ts";
import { type HttpAnswer, type HttpExchange, NoAnswer } from "../../../shared/particle/http-exchange.ts";
import { createSendToParticle, type Operation } from "../../../shared/particle/send-to-particle.ts";
import type { TokenSource } from "../../../shared/particle/token-source.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";

const start = 1_800_000_000_000;
const ATTEMPT_MS = 6_000;

const put: Operation = {
  name: "putPatient",
  request: { method: "POST", path: "/p", body: "{}" },
  writes: true,
  refusable: "demographics",
  mayBeAbsent: false,
  sent: { values: ["Testingson"], opaque: ["p-1"] },
};
const get: Operation = { ...put, name: "getPatient", writes: false, refusable: undefined, mayBeAbsent: true };

/** An answer, or how an attempt ended without one; `ms` is the time that it took. */
type Step = { readonly ms?: number } & (Partial<HttpAnswer> | { readonly end: "refused" | "reset" | "hangs" });

/** Attempts that end as told, on a clock that only they and the waits move. */
function scene(
  steps: readonly Step[],
  options: { random?: number; secrets?: readonly string[]; prefix?: string } = {},
) {
  const state = { now: start, sent: [] as { at: number; token: string; timeoutMs: number }[], waits: [] as number[] };
  const secrets = [...(options.secrets ?? ["t-1"])];
  const rereads: string[] = [];
  const exchange: HttpExchange = async ({ headers }, timeoutMs) => {
    state.sent.push({ at: state.now - start, token: headers["authorization"] ?? "", timeoutMs });
    const step = steps[state.sent.length - 1];
    if (step === undefined) {
      throw new Error("More attempts than the test expects.");
    }
    if ("end" in step) {
      state.now += step.end === "hangs" ? timeoutMs : (step.ms ?? 0);
      throw new NoAnswer(step.end, step.end !== "refused", step.end === "hangs");
    }
    state.now += step.ms ?? 0;
    return { status: 200, body: "", ...step };
  };
  const tokens: TokenSource = {
    current: async () => secrets[0] ?? "",
    reread: async (refused) => {
      rereads.push(refused);
      return secrets[rereads.length] ?? secrets.at(-1) ?? "";
    },
  };
  const effects = {
    now: () => state.now,
    random: () => options.random ?? 0,
    sleep: async (ms: number) => {
      state.waits.push(ms);
      state.now += ms;
    },
  };
  const settings = { authorizationPrefix: options.prefix ?? "Bearer", attemptTimeoutMs: ATTEMPT_MS };
  return { state, rereads, tokens, send: createSendToParticle(exchange, settings, tokens, effects) };
}

const in20s = start + 20_000;

describe("what one attempt means", () => {
  const unavailable = { kind: "particle-unavailable", retryAfterSeconds: 10 };
  const rejected = { kind: "particle-rejected", refused: "demographics" };
  const unintelligible = { kind: "particle-unintelligible" };
  const throttled = { kind: "particle-throttled", retryAfterSeconds: 60 };
  const token = { kind: "particle-refuses-token", retryAfterSeconds: 10 };

  it.each([
    { step: { status: 400 }, failure: rejected, unknown: false, attempts: 1 },
    { step: { status: 422 }, failure: rejected, unknown: false, attempts: 1 },
    { step: { status: 418 }, failure: rejected, unknown: false, attempts: 1 },
    {
      step: { status: 400, body: "Overlay detected" },
      failure: { kind: "particle-overlay" },
      unknown: false,
      attempts: 1,
    },
    {
      step: { status: 409, body: "Overlay detected" },
      failure: { kind: "particle-overlay" },
      unknown: false,
      attempts: 1,
    },
    { step: { status: 500, body: "Overlay detected" }, failure: unavailable, unknown: true, attempts: 4 },
    { step: { status: 401 }, failure: token, unknown: false, attempts: 1 },
    { step: { status: 403 }, failure: token, unknown: false, attempts: 1 },
    { step: { status: 404 }, failure: unintelligible, unknown: false, attempts: 1 },
    { step: { status: 405 }, failure: unintelligible, unknown: false, attempts: 1 },
    { step: { status: 410 }, failure: unintelligible, unknown: false, attempts: 1 },
    { step: { status: 412 }, failure: unavailable, unknown: false, attempts: 4 },
    { step: { status: 429 }, failure: throttled, unknown: false, attempts: 1 },
    { step: { status: 408 }, failure: unavailable, unknown: true, attempts: 4 },
    { step: { status: 500 }, failure: unavailable, unknown: true, attempts: 4 },
    { step: { status: 503 }, failure: unavailable, unknown: true, attempts: 4 },
    { step: { status: 302 }, failure: unintelligible, unknown: true, attempts: 1 },
    { step: { end: "refused" } as const, failure: unavailable, unknown: false, attempts: 4 },
    { step: { end: "reset" } as const, failure: unavailable, unknown: true, attempts: 4 },
  ])("$step of a write: $failure.kind, unknown: $unknown, after $attempts", async (row) => {
    const { send, state } = scene(Array(4).fill(row.step));
    const error = await adapterErrorOf(send(put, in20s));
    expect(error.failure).toStrictEqual(row.failure);
    expect(error.outcomeUnknown).toBe(row.unknown);
    expect(state.sent).toHaveLength(row.attempts);
  });

  it("takes the refusal of a read, in which nothing can be wrong, for nonsense", async () => {
    const { send } = scene([{ status: 400 }]);
    expect((await adapterErrorOf(send(get, in20s))).failure).toStrictEqual({ kind: "particle-unintelligible" });
  });

  it("does not leave the outcome of a read unknown", async () => {
    for (const step of [{ status: 503 }, { status: 302 }, { end: "reset" }, { end: "hangs" }] as const) {
      const error = await adapterErrorOf(scene(Array(4).fill(step)).send(get, in20s));
      expect(error.outcomeUnknown).toBe(false);
      expect(error.failure.kind).toBe(
        "status" in step && step.status === 302 ? "particle-unintelligible" : "particle-unavailable",
      );
    }
  });

  it("takes 404 and 410 for answers where the patient may be absent", async () => {
    for (const status of [404, 410]) {
      expect(await scene([{ status }]).send(get, in20s)).toMatchObject({ status });
    }
  });

  it("passes Particle's words on without what was sent", async () => {
    const body = JSON.stringify({ message: "family_name Testingson of p-1 is odd, says t-1" });
    const error = await adapterErrorOf(scene([{ status: 422, body }]).send(put, in20s));
    expect(error.failure).toEqual({
      kind: "particle-rejected",
      refused: "demographics",
      words: "family_name … of … is odd, …",
    });
    expect(error.message).not.toMatch(/Testingson|p-1|t-1/);
  });
});

describe("retries", () => {
  it("repeats until it succeeds", async () => {
    const { send, state } = scene([
      { status: 503 },
      { end: "reset" },
      { end: "refused" },
      { status: 200, body: "done" },
    ]);
    expect(await send(put, in20s)).toMatchObject({ status: 200, body: "done" });
    expect(state.sent).toHaveLength(4);
  });

  it("waits with full jitter, longer each time", async () => {
    const { send, state } = scene(Array(4).fill({ status: 503 }), { random: 0.5 });
    await adapterErrorOf(send(put, in20s));
    expect(state.waits).toEqual([100, 200, 400]);
  });

  it("waits as long as Particle asks when that fits", async () => {
    const { send, state } = scene([{ status: 429, retryAfter: "7" }, {}], { random: 0.5 });
    await send(put, in20s);
    expect(state.waits).toEqual([7_100]);
  });

  it("reads a date in Retry-After", async () => {
    const { send, state } = scene([{ status: 503, retryAfter: new Date(start + 3_000).toUTCString() }, {}]);
    await send(put, in20s);
    expect(state.waits).toEqual([3_000]);
  });

  it.each([
    { step: { status: 429, retryAfter: "30" }, failure: { kind: "particle-throttled", retryAfterSeconds: 30 } },
    { step: { status: 429, retryAfter: "20" }, failure: { kind: "particle-throttled", retryAfterSeconds: 20 } },
    { step: { status: 429 }, failure: { kind: "particle-throttled", retryAfterSeconds: 68 } },
    { step: { status: 412, retryAfter: "40" }, failure: { kind: "particle-unavailable", retryAfterSeconds: 40 } },
  ])("fails at once when the wait does not fit: $step", async ({ step, failure }) => {
    const { send, state } = scene([step], { random: 0.5 });
    expect((await adapterErrorOf(send(put, in20s))).failure).toStrictEqual(failure);
    expect(state.waits).toEqual([]);
  });

  it("waits the vendor's minute where there is time for it", async () => {
    const { send, state } = scene([{ status: 429 }, {}]);
    await send(put, start + 120_000);
    expect(state.waits).toEqual([60_000]);
  });

  it("never asks the caller to come back in no time", async () => {
    const { send } = scene(Array(4).fill({ status: 429, retryAfter: "0" }));
    const error = await adapterErrorOf(send(put, in20s));
    expect(error.failure).toStrictEqual({ kind: "particle-throttled", retryAfterSeconds: 1 });
  });

  it("does not begin another attempt shortly before the deadline", async () => {
    const { send, state } = scene([{ status: 503, ms: 19_900 }]);
    await adapterErrorOf(send(put, in20s));
    expect(state.sent).toHaveLength(1);
  });
});

describe("the deadline", () => {
  it.each([put, get])("sends nothing once it is over, and says so for certain: $name", async (operation) => {
    const { send, state } = scene([]);
    const error = await adapterErrorOf(send(operation, start));
    expect(error).toMatchObject({ failure: { kind: "particle-unavailable" }, outcomeUnknown: false });
    expect(state.sent).toEqual([]);
  });

  it("leaves each attempt its own time, and the last what remains", async () => {
    const { send, state } = scene([{ end: "hangs" }, { end: "hangs" }, { end: "hangs" }, { end: "hangs" }]);
    await adapterErrorOf(send(put, in20s));
    expect(state.sent.map(({ timeoutMs }) => timeoutMs)).toEqual([6_000, 6_000, 6_000, 2_000]);
  });

  it("does not know the outcome of a write that it cut off", async () => {
    const error = await adapterErrorOf(scene([{ end: "hangs" }]).send(put, start + 1_000));
    expect(error.failure).toStrictEqual({ kind: "outcome-unknown", retryAfterSeconds: 60 });
    expect(error.outcomeUnknown).toBe(true);
  });

  it("calls a read that it cut off unavailable", async () => {
    const error = await adapterErrorOf(scene([{ end: "hangs" }]).send(get, start + 1_000));
    expect(error).toMatchObject({ failure: { kind: "particle-unavailable" }, outcomeUnknown: false });
  });

  it("knows the outcome of a write that it cut off while connecting", async () => {
    const { send } = scene([{ end: "refused", ms: 900 }]);
    const error = await adapterErrorOf(send(put, start + 1_000));
    expect(error).toMatchObject({ failure: { kind: "particle-unavailable" }, outcomeUnknown: false });
  });

  it("sends nothing when a wait took longer than it should", async () => {
    const state = { now: start, sent: 0 };
    const send = createSendToParticle(
      async () => {
        state.sent += 1;
        return { status: 503, body: "" };
      },
      { authorizationPrefix: "", attemptTimeoutMs: ATTEMPT_MS },
      { current: async () => "t-1", reread: async () => "t-1" },
      {
        now: () => state.now,
        random: () => 0,
        sleep: async () => {
          state.now += 60_000;
        },
      },
    );
    const error = await adapterErrorOf(send(put, in20s));
    expect(error).toMatchObject({ failure: { kind: "outcome-unknown" }, outcomeUnknown: true });
    expect(state.sent).toBe(1);
  });

  it("does not wait for a token beyond it", async () => {
    const { send, tokens, state } = scene([]);
    tokens.current = () => new Promise(() => {});
    const error = await adapterErrorOf(send(put, start + 50));
    expect(error).toMatchObject({ failure: { kind: "particle-unavailable" }, outcomeUnknown: false });
    expect(state.sent).toEqual([]);
  });
});

describe("an attempt of unknown outcome", () => {
  it("is told of when a repeat succeeds, for it may still arrive; one that certainly did nothing is not", async () => {
    const lost = scene([{ end: "reset" }, { status: 200 }]);
    expect(await lost.send(put, in20s)).toMatchObject({ status: 200, unsettled: true });
    const refused = scene([{ end: "refused" }, { status: 200 }]);
    expect(await refused.send(put, in20s)).not.toHaveProperty("unsettled");
    const read = scene([{ end: "reset" }, { status: 200 }]);
    expect(await read.send(get, in20s)).not.toHaveProperty("unsettled");
  });

  it.each([
    { last: { status: 400 } },
    { last: { status: 422 } },
    { last: { status: 409, body: "Overlay detected" } },
    { last: { status: 401 } },
    { last: { status: 403 } },
    { last: { status: 429 } },
  ])("is not undone by a refusal of the repeat: $last", async ({ last }) => {
    const error = await adapterErrorOf(scene([{ status: 503 }, last]).send(put, in20s));
    expect(error.failure).toStrictEqual({ kind: "outcome-unknown", retryAfterSeconds: 60 });
    expect(error.outcomeUnknown).toBe(true);
  });

  it.each([
    { last: { end: "refused" } as const, kind: "particle-unavailable" },
    { last: { status: 412 }, kind: "particle-unavailable" },
    { last: { status: 404 }, kind: "particle-unintelligible" },
  ])("stays unknown after $last", async ({ last, kind }) => {
    const error = await adapterErrorOf(scene([{ end: "reset" }, last, last, last]).send(put, in20s));
    expect(error).toMatchObject({ failure: { kind }, outcomeUnknown: true });
  });

  it("is settled by a later success, and by absence where that is what was asked for", async () => {
    expect(await scene([{ end: "reset" }, { status: 200 }]).send(put, in20s)).toMatchObject({ status: 200 });
    const remove = { ...put, mayBeAbsent: true };
    expect(await scene([{ end: "reset" }, { status: 404 }]).send(remove, in20s)).toMatchObject({ status: 404 });
  });

  it("stays unknown when the token cannot be read again", async () => {
    const { send, tokens } = scene([{ status: 503 }, { status: 401 }]);
    tokens.reread = async () => {
      throw new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 5 }, "Cannot read.");
    };
    const error = await adapterErrorOf(send(put, in20s));
    expect(error).toMatchObject({ failure: { kind: "outcome-unknown" }, outcomeUnknown: true });
  });
});

describe("the token", () => {
  it.each([
    { prefix: "Bearer", header: "Bearer t-1" },
    { prefix: "", header: "t-1" },
  ])("stands after the prefix, or alone: $header", async ({ prefix, header }) => {
    const { send, state } = scene([{}], { prefix });
    await send(put, in20s);
    expect(state.sent[0]?.token).toBe(header);
  });

  it("is read again after a 401, and the request repeated at once", async () => {
    const { send, state, rereads } = scene([{ status: 401 }, {}], { secrets: ["t-1", "t-2"] });
    await send(put, in20s);
    expect(state.sent.map(({ token }) => token)).toEqual(["Bearer t-1", "Bearer t-2"]);
    expect(rereads).toEqual(["t-1"]);
    expect(state.waits).toEqual([]);
  });

  it("is read again once a call", async () => {
    const { send, state, rereads } = scene([{ status: 401 }, { status: 401 }], { secrets: ["t-1", "t-2", "t-3"] });
    const error = await adapterErrorOf(send(put, in20s));
    expect(error).toMatchObject({ failure: { kind: "particle-refuses-token" }, outcomeUnknown: false });
    expect(rereads).toEqual(["t-1"]);
    expect(state.sent).toHaveLength(2);
  });

  it("is not sent again when the secret holds no other", async () => {
    const { send, state } = scene([{ status: 401 }]);
    expect((await adapterErrorOf(send(put, in20s))).failure.kind).toBe("particle-refuses-token");
    expect(state.sent).toHaveLength(1);
  });

  it("does not take from the other repeats", async () => {
    const steps = [{ status: 401 }, { status: 503 }, { status: 503 }, { status: 503 }, { status: 200 }];
    const { send } = scene(steps, { secrets: ["t-1", "t-2"] });
    expect(await send(put, in20s)).toMatchObject({ status: 200 });
  });

  it("passes on that it cannot be read", async () => {
    const { send, tokens } = scene([]);
    const unreadable = new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 5 }, "Cannot read.");
    tokens.current = async () => {
      throw unreadable;
    };
    expect(await adapterErrorOf(send(put, in20s))).toBe(unreadable);
  });
});

it("lets a bug be a bug", async () => {
  const send = createSendToParticle(
    async () => {
      throw new TypeError("a bug");
    },
    { authorizationPrefix: "", attemptTimeoutMs: ATTEMPT_MS },
    { current: async () => "t-1", reread: async () => "t-1" },
    { now: () => start, random: () => 0, sleep: async () => {} },
  );
  await expect(send(put, in20s)).rejects.toThrow(TypeError);
});
