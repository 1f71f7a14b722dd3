import type { BundleEntry, Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import type { FhirRequest } from "../../../shared/http/request.ts";
import { bundleInteraction } from "../../../shared/interactions/process-bundle.ts";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import {
  BASE,
  bundleOf,
  bundleRequest,
  entriesOf,
  get,
  issuesOf,
  patch,
  post,
  put,
  remove,
  statusesOf,
} from "../../support/bundle-requests.ts";
import { createHarness, type Harness, henrick, LOST_REPLY, MRN, REFUSED } from "../../support/registration-harness.ts";

const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];
const person = (number: number, changes: Partial<Patient> = {}): Patient =>
  henrick({ identifier: [{ system: MRN.system, value: `MRN-${number}` }], ...changes });

function send(harness: Harness, entries: readonly BundleEntry[], headers: FhirRequest["headers"] = {}) {
  const { deadline } = harness.task();
  return bundleInteraction(harness, () => {})(bundleRequest(bundleOf("batch", entries), { deadline, headers }));
}

const registered = async (harness: Harness, number: number): Promise<string> =>
  (await createPatient(harness, { patient: person(number) }, harness.task())).mapping.id;

describe("a batch", () => {
  it("answers every kind of entry in its order, with status, location, etag and lastModified", async () => {
    const harness = createHarness();
    const [a, b, c, d] = [
      await registered(harness, 1),
      await registered(harness, 2),
      await registered(harness, 3),
      await registered(harness, 4),
    ];
    const response = await send(harness, [
      post(person(5)),
      get(`Patient/${a}`),
      get(`${BASE}/Patient/${a}/_history/1`),
      get(`Patient?identifier=${encodeURIComponent(`${MRN.system}|MRN-1`)}`),
      put(person(2, { id: b, address: MOVED })),
      patch(c, [{ op: "replace", path: "/telecom/0/value", value: "617-555-0100" }]),
      remove(`Patient/${d}`),
      { request: { method: "HEAD", url: `/Patient/${a}` } },
    ]);
    expect(response).toMatchObject({ status: 200, resource: { type: "batch-response" } });
    expect(statusesOf(response)).toEqual([
      "201 Created",
      "200 OK",
      "200 OK",
      "200 OK",
      "200 OK",
      "200 OK",
      "204 No Content",
      "200 OK",
    ]);
    const entries = entriesOf(response);
    const created = entries[0]?.resource?.id;
    expect(entries[0]).toMatchObject({
      fullUrl: `${BASE}/Patient/${created}`,
      resource: { resourceType: "Patient", name: [{ family: "Testingson" }] },
      response: {
        location: `${BASE}/Patient/${created}/_history/1`,
        etag: 'W/"1"',
        lastModified: "2026-11-22T12:00:00.000Z",
      },
    });
    expect(entries[3]?.resource).toMatchObject({ type: "searchset", total: 1 });
    expect(entries[4]?.response?.etag).toBe('W/"2"');
    expect(entries[5]?.resource).toMatchObject({ telecom: [{ value: expect.stringContaining("617") }, {}] });
    expect(entries[7]).toEqual({ response: expect.objectContaining({ etag: 'W/"1"' }) });
  });

  it("maps conditions of an entry to those of the request that it stands for", async () => {
    const harness = createHarness();
    const id = await registered(harness, 1);
    const condition = `identifier=${MRN.system}|MRN-1`;
    const stale = put(person(1, { id, address: MOVED }), { ifMatch: 'W/"7"' });
    expect(statusesOf(await send(harness, [stale]))).toEqual(["412 Precondition Failed"]);
    const response = await send(harness, [
      post(person(1, { address: MOVED }), { ifNoneExist: condition }),
      get(`Patient/${id}`, { ifNoneMatch: 'W/"1"' }),
      put(person(8), { url: `Patient?${condition.replace("MRN-1", "MRN-8")}` }),
      remove(`Patient?${condition.replace("MRN-1", "MRN-9")}`),
    ]);
    expect(statusesOf(response)).toEqual(["200 OK", "304 Not Modified", "201 Created", "204 No Content"]);
    expect(entriesOf(response)[0]?.response?.location).toBe(`${BASE}/Patient/${id}`);
  });

  it("lets no entry suffer from another's failure, and says what went wrong in each", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", REFUSED);
    const reported: unknown[] = [];
    const entries = [
      post(person(1)),
      post(person(2, { birthDate: "1957" })),
      post(person(3, { gender: "none" as never })),
      get("Patient/missing"),
      get("Observation?code=x"),
      { resource: { resourceType: "Observation" }, request: { method: "POST", url: "Observation" } } as BundleEntry,
      remove("Patient/x/y"),
      post(person(4)),
    ];
    const response = await bundleInteraction(harness, (request, index, ending) =>
      reported.push([request.route, index, "error" in ending ? "failed" : ending.response.about?.outcome]),
    )(bundleRequest(bundleOf("batch", entries), harness.task()));
    expect(statusesOf(response)).toEqual([
      "422 Unprocessable Entity",
      "422 Unprocessable Entity",
      "400 Bad Request",
      "404 Not Found",
      "422 Unprocessable Entity",
      "422 Unprocessable Entity",
      "422 Unprocessable Entity",
      "201 Created",
    ]);
    const outcomes = entriesOf(response).map((entry) => entry.response?.outcome);
    expect(issuesOf(outcomes[0])).toEqual([["business-rule", undefined]]);
    expect(issuesOf(outcomes[1])).toEqual([["business-rule", "Patient.birthDate"]]);
    expect(issuesOf(outcomes[2])).toEqual([["code-invalid", "Patient.gender"]]);
    expect(issuesOf(outcomes[4])).toEqual([["not-supported", "Bundle.entry[4].request.url"]]);
    expect(issuesOf(outcomes[5])).toEqual([["not-supported", "Bundle.entry[5].request.url"]]);
    expect(reported).toHaveLength(8);
    expect(reported).toContainEqual(["/Patient", 0, "failed"]);
    expect(reported).toContainEqual(["/Patient", 7, "created"]);
    expect(harness.particle.held.size).toBe(1);
  });

  it("tells the time after which to repeat an entry in its outcome", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REPLY);
    const [entry] = entriesOf(await send(harness, [post(person(1))]));
    expect(entry?.response?.status).toBe("503 Service Unavailable");
    expect(JSON.stringify(entry)).toContain("Retry-After: 80 seconds.");
  });

  it("reports a bug of one entry as 500, and answers the others", async () => {
    const harness = createHarness();
    const errors: unknown[] = [];
    const id = await registered(harness, 1);
    const particle = {
      ...harness.particle,
      getPatient: async () => {
        throw new TypeError("a bug");
      },
    };
    const response = await bundleInteraction({ ...harness, particle }, (_, __, ending) =>
      "error" in ending ? errors.push(ending.error) : undefined,
    )(bundleRequest(bundleOf("batch", [get(`Patient/${id}`), post(person(2))]), harness.task()));
    expect(statusesOf(response)).toEqual(["500 Internal Server Error", "201 Created"]);
    expect(JSON.stringify(response)).not.toContain("a bug");
    expect(errors).toEqual([new TypeError("a bug")]);
  });

  it.each([
    ["minimal", (entry: BundleEntry) => expect(entry).not.toHaveProperty("resource")],
    ["representation", (entry: BundleEntry) => expect(entry.resource?.resourceType).toBe("Patient")],
    [
      "OperationOutcome",
      (entry: BundleEntry) => {
        expect(entry).not.toHaveProperty("resource");
        expect(entry.response?.outcome?.resourceType).toBe("OperationOutcome");
      },
    ],
  ])("shapes all of its entries by Prefer: return=%s", async (shape, check) => {
    const entries = entriesOf(
      await send(createHarness(), [post(person(1)), post(person(2))], { prefer: `return=${shape}` }),
    );
    expect(entries).toHaveLength(2);
    entries.forEach(check);
  });

  it("is answered alike when it is repeated with its Idempotency-Key", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    const entries = [post(person(1)), post(person(2))];
    const key = { "idempotency-key": "key" };
    const first = entriesOf(await send(harness, entries, key)).map(({ response }) => response?.location);
    const again = await send(harness, entries, key);
    expect(statusesOf(again)).toEqual(["201 Created", "201 Created"]);
    expect(entriesOf(again).map(({ response }) => response?.location)).toEqual(first);
    const other = await send(harness, [post(person(1)), post(person(3))], key);
    expect(statusesOf(other)).toEqual(["201 Created", "422 Unprocessable Entity"]);
    expect(harness.particle.held.size).toBe(2);
  });

  it("runs the writes on one patient one after the other, and others at the same time", async () => {
    const harness = createHarness();
    const id = await registered(harness, 1);
    let [running, most] = [0, 0];
    const slow = async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    };
    for (let call = 0; call < 30; call += 1) {
      harness.particle.beforeNext("putPatient", slow);
    }
    const same = ["02215", "02216", "02217"].map((postalCode) =>
      put(person(1, { id, address: [{ ...MOVED[0], postalCode }] })),
    );
    const response = await send(harness, [
      ...same,
      ...Array.from({ length: 20 }, (_, number) => post(person(50 + number))),
    ]);
    expect(new Set(statusesOf(response).slice(0, 3))).toEqual(new Set(["200 OK"]));
    expect(
      entriesOf(response)
        .slice(0, 3)
        .map(({ response: { etag } = { status: "" } }) => etag),
    ).toEqual(['W/"2"', 'W/"3"', 'W/"4"']);
    expect(most).toBe(8);
  });

  it("registers a patient once whom two of its entries bring", async () => {
    const harness = createHarness();
    const condition = { ifNoneExist: `identifier=${MRN.system}|MRN-2` };
    const response = await send(harness, [
      post(person(1)),
      post(person(1)),
      post(person(2), condition),
      post(person(2), condition),
    ]);
    expect(statusesOf(response)).toEqual(["201 Created", "200 OK", "201 Created", "200 OK"]);
    expect(harness.particle.held.size).toBe(2);
  });

  it("refuses references between its entries, and leaves others alone", async () => {
    const harness = createHarness();
    const link = (reference: string): Partial<Patient> => ({ link: [{ other: { reference }, type: "seealso" }] });
    const one = "urn:uuid:0f0f0f0f-0000-4000-8000-000000000001";
    const response = await send(harness, [
      post(person(1), { fullUrl: one }),
      post(person(2, link(one))),
      post(person(3, link("urn:uuid:0f0f0f0f-0000-4000-8000-000000000002"))),
    ]);
    expect(statusesOf(response)).toEqual(["201 Created", "400 Bad Request", "201 Created"]);
    expect(issuesOf(entriesOf(response)[1]?.response?.outcome)).toEqual([
      ["value", "Bundle.entry[1].resource.link[0].other.reference"],
    ]);
  });

  it("is refused when it is more than fits the time, before anything is done", async () => {
    const harness = createHarness();
    const posts = (count: number) => Array.from({ length: count }, (_, number) => post(person(number)));
    for (const entries of [posts(101), [...posts(96), get("Patient")]]) {
      const { failure } = await adapterErrorOf(send(harness, entries));
      expect(failure).toMatchObject({ kind: "unprocessable", faults: [{ code: "too-costly" }] });
    }
    expect(harness.particle.calls).toEqual([]);
    expect(statusesOf(await send(harness, posts(100)))).toHaveLength(100);
  });

  it("may be empty", async () => {
    expect(await send(createHarness(), [])).toEqual({
      status: 200,
      resource: { resourceType: "Bundle", type: "batch-response" },
    });
  });
});
