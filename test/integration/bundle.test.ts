import type { Bundle, BundleEntry, CapabilityStatement, OperationOutcome, Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import {
  bundleOf,
  entriesOf,
  get,
  issuesOf,
  patch,
  post,
  put,
  remove,
  statusesOf,
} from "../support/bundle-requests.ts";
import { type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN } from "../support/registration-harness.ts";
import { type TwinWorld, worldOfTwin } from "../support/world-of-twin.ts";

const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];
const person = (tag: string, changes: Partial<Patient> = {}): Patient =>
  henrick({ identifier: [{ system: MRN.system, value: tag }], ...changes });
const where = (tag: string) => `identifier=${encodeURIComponent(`${MRN.system}|${tag}`)}`;

const sender =
  (client: FhirClient) =>
  async (type: "batch" | "transaction", entries: readonly BundleEntry[], headers: Record<string, string> = {}) =>
    client.send<Bundle>("POST", "/", { body: bundleOf(type, entries), headers });

describe("POST [base]", () => {
  let twin: Twin;
  let client: FhirClient;
  let send: ReturnType<typeof sender>;
  beforeAll(async () => {
    twin = await startAdapter();
    client = fhirClient(twin.url);
    send = sender(client);
  }, 120_000);
  afterAll(() => twin?.close());

  it("answers the entries of a batch in their order, each as a request of its own", async () => {
    const id = idIn((await client.create(person("batch-1"))).headers);
    const answer = await send("batch", [
      post(person("batch-2")),
      get(`Patient/${id}`),
      get(`Patient?${where("batch-1")}`),
      patch(id, [{ op: "replace", path: "/address/0/city", value: "Boston" }]),
      post(person("batch-1"), { ifNoneExist: where("batch-1") }),
      put(person("batch-3", { birthDate: "1957-02-30" }), { url: "Patient/x" }),
      get("Practitioner/1"),
      remove("Patient/never-there"),
    ]);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toMatch(/^application\/fhir\+json/);
    expect(statusesOf(answer)).toEqual([
      "201 Created",
      "200 OK",
      "200 OK",
      "200 OK",
      "200 OK",
      "400 Bad Request",
      "422 Unprocessable Entity",
      "204 No Content",
    ]);
    const [created] = entriesOf(answer);
    expect(created?.response?.location).toBe(`${twin.url}/Patient/${created?.resource?.id}/_history/1`);
    expect((await client.read(id)).resource.address?.[0]?.city).toBe("Boston");
  });

  it("registers all patients of a transaction, or none", async () => {
    const before = twin.particle.patients().length;
    const entries = ["tx-1", "tx-2", "tx-3"].map((tag) => post(person(tag)));
    twin.particle.configure({
      faults: [{ fault: "status", status: 400, methods: ["POST"], skip: 2, times: 1 }],
    });
    const refused = await client.failure("POST", "/", { body: bundleOf("transaction", entries) });
    expect([refused.status, issuesOf(refused.resource)[0]?.[0]]).toEqual([422, "business-rule"]);
    expect(issuesOf(refused.resource)[0]?.[1]).toMatch(/^Bundle\.entry\[\d\]$/);
    expect(twin.particle.patients().length).toBe(before);
    const done = await send("transaction", [...entries, get(`Patient?${where("tx-1")}`)]);
    expect(statusesOf(done)).toEqual(["201 Created", "201 Created", "201 Created", "200 OK"]);
    expect(twin.particle.patients().length).toBe(before + 3);
    const again = await send("transaction", entries);
    expect(statusesOf(again)).toEqual(["200 OK", "200 OK", "200 OK"]);
    expect(twin.particle.patients().length).toBe(before + 3);
  });

  it("lets one of many equal transactions register their patients", async () => {
    const before = twin.particle.patients().length;
    const entries = ["race-1", "race-2"].map((tag) => post(person(tag), { ifNoneExist: where(tag) }));
    const answers = await Promise.all(Array.from({ length: 6 }, () => send("transaction", entries)));
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true);
    const last = await send("transaction", entries);
    expect(last.status).toBe(200);
    expect(twin.particle.patients().length).toBe(before + 2);
  });

  it("refuses what is no batch and no transaction, with every fault", async () => {
    const wrong = { resourceType: "Bundle", type: "batch", entry: [{ request: { method: "GET" } }, {}] };
    const refused = await client.send<OperationOutcome>("POST", "/", { body: wrong });
    expect(refused.status).toBe(400);
    expect(issuesOf(refused.resource)).toEqual(
      expect.arrayContaining([
        ["required", "Bundle.entry[0].request.url"],
        ["required", "Bundle.entry[1].request"],
      ]),
    );
    expect((await client.failure("POST", "/", { body: "{" })).status).toBe(400);
    expect((await client.failure("POST", "/", { body: henrick() })).status).toBe(400);
  });

  it("takes Bundles of up to 5 MB", async () => {
    const padded = (bytes: number) => JSON.stringify(bundleOf("batch", [get("Patient/x")])).padEnd(bytes, " ");
    const largest = await client.send<Bundle>("POST", "/", { body: padded(5_000_000) });
    expect(statusesOf(largest)).toEqual(["404 Not Found"]);
    const tooLarge = await client.failure("POST", "/", { body: padded(5_000_001) });
    expect([tooLarge.status, issuesOf(tooLarge.resource)]).toEqual([413, [["too-long", undefined]]]);
  });

  it("is what the CapabilityStatement says, and other methods are 405", async () => {
    const { resource } = await client.send<CapabilityStatement>("GET", "/metadata");
    expect(resource.rest?.[0]?.interaction).toEqual([{ code: "batch" }, { code: "transaction" }]);
    const refused = await client.failure("GET", "/");
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("processes 100 entries in time", async () => {
    const entries = Array.from({ length: 100 }, (_, number) => post(person(`many-${number}`)));
    const answer = await send("batch", entries, { Prefer: "return=minimal" });
    expect(new Set(statusesOf(answer))).toEqual(new Set(["201 Created"]));
  }, 40_000);

  it("logs which entry failed and why, and nothing of the patient", async () => {
    await send("batch", [post(person("private-tag", { birthDate: "1957" }))]);
    const text = twin
      .logs()
      .map((line) => line.text)
      .join("\n");
    expect(text).toContain("entry-answered");
    // Times and ids hold such digits, too, in a row of others.
    expect(text).not.toMatch(/private-tag|Testingson|Henrick|Mulberry|(?<!\w)1957(?!\w)/);
  });
});

describe("a transaction whose function stops before the commit", () => {
  let twin: Twin;
  let client: FhirClient;
  let world: TwinWorld;
  beforeAll(async () => {
    twin = await startAdapter();
    client = fhirClient(twin.url);
    world = await worldOfTwin(twin);
  }, 120_000);
  afterAll(() => {
    world?.close();
    return twin?.close();
  });

  it("leaves patients that nobody can change, and recovery takes them back", async () => {
    const send = sender(client);
    const entries = [post(person("crash-1")), post(person("crash-2"))];
    // The record, then begin and end of each create, then the commit.
    twin.dynamodb.configure({ hold: { write: 6, at: "before" } });
    const running = send("transaction", entries);
    await twin.dynamodb.held();
    await twin.kill("ProcessBundle");
    expect((await running).status).toBeGreaterThanOrEqual(500);
    twin.dynamodb.configure({});
    expect(twin.particle.patients()).toHaveLength(2);

    const found = await client.search(`?${where("crash-1")}`);
    const id = found.resource.entry?.[0]?.resource?.id ?? "";
    const early = await client.update(person("crash-1", { id, address: MOVED }));
    expect(early.status).toBe(409);
    expect(Number(early.headers.get("retry-after"))).toBeGreaterThan(0);

    await world.passTime();
    expect(await twin.invoke("RecoverRegistrations", {})).toMatchObject({ ok: true });
    expect(twin.particle.patients()).toEqual([]);
    expect((await client.read(id)).status).toBe(410);
    expect(statusesOf(await send("transaction", entries))).toEqual(["201 Created", "201 Created"]);
    expect(twin.particle.patients()).toHaveLength(2);
  }, 60_000);
});
