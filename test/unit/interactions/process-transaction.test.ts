import type { BundleEntry, Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import type { FhirRequest } from "../../../shared/http/request.ts";
import { bundleInteraction } from "../../../shared/interactions/process-bundle.ts";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { recoverRegistrations } from "../../../shared/registration/recover-registrations.ts";
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
import {
  createHarness,
  type Harness,
  henrick,
  LOST_REQUEST,
  MRN,
  REFUSED,
  SETTLE_MS,
} from "../../support/registration-harness.ts";

const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];
const person = (number: number, changes: Partial<Patient> = {}): Patient =>
  henrick({ identifier: [{ system: MRN.system, value: `MRN-${number}` }], ...changes });
const where = (number: number) => `identifier=${MRN.system}|MRN-${number}`;

function send(harness: Harness, entries: readonly BundleEntry[], headers: FhirRequest["headers"] = {}) {
  const { deadline } = harness.task();
  return bundleInteraction(harness, () => {})(bundleRequest(bundleOf("transaction", entries), { deadline, headers }));
}

const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;

/** The faults with which a transaction is refused before anything is done. */
async function faultsOf(harness: Harness, entries: readonly BundleEntry[]) {
  const calls = harness.particle.calls.length;
  const failure = await failureOf(send(harness, entries));
  expect(harness.particle.calls.length).toBe(calls);
  expect(harness.store.contents.transactions.size).toBe(0);
  return "faults" in failure
    ? [failure.kind, ...failure.faults.map(({ code, expression }) => [code, expression])]
    : failure;
}

const registered = async (harness: Harness, number: number): Promise<string> =>
  (await createPatient(harness, { patient: person(number) }, harness.task())).mapping.id;

