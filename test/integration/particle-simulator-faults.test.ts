import { setTimeout } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { henrick, readJson, start, startWithFaults } from "../support/particle-simulator-client.ts";

/** Patient, so that a busy machine is no failure. */
const eventually = (assertion: () => void) => vi.waitFor(assertion, { interval: 2, timeout: 10_000 });

describe("faults", () => {
  it("answer a status with or without Retry-After, and carry nothing out", async () => {
    const { simulator, post } = await startWithFaults(
      { fault: "status", status: 429, retryAfterSeconds: 7, paths: "^/api/", times: 1 },
      { fault: "status", status: 429, paths: "^/api/", times: 1 },
      { fault: "status", status: 500, paths: "^/api/", times: 1 },
    );
    const answers = [await post(henrick), await post(henrick), await post(henrick)];
    expect(answers.map((answer) => [answer.status, answer.headers.get("retry-after")])).toEqual([
      [429, "7"],
      [429, null],
      [500, null],
    ]);
    expect(simulator.patients()).toEqual([]);
    expect((await post(henrick)).status).toBe(200);
  });

  it("answer 5xx although the request was carried out", async () => {
    const { simulator, post } = await startWithFaults({ fault: "status-after-commit", status: 502, methods: ["POST"] });
    expect((await post(henrick)).status).toBe(502);
    expect(simulator.patients()).toMatchObject([{ patient_id: henrick.patient_id }]);
    expect(simulator.requests().at(-1)).toMatchObject({ status: 502, committed: true, fault: "status-after-commit" });
  });

  it("carry nothing out that the API refuses", async () => {
    const { simulator, post } = await startWithFaults({ fault: "status-after-commit", methods: ["POST"] });
    expect((await post({ ...henrick, gender: "X" })).status).toBe(503);
    expect(simulator.requests().at(-1)).toMatchObject({ status: 503, committed: false });
  });

  it.each([
    ["reset-before-commit", 0],
    ["reset-after-commit", 1],
  ] as const)("%s resets the connection and leaves %i patients", async (fault, count) => {
    const { simulator, post } = await startWithFaults({ fault, methods: ["POST"] });
    await expect(post(henrick)).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
    expect(simulator.patients()).toHaveLength(count);
    expect(simulator.requests().at(-1)).toMatchObject({ state: "hung-up", committed: count === 1 });
  });

  it("carry a request out a while after its caller hung up", async () => {
    const { simulator, post } = await startWithFaults({ fault: "late-commit", commitAfterMs: 400, methods: ["POST"] });
    await expect(post(henrick, { signal: AbortSignal.timeout(100) })).rejects.toThrow();
    await eventually(() => expect(simulator.requests().at(-1)).toMatchObject({ state: "hung-up" }));
    expect(simulator.patients()).toEqual([]);
    await eventually(() => expect(simulator.patients()).toHaveLength(1));
    expect(simulator.requests().at(-1)).toMatchObject({ state: "hung-up", committed: true });
  });

  it("hang up at once and carry the request out a while later", async () => {
    const { simulator, post } = await startWithFaults({
      fault: "late-commit",
      commitAfterMs: 400,
      hangUp: "simulator",
      methods: ["POST"],
    });
    await expect(post(henrick)).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
    expect(simulator.patients()).toEqual([]);
    await eventually(() => expect(simulator.patients()).toHaveLength(1));
  });

  it("let a request that was given up land on top of a later one", async () => {
    const { simulator, post, get } = await startWithFaults({
      fault: "late-commit",
      commitAfterMs: 400,
      hangUp: "simulator",
      methods: ["POST"],
      times: 1,
    });
    await expect(post({ ...henrick, address_city: "Early" })).rejects.toThrow();
    await post({ ...henrick, address_city: "Late" });
    await eventually(() => expect(simulator.requests().filter((request) => request.committed)).toHaveLength(2));
    expect(await readJson(await get(henrick.patient_id))).toMatchObject({ address_city: "Early" });
  });

  it("delay, and carry the request out although the caller has gone", async () => {
    const { simulator, post } = await startWithFaults({ fault: "delay", delayMs: 600, methods: ["POST"] });
    await expect(post(henrick, { signal: AbortSignal.timeout(50) })).rejects.toThrow();
    expect(simulator.patients()).toEqual([]);
    await eventually(() => expect(simulator.patients()).toHaveLength(1));
    expect(simulator.requests().at(-1)).toMatchObject({ state: "hung-up", committed: true });
  });

  it("add their delays to another fault and to the delay of all requests", async () => {
    const { call } = await start({
      switches: {
        faults: [
          { fault: "delay", delayMs: 40, paths: "^/api/" },
          { fault: "delay", delayMs: 40, paths: "^/api/" },
          { fault: "status", status: 503, paths: "^/api/" },
        ],
        delayMs: 40,
      },
    });
    const before = performance.now();
    expect((await call("GET", "/api/v1/patients")).status).toBe(503);
    expect(performance.now() - before).toBeGreaterThan(115);
  });

  it("answer 200 with nonsense, whether carried out or not", async () => {
    const { simulator, post } = await startWithFaults(
      { fault: "garbage", methods: ["POST"], commit: false, times: 1 },
      { fault: "garbage", methods: ["POST"], body: '{"given_name":' },
    );
    const first = await post(henrick);
    expect(first.status).toBe(200);
    await expect(first.json()).rejects.toThrow(SyntaxError);
    expect(simulator.patients()).toHaveLength(0);
    expect(await (await post(henrick)).text()).toBe('{"given_name":');
    expect(simulator.patients()).toHaveLength(1);
  });

  it.each([
    ["hold-before-commit", 0],
    ["hold-after-commit", 1],
  ] as const)("%s stops the request with %i patients held until the release", async (fault, count) => {
    const { simulator, post } = await startWithFaults({ fault, methods: ["POST"], times: 1 });
    const answer = post(henrick);
    await eventually(() => expect(simulator.requests().at(-1)).toMatchObject({ state: "held" }));
    await setTimeout(50);
    expect(simulator.requests().at(-1)).toMatchObject({ state: "held", committed: count === 1 });
    expect(simulator.patients()).toHaveLength(count);

    const release = await fetch(`${simulator.url}/_simulator/release`, { method: "POST" });
    expect(await release.json()).toEqual({ released: 1 });
    expect((await answer).status).toBe(200);
    expect(simulator.patients()).toHaveLength(1);
  });

  it("carry a held request out although its caller was killed, and never when it is dropped", async () => {
    const { simulator, post } = await startWithFaults({ fault: "hold-before-commit", methods: ["POST"] });
    const held = (count: number) =>
      eventually(() => expect(simulator.requests().filter((request) => request.state === "held")).toHaveLength(count));
    const abandoned = new AbortController();
    const killed = post(henrick, { signal: abandoned.signal });
    await held(1);
    abandoned.abort();
    await expect(killed).rejects.toThrow();
    expect(simulator.release()).toBe(1);
    await eventually(() => expect(simulator.patients()).toHaveLength(1));

    const dropped = post({ ...henrick, patient_id: "dropped" });
    await held(1);
    simulator.reset();
    await expect(dropped).rejects.toMatchObject({ cause: { code: "ECONNRESET" } });
    expect(simulator.patients()).toHaveLength(1);
  });

  it("strike the methods and paths that their rule names, after those it skips", async () => {
    const { post, get, list } = await startWithFaults(
      { fault: "status", status: 500, methods: ["GET"], paths: "/patients$", skip: 1, times: 1 },
      { fault: "status", status: 501, methods: ["GET"], paths: "/patients/examplepatientid1$" },
    );
    expect((await post(henrick)).status).toBe(200);
    expect((await get(henrick.patient_id)).status).toBe(501);
    expect((await get("other")).status).toBe(404);
    expect(await list()).toEqual({ patients: ["examplepatientid1"] });
    expect(await list()).toEqual({ message: "Status 500." });
    expect(await list()).toEqual({ patients: ["examplepatientid1"] });
  });

  it("strike the same requests again with the same seed, and others with another", async () => {
    const run = async (seed: number) => {
      const { get } = await startWithFaults({ fault: "status", status: 503, probability: 0.4, seed, paths: "^/api/" });
      const statuses: number[] = [];
      for (let count = 0; count < 60; count += 1) statuses.push((await get("nobody")).status);
      return statuses;
    };
    const [first, again, other] = [await run(1), await run(1), await run(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    const struck = first.filter((status) => status === 503).length;
    expect(struck).toBeGreaterThan(10);
    expect(struck).toBeLessThan(40);
  });

  it("begin anew when the faults are set, and go on when another switch is", async () => {
    const { simulator, get } = await start();
    const faults = [{ fault: "status", status: 503, times: 1 }] as const;
    simulator.configure({ faults: [...faults] });
    expect((await get("nobody")).status).toBe(503);
    simulator.configure({ delayMs: 1 });
    expect((await get("nobody")).status).toBe(404);
    simulator.configure({ faults: [...faults] });
    expect((await get("nobody")).status).toBe(503);
  });
});
