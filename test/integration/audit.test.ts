import type { Bundle } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick } from "../support/registration-harness.ts";
import { worldOfTwin } from "../support/world-of-twin.ts";

let twin: Twin;
let client: FhirClient;

beforeAll(async () => {
  // Of its time, a function keeps three seconds for its answer. The rest has to do for the first request to it on a busy
  // machine, but is also how long an unknown outcome waits to be decided.
  twin = await startAdapter({ environment: { SETTLE_SECONDS: "0" }, timeoutMs: 7_000 });
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

const person = (n: number) => henrick({ identifier: [{ system: "https://clinic.example/chart", value: `C-${n}` }] });

type Event = Readonly<Record<string, unknown>>;

/** The audit events of one request, without what differs from run to run. */
function eventsOf({ headers }: { headers: Headers }): Event[] {
  const requestId = headers.get("x-request-id");
  return twin.logGroups.events().flatMap(({ group, message }) => {
    const { time, requestId: of, ...event }: Event = JSON.parse(message);
    expect(group).toBe("AuditLog");
    expect(Math.abs(Date.parse(String(time)) - Date.now())).toBeLessThan(60_000);
    return of === requestId ? [event] : [];
  });
}

const POLL = { timeout: 10_000, interval: 200 };
const WHO = "arn:aws:iam::000000000000:user/local-caller";

describe("the audit log", () => {
  it("has an event for each interaction: who, what, which patients, how it ended", async () => {
    const created = await client.create(person(1));
    const id = idIn(created.headers);
    const patients = [id];
    expect(eventsOf(created)).toEqual([{ who: WHO, interaction: "create", patients, status: 201, outcome: "created" }]);
    expect(eventsOf(await client.create(person(1)))).toMatchObject([{ patients, status: 200, outcome: "existing" }]);
    expect(eventsOf(await client.read(id))).toEqual([{ who: WHO, interaction: "read", patients, status: 200 }]);
    expect(eventsOf(await client.search("?identifier=https://clinic.example/chart%7CC-1"))).toEqual([
      { who: WHO, interaction: "search-type", patients, status: 200 },
    ]);
    const validated = await client.send("POST", "/Patient/$validate", { body: person(1) });
    expect(eventsOf(validated)).toMatchObject([{ interaction: "$validate", patients: [], status: 200 }]);
    const removed = await client.send("DELETE", "/Patient?identifier=https://clinic.example/chart%7CC-1");
    expect(eventsOf(removed)).toMatchObject([{ interaction: "delete", patients, status: 204, outcome: "deleted" }]);
    expect(eventsOf(await client.remove(id))).toMatchObject([{ patients, outcome: "nothing-there" }]);
    expect(eventsOf(await client.read(id))).toEqual([
      { who: WHO, interaction: "read", patients, status: 410, failure: "deleted" },
    ]);
  });

  it("has the id of a request also where nobody has it, but nothing that was not looked up or may be a social security number", async () => {
    expect(eventsOf(await client.read("nobody"))).toMatchObject([{ patients: ["nobody"], status: 404 }]);
    const validated = await client.send("POST", "/Patient/Testingson/$validate", { body: {} });
    expect(eventsOf(validated)).toMatchObject([{ interaction: "$validate", patients: [] }]);
    for (const id of ["219-09-9801", "000-12-3456"]) {
      for (const refused of [
        await client.read(id),
        await client.update({ ...person(9), id }),
        await client.send("POST", `/Patient/${id}/$validate`, { body: person(9) }),
        await client.send("PUT", "/Patient?identifier=https://clinic.example/chart%7CC-9", {
          body: { ...person(9), id },
        }),
        await client.send("POST", `/Patient/$to-particle?patient=${id}`, { body: person(9) }),
      ]) {
        expect(refused.status).toBe(400);
        expect(JSON.stringify(refused.resource)).toContain("not written like a social security number");
        expect(JSON.stringify([refused.resource, eventsOf(refused)])).not.toContain(id);
      }
    }
    expect((await client.update({ ...person(9), id: "219099801" })).status).toBe(201);
  });

  it("says why several identity fields may change at once, also where the request failed", async () => {
    const created = await client.create(person(2));
    const id = idIn(created.headers);
    const other = { ...person(2), id, birthDate: "1957-03-24", gender: "female" } as const;
    const refused = await client.update(other);
    expect(eventsOf(refused)).toMatchObject([{ patients: [id], status: 409, failure: "overlay-suspected" }]);
    expect(eventsOf(refused)[0]).not.toHaveProperty("overlayReason");
    twin.particle.configure({ overlayThreshold: 0 });
    const updated = await client.update(other, { "Overlay-Reason": "verified-same-person" });
    twin.particle.reset();
    expect(eventsOf(updated)).toMatchObject([{ outcome: "updated", overlayReason: "verified-same-person" }]);
    const unknown = await client.update(other, { "Overlay-Reason": "Smith is her name now" });
    expect(eventsOf(unknown)).toMatchObject([{ status: 400, failure: "invalid" }]);
    expect(JSON.stringify(eventsOf(unknown))).not.toContain("Smith");
  });

  it("has an event for each entry of a Bundle, beside its own", async () => {
    const bundle: Bundle = {
      resourceType: "Bundle",
      type: "batch",
      entry: [
        { resource: person(3), request: { method: "POST", url: "Patient" } },
        { request: { method: "GET", url: "Patient/nobody" } },
      ],
    };
    const answered = await client.send<Bundle>("POST", "/", { body: bundle });
    const id = answered.resource.entry?.[0]?.resource?.id;
    expect(eventsOf(answered).sort((a, b) => Number(a["entry"] ?? 2) - Number(b["entry"] ?? 2))).toEqual([
      { entry: 0, who: WHO, interaction: "create", patients: [id], status: 201, outcome: "created" },
      { entry: 1, who: WHO, interaction: "read", patients: ["nobody"], status: 404, failure: "not-found" },
      { who: WHO, interaction: "transaction", patients: [], status: 200 },
    ]);
    const twins = { ...bundle, type: "transaction" as const, entry: [bundle.entry?.[0], bundle.entry?.[0]] } as Bundle;
    expect(eventsOf(await client.send("POST", "/", { body: twins }))).toEqual([
      { who: WHO, interaction: "transaction", patients: [], status: 400, failure: "invalid" },
    ]);
  });

  it("names the patient of a request whose outcome is unknown, and what became of it", async () => {
    twin.particle.configure({ faults: [{ fault: "status-after-commit", status: 500 }] });
    const lost = await client.create(person(5));
    twin.particle.reset();
    const [event] = eventsOf(lost);
    expect(event).toMatchObject({ interaction: "create", patients: [expect.any(String)], failure: expect.any(String) });
    await expect
      .poll(() => twin.invoke("RecoverRegistrations", {}).then(() => eventsOf(lost)), POLL)
      .toEqual([
        event,
        { who: "adapter", interaction: "create", patients: event?.["patients"], decision: "completed" },
      ]);
    const [id = ""] = (event?.["patients"] ?? []) as string[];
    expect((await client.read(id)).status).toBe(200);
  });

  it("names the patients that a failed transaction has registered and taken back", async () => {
    twin.particle.configure({ faults: [{ fault: "status", status: 422, message: "No.", methods: ["POST"], skip: 1 }] });
    const entry = [6, 7].map((n) => ({ resource: person(n), request: { method: "POST", url: "Patient" } }));
    const failed = await client.send("POST", "/", { body: { resourceType: "Bundle", type: "transaction", entry } });
    twin.particle.reset();
    expect(failed.status).toBe(422);
    expect(eventsOf(failed)).toEqual(
      expect.arrayContaining([
        { who: "adapter", interaction: "create", patients: [expect.any(String)], decision: "undone" },
      ]),
    );
  });

  it("loses nothing when it cannot be written: the answer goes out, and the events stay in the function's log", async () => {
    twin.logGroups.refuse(true);
    const created = await client.create(person(4));
    twin.logGroups.refuse(false);
    expect(created.status).toBe(201);
    expect(eventsOf(created)).toEqual([]);
    const lines = twin.logs().flatMap(({ text }) => text.split("\n"));
    const line = lines.findLast((text) => text.includes("audit-not-written")) ?? "{}";
    expect(JSON.parse(line)).toMatchObject({
      level: "ERROR",
      reason: "PutLogEvents was answered 503 (ServiceUnavailableException).",
      events: [{ who: WHO, interaction: "create", patients: [idIn(created.headers)], outcome: "created" }],
    });
    expect(lines.some((text) => text.includes('"AuditEventsNotWritten":1'))).toBe(true);
    expect(eventsOf(await client.create(person(4)))).toMatchObject([{ outcome: "existing" }]);
  });

  it("and log and table know a request by an id that no client can choose", async () => {
    const chosen = { "x-amzn-RequestId": "chosen-by-the-client" };
    twin.particle.configure({ faults: [{ fault: "reset-after-commit", methods: ["POST"] }] });
    const unknown = await client.create(person(50), chosen);
    twin.particle.reset();
    const requestId = unknown.headers.get("x-request-id") ?? "";
    expect([unknown.status, requestId]).toEqual([503, unknown.headers.get("x-amz-apigw-id")]);
    expect(eventsOf(unknown)).toMatchObject([{ interaction: "create", status: 503 }]);
    const bundle = {
      resourceType: "Bundle",
      type: "batch",
      entry: [{ request: { method: "GET", url: "Patient/no" } }],
    };
    const answers = [
      unknown,
      await client.send("POST", "/", { body: bundle, headers: chosen }),
      await client.send("GET", "/metadata", { headers: chosen }),
      await client.send("GET", "/nowhere", { headers: chosen }),
      // The gateway's own.
      await client.send("GET", "/Patient?a=|", { headers: chosen }),
    ];
    const world = await worldOfTwin(twin);
    const { mappings } = await world.read();
    world.close();
    // Its operation is still open.
    expect([...mappings].map(({ operation }) => operation?.owner)).toContain(requestId);
    const traces = {
      log: twin.logs(),
      audit: twin.logGroups.events(),
      table: [...mappings],
      // The gateway itself says it again.
      answers: answers.map(({ headers, resource }) => [
        [...headers].filter(([name]) => name !== "x-amzn-requestid"),
        resource,
      ]),
    };
    for (const [name, trace] of Object.entries(traces)) {
      expect(JSON.stringify(trace), name).not.toContain("chosen-by");
      expect(JSON.stringify(trace), name).toContain(requestId);
    }
  });

  it("has none for what is about no patient", async () => {
    expect(eventsOf(await client.send("GET", "/metadata"))).toEqual([]);
    expect(eventsOf(await client.send("GET", "/Observation"))).toEqual([]);
  });
});