describe("a transaction", () => {
  it("registers all of its patients, then reads, and answers in the order of its entries", async () => {
    const harness = createHarness();
    const id = await registered(harness, 9);
    const response = await send(harness, [
      get(`Patient?${where(1)}`),
      post(person(1)),
      get(`Patient/${id}`),
      post(person(9), { ifNoneExist: where(9) }),
      post(person(2)),
    ]);
    expect(response).toMatchObject({ status: 200, resource: { type: "transaction-response" } });
    expect(statusesOf(response)).toEqual(["200 OK", "201 Created", "200 OK", "200 OK", "201 Created"]);
    const [search, created, , existing] = entriesOf(response);
    expect(search?.resource).toMatchObject({ total: 1 });
    expect(created?.response).toMatchObject({ etag: 'W/"1"', location: expect.stringMatching(/_history\/1$/) });
    expect(existing?.response?.location).toBe(`${BASE}/Patient/${id}`);
    expect(harness.particle.held.size).toBe(3);
    expect([...harness.store.contents.mappings.values()].some(({ transaction }) => transaction)).toBe(false);
  });

  it("registers none when one is refused, and names the element of the Bundle", async () => {
    const harness = createHarness();
    harness.particle.beforeNext("putPatient", () => harness.particle.failNext("putPatient", REFUSED));
    const response = await send(harness, [post(person(1)), post(person(2))]);
    expect(response.status).toBe(422);
    expect(issuesOf(response.resource)).toEqual([["business-rule", "Bundle.entry[1]"]]);
    expect(harness.particle.held.size).toBe(0);
    expect(statusesOf(await send(harness, [post(person(1)), post(person(2))]))).toEqual(["201 Created", "201 Created"]);
  });

  it("is 504 when nobody knows its end, 409 until that is decided, and starts afresh after that", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REQUEST);
    const entries = [post(person(1)), post(person(2))];
    expect(await failureOf(send(harness, entries))).toEqual({ kind: "outcome-unknown", retryAfterSeconds: 80 });
    const early = await send(harness, entries);
    expect(early).toMatchObject({ status: 409, headers: { "Retry-After": "1" } });
    harness.pass(20_000 + SETTLE_MS + 1);
    await recoverRegistrations(harness, harness.task());
    expect(harness.particle.held.size).toBe(0);
    expect(statusesOf(await send(harness, entries))).toEqual(["201 Created", "201 Created"]);
  });

  it("is answered alike when it is repeated with its Idempotency-Key", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    const key = { "idempotency-key": "key" };
    const entries = [post(person(1)), post(person(2))];
    const first = await send(harness, entries, key);
    expect(await send(harness, entries, key)).toEqual(first);
    expect(harness.particle.held.size).toBe(2);
  });

  it("holds one write alone, of any kind", async () => {
    const harness = createHarness();
    const id = await registered(harness, 1);
    const one = async (entry: BundleEntry) => statusesOf(await send(harness, [entry]));
    expect(await one(put(person(1, { id, address: MOVED })))).toEqual(["200 OK"]);
    expect(await one(put(person(1), { url: `Patient?${where(1)}` }))).toEqual(["200 OK"]);
    expect(await one(patch(id, [{ op: "test", path: "/id", value: id }]))).toEqual(["200 OK"]);
    expect(await one(remove(`Patient/${id}`))).toEqual(["204 No Content"]);
    expect(await one(post(person(2)))).toEqual(["201 Created"]);
    expect(harness.store.contents.transactions.size).toBe(0);
    const refused = await send(harness, [put(person(2, { id: "new", birthDate: "1957" }))]);
    expect([refused.status, issuesOf(refused.resource)]).toEqual([
      422,
      [["business-rule", "Bundle.entry[0].resource.birthDate"]],
    ]);
    const stale = await send(harness, [patch("missing", [{ op: "remove", path: "/telecom" }])]);
    expect([stale.status, issuesOf(stale.resource)]).toEqual([404, [["not-found", "Bundle.entry[0]"]]]);
  });

  it("takes nothing that it could not take back", async () => {
    const harness = createHarness();
    const id = await registered(harness, 1);
    const expected = (...indices: number[]) => [
      "unprocessable",
      ...indices.map((index) => ["not-supported", `Bundle.entry[${index}].request`]),
    ];
    expect(await faultsOf(harness, [post(person(2)), remove(`Patient/${id}`)])).toEqual(expected(1));
    expect(await faultsOf(harness, [put(person(1, { id })), get(`Patient/${id}`)])).toEqual(expected(0));
    expect(await faultsOf(harness, [patch(id, []), put(person(1, { id }))])).toEqual(expected(0, 1));
  });

  it("takes no create back where the patient_id may be others', so it does not begin one", async () => {
    const harness = createHarness({ patientIdSystem: MRN.system });
    expect(await faultsOf(harness, [post(person(1)), post(person(2))])).toEqual([
      "unprocessable",
      ["not-supported", "Bundle.entry"],
    ]);
    expect(statusesOf(await send(harness, [post(person(1))]))).toEqual(["201 Created"]);
  });

  it("has at most 20 entries", async () => {
    const harness = createHarness();
    const posts = (count: number) => Array.from({ length: count }, (_, number) => post(person(number)));
    expect(await faultsOf(harness, posts(21))).toEqual(["unprocessable", ["too-costly", "Bundle.entry"]]);
    expect(statusesOf(await send(harness, posts(20)))).toEqual(Array.from({ length: 20 }, () => "201 Created"));
  });

  it("is refused as a whole for resources of other types, before anything is done", async () => {
    const observation = { resource: { resourceType: "Observation" }, request: { method: "POST", url: "Observation" } };
    expect(
      await faultsOf(createHarness(), [post(person(1)), observation as BundleEntry, get("Practitioner/1")]),
    ).toEqual([
      "unprocessable",
      ["not-supported", "Bundle.entry[1].request.url"],
      ["not-supported", "Bundle.entry[2].request.url"],
    ]);
  });

  it("tells every fault of all of its entries at once, before anything is done", async () => {
    const harness = createHarness();
    expect(
      await faultsOf(harness, [
        post(person(1)),
        post(person(2, { birthDate: "1957-02-30" })),
        post(person(3, { gender: "none" as never, deceasedBoolean: true, deceasedDateTime: "2020" })),
        post(person(4), { ifNoneExist: "family=x" }),
        get("Patient?family=x"),
        get("Patient/a_b"),
      ]),
    ).toEqual([
      "invalid",
      ["value", "Bundle.entry[1].resource.birthDate"],
      ["code-invalid", "Bundle.entry[2].resource.gender"],
      expect.arrayContaining([expect.stringMatching(/^Bundle.entry\[2\]\.resource/)]),
      ["value", "Bundle.entry[3]"],
      [expect.any(String), "Bundle.entry[4]"],
      ["value", "Bundle.entry[5]"],
    ]);
    expect(
      await faultsOf(harness, [post(person(1, { birthDate: "1957" })), post(person(2, { address: [] as never }))]),
    ).toEqual([
      "invalid",
      ["business-rule", "Bundle.entry[0].resource.birthDate"],
      ["structure", "Bundle.entry[1].resource.address"],
    ]);
    expect(
      await faultsOf(harness, [post(person(1, { birthDate: "1957" })), post(person(2, { gender: "unknown" }))]),
    ).toEqual([
      "unprocessable",
      ["business-rule", "Bundle.entry[0].resource.birthDate"],
      ["business-rule", "Bundle.entry[1].resource.gender"],
    ]);
  });

  it("is refused when two of its entries are about one patient", async () => {
    const harness = createHarness();
    const expected = ["invalid", ["duplicate", "Bundle.entry[1]"]];
    expect(await faultsOf(harness, [post(person(1)), post(person(1))])).toEqual(expected);
    expect(
      await faultsOf(harness, [
        post(person(1), { ifNoneExist: where(1) }),
        post(person(1, { address: MOVED }), { ifNoneExist: where(1) }),
      ]),
    ).toEqual(expected);
    const unique = createHarness({ uniqueIdentifierSystems: [MRN.system] });
    expect(await faultsOf(unique, [post(person(1)), post(person(1, { address: MOVED }))])).toEqual(expected);
  });

  it("takes references between its entries, and refuses those to none", async () => {
    const harness = createHarness();
    const [one, none] = [
      "urn:uuid:0f0f0f0f-0000-4000-8000-000000000001",
      "urn:uuid:0f0f0f0f-0000-4000-8000-000000000009",
    ];
    const link = (reference: string): Partial<Patient> => ({ link: [{ other: { reference }, type: "seealso" }] });
    expect(statusesOf(await send(harness, [post(person(1), { fullUrl: one }), post(person(2, link(one)))]))).toEqual([
      "201 Created",
      "201 Created",
    ]);
    expect(await faultsOf(harness, [post(person(3), { fullUrl: one }), post(person(4, link(none)))])).toEqual([
      "invalid",
      ["value", "Bundle.entry[1].resource.link[0].other.reference"],
    ]);
  });
});

