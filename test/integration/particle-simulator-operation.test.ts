import { appendFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startParticleSimulator } from "../../local/particle/simulator.ts";
import { defaultSwitches } from "../../local/particle/switches.ts";
import {
  addAll,
  allPages,
  henrick,
  readJson,
  required,
  someIds,
  start,
  startWithFaults,
} from "../support/particle-simulator-client.ts";

describe("/_simulator", () => {
  const put = (url: string, body: unknown) =>
    fetch(`${url}/_simulator`, { method: "PUT", body: typeof body === "string" ? body : JSON.stringify(body) });

  it("reads, merges and resets the switches", async () => {
    const { simulator } = await start({ switches: { deleteBody: "object" } });
    const read = async () => (await fetch(`${simulator.url}/_simulator`)).json();
    expect(await read()).toEqual({ ...defaultSwitches, deleteBody: "object" });

    const merged = { ...defaultSwitches, deleteBody: "object", overlayStatus: 409 };
    expect(await readJson(await put(simulator.url, { overlayStatus: 409 }))).toEqual(merged);
    expect(await read()).toEqual(merged);

    const reset = await fetch(`${simulator.url}/_simulator`, { method: "DELETE" });
    expect(await reset.json()).toEqual(defaultSwitches);
    expect(await read()).toEqual(defaultSwitches);
  });

  it("voids all tokens, which is an act and no switch", async () => {
    const { simulator, get } = await start();
    expect(await readJson(await put(simulator.url, { expireTokens: true }))).toEqual(defaultSwitches);
    expect((await get("nobody")).status).toBe(401);
  });

  it.each([
    ["an unknown switch", { overlay: 409 }],
    ["a value that is not allowed", { overlayStatus: 500 }],
    ["an unknown fault", { faults: [{ fault: "earthquake" }] }],
    ["a misspelt rule", { faults: [{ fault: "status", status: 500, path: "x" }] }],
    ["a path that is no expression", { faults: [{ fault: "status", status: 500, paths: "(" }] }],
    ["no JSON", "{"],
  ])("refuses %s and changes nothing", async (_case, body) => {
    const { simulator } = await start();
    expect((await put(simulator.url, body)).status).toBe(400);
    expect(simulator.switches()).toEqual(defaultSwitches);
  });

  it("shows the vendor's requests, not its own, until they are cleared", async () => {
    const { simulator, post, get } = await start({ clock: () => 42 });
    simulator.clearRequests();
    await post(henrick);
    await get("nobody");
    const response = await fetch(`${simulator.url}/_simulator/requests`);
    const entry = { receivedAt: 42, state: "answered" };
    expect(await readJson(response)).toEqual([
      {
        ...entry,
        method: "POST",
        path: "/api/v1/patients",
        body: JSON.stringify(henrick),
        status: 200,
        committed: true,
      },
      { ...entry, method: "GET", path: "/api/v1/patients/nobody", body: "", status: 404, committed: false },
    ]);
    await fetch(`${simulator.url}/_simulator/requests`, { method: "DELETE" });
    expect(simulator.requests()).toEqual([]);
  });

  it("knows no other control", async () => {
    const { simulator } = await start();
    expect((await fetch(`${simulator.url}/_simulator/other`)).status).toBe(404);
    expect((await fetch(`${simulator.url}/_simulator`, { method: "PATCH" })).status).toBe(404);
  });
});

describe("a simulator with a data directory", () => {
  const newFolder = async () => {
    const folder = await mkdtemp(join(tmpdir(), "particle-simulator-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    return folder;
  };

  it("keeps patients, tokens and places in the list over a restart", async () => {
    const dataDir = await newFolder();
    const first = await start({ dataDir });
    await addAll(first, someIds(250));
    await first.remove("patient-3");
    await first.post({ ...henrick, patient_id: "patient-4" });
    const { continuation_token } = await first.list();
    const before = first.simulator.patients();
    await first.simulator.close();

    const second = await startParticleSimulator({ port: first.simulator.port, dataDir });
    onTestFinished(() => second.close());
    expect(second.patients()).toEqual(before);
    expect(await readJson(await first.get("patient-4"))).toMatchObject({ ssn: henrick.ssn });
    expect((await first.list(continuation_token)).patients).toEqual(someIds(250).slice(201));
  });

  it("still refuses tokens that were voided before the restart", async () => {
    const dataDir = await newFolder();
    const first = await start({ dataDir });
    first.simulator.configure({ expireTokens: true });
    await first.simulator.close();
    const second = await startParticleSimulator({ port: first.simulator.port, dataDir });
    onTestFinished(() => second.close());
    expect((await first.get("nobody")).status).toBe(401);
  });

  it("forgets a write that the end of the process cut in two, and nothing else", async () => {
    const dataDir = await newFolder();
    const first = await start({ dataDir });
    await addAll(first, someIds(3));
    await first.simulator.close();
    const [file] = await readdir(dataDir);
    await appendFile(join(dataDir, file!), '{"put":{"given_name":"Hen');
    const second = await start({ dataDir });
    expect(await second.list()).toEqual({ patients: someIds(3) });
    await second.post(henrick);
    expect((await second.get(henrick.patient_id)).status).toBe(200);
  });

  it("does not start on a file that it cannot read", async () => {
    const dataDir = await newFolder();
    await appendFile(join(dataDir, "particle-patients.ndjson"), '{"put":{}}\n');
    await expect(startParticleSimulator({ port: 0, dataDir })).rejects.toThrow(/line 1/);
  });
});

describe("under load", () => {
  it("answers a thousand connections at once", async () => {
    const { simulator, token, list } = await start();
    const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });
    const post = (patient_id: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
      const headers = { authorization: `Bearer ${token}` };
      httpRequest(`${simulator.url}/api/v1/patients`, { agent, method: "POST", headers }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      })
        .on("error", reject)
        .end(JSON.stringify({ ...required, patient_id }));
      return promise;
    };
    const ids = someIds(1000);
    const statuses = await Promise.all(ids.map(post));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(new Set((await allPages({ list })).flat())).toEqual(new Set(ids));
  });

  it("closes at once with requests delayed, held and idle, and carries none of them out", async () => {
    const { simulator, post, get } = await startWithFaults(
      { fault: "delay", delayMs: 60_000, methods: ["POST"], times: 1 },
      { fault: "hold-before-commit", methods: ["POST"], times: 2 },
      { fault: "late-commit", commitAfterMs: 0, methods: ["POST"] },
    );
    await get("nobody");
    const pending = [post(henrick), post(henrick), post(henrick)];
    const settled = Promise.allSettled(pending);
    await vi.waitFor(() => expect(simulator.requests().filter((entry) => entry.method === "POST")).toHaveLength(3), {
      timeout: 10_000,
    });
    const before = performance.now();
    await simulator.close();
    expect(performance.now() - before).toBeLessThan(5_000);
    expect((await settled).map((result) => result.status)).toEqual(["rejected", "rejected", "rejected"]);
    const states = () => simulator.requests().map((entry) => (entry.method === "POST" ? entry.state : "hung-up"));
    await vi.waitFor(() => expect(new Set(states())).toEqual(new Set(["hung-up"])));
    expect(simulator.patients()).toEqual([]);
  });
});