describe("the references of a transaction", () => {
  it("name the new ids before the resources are mapped", async () => {
    const { resolveReferences } = await import("../../../shared/interactions/entry-references.ts");
    const entry = (index: number, resource: unknown, fullUrl?: string) => ({
      index,
      method: "POST" as const,
      url: "Patient",
      resource: resource as Record<string, unknown>,
      ...(fullUrl !== undefined && { fullUrl }),
    });
    const { entries, faults } = resolveReferences(
      [
        entry(0, { resourceType: "Patient" }, "urn:uuid:1"),
        entry(1, {
          resourceType: "Patient",
          managingOrganization: { reference: "Organization/7" },
          link: [{ other: { reference: "urn:uuid:1" } }, { other: { reference: "urn:uuid:2" } }],
          identifier: [{ value: "urn:uuid:1" }],
        }),
      ],
      ({ index }) => `Patient/new-${index}`,
    );
    expect(entries[1]?.resource).toEqual({
      resourceType: "Patient",
      managingOrganization: { reference: "Organization/7" },
      link: [{ other: { reference: "Patient/new-0" } }, { other: { reference: "urn:uuid:2" } }],
      identifier: [{ value: "urn:uuid:1" }],
    });
    expect(faults.map(({ expression }) => expression)).toEqual(["Bundle.entry[1].resource.link[1].other.reference"]);
  });
});
