import type { Bundle, BundleEntry, CapabilityStatement, OperationOutcome, Patient } from "fhir/r4";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { bundleOf, entriesOf, get, issuesOf, post, put, remove, statusesOf } from "../support/bundle-requests.ts";
import { codesOf, type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN, SYSTEMS } from "../support/registration-harness.ts";

/**
 * The rules of http://hl7.org/fhir/R4/http.html and /search.html, each under its own name, with what servers are known
 * to get wrong.
 */

const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

let twin: Twin;
let client: FhirClient;
let people = 0;
/** Somebody who was never sent before. */
const somebody = (changes: Partial<Patient> = {}): Patient => {
  people += 1;
  return henrick({ identifier: [{ system: MRN.system, value: `rule-${people}` }], ...changes });
};
const registered = async (): Promise<string> => idIn((await client.create(somebody())).headers);
const mrnOf = (patient: Patient): string => `${MRN.system}|${patient.identifier?.[0]?.value}`;
const versionOf = async (id: string): Promise<string | null> => (await client.read(id)).headers.get("etag");

beforeAll(async () => {
  twin = await startAdapter();
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());
afterEach(() => twin.particle.reset());

describe("create", () => {
  it("ignores id, versionId and lastUpdated of the body", async () => {
    const meta = { versionId: "7", lastUpdated: "2001-01-01T00:00:00Z" };
    const { status, resource, headers } = await client.create(somebody({ id: "chosen", meta }));
    expect(status).toBe(201);
    expect(resource.id).not.toBe("chosen");
    expect(resource.meta?.versionId).toBe("1");
    expect(resource.meta?.lastUpdated).not.toBe(meta.lastUpdated);
    expect(idIn(headers)).toBe(resource.id);
  });

  it("answers 201 with Location of the version, ETag, and Last-Modified as an HTTP date, not ISO", async () => {
    const { status, headers, resource } = await client.create(somebody());
    expect(status).toBe(201);
    expect(headers.get("location")).toBe(`${twin.url}/Patient/${resource.id}/_history/1`);
    expect(headers.get("etag")).toBe('W/"1"');
    expect(headers.get("last-modified")).toMatch(HTTP_DATE);
    expect(headers.get("content-type")).toBe("application/fhir+json; charset=utf-8");
  });

  it.each([
    ["what cannot be parsed", "{", 400],
    ["what breaks base FHIR", { resourceType: "Patient", gender: "man" }, 400],
    ["another resource", { resourceType: "Observation" }, 400],
    ["what a business rule forbids", henrick({ gender: "other" }), 422],
  ])("refuses %s: 400 for what is no FHIR, 422 for a business rule", async (_, body, status) => {
    expect((await client.failure("POST", "/Patient", { body })).status).toBe(status);
  });
});

describe("update", () => {
  it.each([undefined, "another"])("answers 400 where the body's id is missing or different: %s", async (id) => {
    const path = `/Patient/${await registered()}`;
    const { id: _, ...body } = somebody();
    const refused = await client.failure("PUT", path, { body: id === undefined ? body : { ...body, id } });
    expect([refused.status, refused.resource.issue[0]?.expression]).toEqual([400, ["Patient.id"]]);
  });

  it("answers 201 when it created, under the client's id, else 200", async () => {
    const patient = somebody({ id: "put-1" });
    const created = await client.update(patient);
    expect([created.status, created.headers.get("location")]).toEqual([201, `${twin.url}/Patient/put-1/_history/1`]);
    expect((await client.update({ ...patient, telecom: [] as never })).status).toBe(400);
    const { telecom: _, ...changed } = patient;
    expect((await client.update(changed)).status).toBe(200);
  });

  it("answers 412, not 409, to a stale If-Match, and changes nothing", async () => {
    const id = await registered();
    expect((await client.update(somebody({ id }), { "If-Match": 'W/"1"' })).status).toBe(200);
    const refused = await client.failure("PUT", `/Patient/${id}`, {
      body: somebody({ id }),
      headers: { "If-Match": 'W/"1"' },
    });
    expect([refused.status, codesOf(refused.resource), await versionOf(id)]).toEqual([412, ["conflict"], 'W/"2"']);
  });

  it("with If-None-Match: * creates, and answers 412 where somebody is there, by id and by condition", async () => {
    const patient = somebody({ id: "new-only" });
    const headers = { "If-None-Match": "*" };
    const byCondition = () =>
      client.failure("PUT", `/Patient?identifier=${encodeURIComponent(mrnOf(patient))}`, { body: patient, headers });
    expect((await client.update(patient, headers)).status).toBe(201);
    for (const refused of [
      await client.failure("PUT", "/Patient/new-only", { body: patient, headers }),
      await byCondition(),
    ]) {
      expect([refused.status, codesOf(refused.resource)]).toEqual([412, ["conflict"]]);
    }
    expect(await versionOf("new-only")).toBe('W/"1"');
    await client.remove("new-only");
    expect((await byCondition()).status).toBe(201);
    expect((await client.update(somebody({ id: "new-too" }), { "If-None-Match": 'W/"1"' })).status).toBe(400);
  });
});

describe("read", () => {
  it("answers 200, 404, and after a delete 410, not 404", async () => {
    const id = await registered();
    expect((await client.read(id)).status).toBe(200);
    expect((await client.read("nobody")).status).toBe(404);
    await client.remove(id);
    expect((await client.read(id)).status).toBe(410);
  });

  it("answers 304 to an If-None-Match that is equal, and only to that", async () => {
    const id = await registered();
    for (const path of [`/Patient/${id}`, `/Patient/${id}/_history/1`]) {
      const same = await client.send("GET", path, { headers: { "If-None-Match": 'W/"1"' } });
      expect([same.status, same.resource, same.headers.get("etag")]).toEqual([304, undefined, 'W/"1"']);
      expect((await client.send("GET", path, { headers: { "If-None-Match": 'W/"2"' } })).status).toBe(200);
    }
  });

  it("ignores If-Modified-Since: two versions may be of one second", async () => {
    const id = await registered();
    const later = new Date(Date.now() + 60_000).toUTCString();
    expect((await client.read(id, { "If-Modified-Since": later })).status).toBe(200);
  });

  it("answers vread of an old version with 404 and an OperationOutcome that says why", async () => {
    const id = await registered();
    await client.update(somebody({ id }));
    const old = await client.failure("GET", `/Patient/${id}/_history/1`);
    expect([old.status, codesOf(old.resource)]).toEqual([404, ["not-found"]]);
    expect(old.resource.issue[0]?.diagnostics).toContain("only the current one");
    expect((await client.send("GET", `/Patient/${id}/_history/2`)).status).toBe(200);
  });
});

describe("delete", () => {
  it("is idempotent: 204 again and again, or 200 with an outcome, never 404", async () => {
    const id = await registered();
    for (const _ of [1, 2, 3]) {
      expect((await client.remove(id)).status).toBe(204);
    }
    expect((await client.remove("nobody")).status).toBe(204);
    const other = await registered();
    for (const severity of ["warning", "information"]) {
      const told = await client.remove(other, { Prefer: "return=OperationOutcome" });
      expect(told).toMatchObject({
        status: 200,
        resource: { resourceType: "OperationOutcome", issue: [{ severity }] },
      });
    }
  });

  it("can be undone by PUT, 201 and not 500, and the version goes on counting", async () => {
    const id = await registered();
    await client.remove(id);
    const revived = await client.update(somebody({ id }));
    expect([revived.status, revived.headers.get("etag")]).toEqual([201, 'W/"3"']);
  });
});

describe("If-None-Exist", () => {
  it("0 matches: 201; 1: 200, nothing done, its Location without a version; several: 412", async () => {
    const patient = somebody();
    const [{ system, value }] = patient.identifier as [{ system: string; value: string }];
    const condition = { "If-None-Exist": `identifier=${system}|${value}` };
    const first = await client.create(patient, condition);
    const second = await client.create({ ...patient, gender: "female" }, condition);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.headers.get("location")).toBe(`${twin.url}/Patient/${idIn(first.headers)}`);
    expect((await client.read(idIn(first.headers))).resource.gender).toBe("male");
    await client.update({ ...patient, id: "double", birthDate: "1960-01-01" });
    const several = await client.failure("POST", "/Patient", { body: patient, headers: condition });
    expect([several.status, codesOf(several.resource)]).toEqual([412, ["multiple-matches"]]);
  });

  it("is no race: of 50 at the same time one creates", async () => {
    const patient = somebody();
    const headers = { "If-None-Exist": `identifier=${mrnOf(patient)}` };
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.create(patient, headers)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.every((status) => [200, 201, 409].includes(status))).toBe(true);
    expect((await client.search(`?identifier=${encodeURIComponent(mrnOf(patient))}`)).resource.total).toBe(1);
  });
});

describe("conditional update", () => {
  const put = (patient: Patient, identifier = mrnOf(patient)) =>
    client.send<Patient>("PUT", `/Patient?identifier=${encodeURIComponent(identifier)}`, { body: patient });

  it("0 matches and no id: creates; 0 with id: update-as-create", async () => {
    expect((await put(somebody())).status).toBe(201);
    const named = await put(somebody({ id: "conditional-1" }));
    expect([named.status, idIn(named.headers)]).toEqual([201, "conditional-1"]);
  });

  it("1 match: updates it; where the body's id differs: 400", async () => {
    const patient = somebody();
    const created = await put(patient);
    const { telecom: _, ...changed } = patient;
    const updated = await put(changed);
    expect([updated.status, updated.headers.get("etag")]).toEqual([200, 'W/"2"']);
    expect(updated.resource.id).toBe(created.resource.id);
    expect((await put({ ...patient, id: "another" })).status).toBe(400);
  });

  it("several matches: 412", async () => {
    const patient = somebody();
    await client.update({ ...patient, id: "several-1" });
    await client.update({ ...patient, id: "several-2", birthDate: "1961-01-01" });
    expect((await put(patient)).status).toBe(412);
  });
});

describe("a condition on an identifier that is never recorded", () => {
  const DATA_ABSENT_REASON = {
    extension: [{ url: "http://hl7.org/fhir/StructureDefinition/data-absent-reason", valueCode: "masked" as const }],
  };
  const own = { system: "https://clinic.example/never-recorded", value: "123-45-6789" };

  it.each([
    [
      "of the type SSN in a system of its own",
      [{ ...own, type: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/v2-0203", code: "SS" }] } }],
    ],
    ["that is called an SSN", [{ ...own, type: { text: "Social Security" } }]],
    ["that repeats the SSN", [own, { system: "http://hl7.org/fhir/sid/us-ssn", value: "123456789" }]],
    ["that is marked as absent", [{ ...own, ...DATA_ABSENT_REASON }]],
    ["whose value is marked as absent", [{ ...own, _value: DATA_ABSENT_REASON }]],
  ])("is refused (400), as nobody could be found by one %s", async (_, identifier) => {
    const before = twin.particle.patients().length;
    const body = somebody({ identifier });
    const search = `identifier=${encodeURIComponent(`${own.system}|${own.value}`)}`;
    const refused = { status: 400, expression: [["Patient.identifier"]] };
    const told = ({ status, resource }: { status: number; resource: OperationOutcome }) => ({
      status,
      expression: resource.issue.map(({ expression }) => expression),
    });
    expect(told(await client.failure("PUT", `/Patient?${search}`, { body }))).toEqual(refused);
    const headers = { "If-None-Exist": search };
    expect(told(await client.failure("POST", "/Patient", { body, headers }))).toEqual(refused);
    const created = post(body, { ifNoneExist: search });
    const updated = { resource: body, request: { method: "PUT", url: `Patient?${search}` } } as const;
    const batch = await client.send<Bundle>("POST", "/", { body: bundleOf("batch", [created, updated]) });
    expect(statusesOf(batch)).toEqual(["400 Bad Request", "400 Bad Request"]);
    const transaction = await client.send("POST", "/", { body: bundleOf("transaction", [created, post(somebody())]) });
    expect(transaction.status).toBe(400);
    expect(twin.particle.patients()).toHaveLength(before);
  });

  it("may be on Particle's id of the patient, which leads to it", async () => {
    const { resource } = await client.create(somebody());
    const [given] = resource.identifier?.filter(({ system }) => system === SYSTEMS.patient_id) ?? [];
    const search = `identifier=${encodeURIComponent(`${given?.system}|${given?.value}`)}`;
    const { status } = await client.send("PUT", `/Patient?${search}`, { body: resource });
    expect(status).toBe(200);
  });
});

describe("conditional delete", () => {
  const remove = (patient: Patient) =>
    client.send("DELETE", `/Patient?identifier=${encodeURIComponent(mrnOf(patient))}`);

  it("deletes the one match, and none is fine", async () => {
    const patient = somebody();
    const { headers } = await client.create(patient);
    expect((await remove(patient)).status).toBe(204);
    expect((await client.read(idIn(headers))).status).toBe(410);
    expect((await remove(patient)).status).toBe(204);
  });

  it("is 'single', as the CapabilityStatement declares: several are 412", async () => {
    const patient = somebody();
    await client.update({ ...patient, id: "single-1" });
    await client.update({ ...patient, id: "single-2", birthDate: "1962-01-01" });
    expect((await remove(patient)).status).toBe(412);
    expect((await client.read("single-1")).status).toBe(200);
  });
});

describe("PATCH", () => {
  it("takes a JSON Patch, and a stale If-Match is never applied", async () => {
    const id = await registered();
    const patch = (body: unknown, headers = {}) =>
      client.send<Patient>("PATCH", `/Patient/${id}`, {
        body,
        headers: { "Content-Type": "application/json-patch+json", ...headers },
      });
    const city = [{ op: "replace", path: "/address/0/city", value: "Boston" }];
    expect((await patch(city, { "If-Match": 'W/"9"' })).status).toBe(412);
    expect(await versionOf(id)).toBe('W/"1"');
    const patched = await patch(city, { "If-Match": 'W/"1"' });
    expect([patched.status, patched.headers.get("etag")]).toEqual([200, 'W/"2"']);
  });
});

describe("search", () => {
  it("is served at POST _search, too, as a searchset with self, next and the mode of each entry", async () => {
    const shared = { value: "searched" };
    for (const _ of [1, 2, 3]) {
      const patient = somebody();
      await client.create({ ...patient, identifier: [...(patient.identifier ?? []), shared] });
    }
    const form = await client.send<Bundle<Patient>>("POST", "/Patient/_search?_count=2", {
      body: "identifier=searched",
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    });
    const url = await client.search("?identifier=searched&_count=2");
    for (const { status, resource } of [form, url]) {
      expect([status, resource.type, resource.total]).toEqual([200, "searchset", 3]);
      expect(resource.link?.map(({ relation }) => relation)).toEqual(["self", "next"]);
      expect(resource.entry?.map(({ search }) => search?.mode)).toEqual(["match", "match"]);
      expect(resource.entry?.[0]?.fullUrl).toBe(`${twin.url}/Patient/${resource.entry?.[0]?.resource?.id}`);
    }
  });

  it.each(["-1", "x", "1.5", "", "ge1", "%2B1", "1&_count=2"])("answers _count=%s with 400", async (count) => {
    expect((await client.failure("GET", `/Patient?_id=a&_count=${count}`)).status).toBe(400);
  });

  it.each([
    "family=x",
    "identifier:exact=x",
    "_id:missing=true",
    "identifier.value=x",
    "_sort=name",
    "_include=Patient:link",
    "_total=many",
    "_summary=everything",
    "_elements=surname",
    "_pretty=maybe",
    "_id=",
    "_id=,",
    "identifier=%7C",
    "identifier=https%3A%2F%2Fhospital.example%2Fmrn%7C",
    `_id=${Array.from({ length: 101 }, (_, number) => number).join()}`,
    "_elements=name&_summary=true",
    "_count=0",
    "_summary=count",
  ])("answers 400 and ignores no parameter that it does not understand: ?%s", async (query) => {
    const refused = await client.failure("GET", `/Patient?${query}`);
    expect(refused.status).toBe(400);
    expect(refused.resource.issue[0]?.diagnostics).toMatch(/\w/);
  });

  it("says under handling=lenient what it ignored, and shows in self what it understood", async () => {
    const id = await registered();
    const { status, resource } = await client.search(`?_id=${id}&family=x&_count=500&_sort=name`, {
      Prefer: "handling=lenient",
    });
    expect(status).toBe(200);
    expect(resource.entry?.map(({ search }) => search?.mode)).toEqual(["match", "outcome"]);
    expect(resource.link?.[0]?.url).toBe(`${twin.url}/Patient?_id=${id}&_count=50`);
  });

  it("takes a prefix for a part of a token, which has none", async () => {
    expect((await client.search("?_id=ge5")).resource.total).toBe(0);
  });

  it("gives at most 50 of a page, and says so in self", async () => {
    const { resource } = await client.search("?_id=nobody&_count=51");
    expect(resource.link?.[0]?.url).toBe(`${twin.url}/Patient?_id=nobody&_count=50`);
  });

  it("takes the parameters of the URL and of the form of a _search together", async () => {
    const [one, other] = [await registered(), await registered()];
    const search = (query: string, body: string) =>
      client.send<Bundle<Patient>>("POST", `/Patient/_search?${query}`, {
        body,
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
      });
    expect((await search("_count=1", `_id=${one},${other}`)).resource).toMatchObject({ total: 2, entry: [{}] });
    expect((await search(`_id=${one}`, `_id=${other}`)).resource.total).toBe(0);
    expect((await search("_count=1", "_count=2")).status).toBe(400);
  });

  it.each([
    ["a|b", "a|b", "a\\|b"],
    ["a,b", "a\\,b", "a\\,b"],
    ["a$b", "a$b", "a\\$b"],
    ["a\\b", "a\\\\b", "a\\\\b"],
    ["a\\", "a\\\\", "a\\\\"],
  ])("finds the value %j, written %j or %j, as conditions do", async (value, ...written) => {
    const patient = somebody({ identifier: [{ system: "urn:escaped", value }] });
    const id = idIn((await client.create(patient)).headers);
    for (const token of written) {
      const query = `?identifier=${encodeURIComponent(`urn:escaped|${token}`)}`;
      expect((await client.search(query)).resource.entry?.map(({ resource }) => resource?.id)).toEqual([id]);
      const again = await client.create(patient, { "If-None-Exist": `identifier=urn:escaped|${token}` });
      const update = await client.send<Patient>("PUT", `/Patient${query}`, { body: patient });
      expect([again.status, idIn(again.headers), update.status, update.resource.id]).toEqual([200, id, 200, id]);
    }
  });

  it.each(["padded-1\u200b", "\ufeff padded-2", "\u200epadded-3\u200e "])(
    "finds the value %j by what it is recorded as, without what shows nothing at its ends",
    async (value) => {
      const patient = somebody({ identifier: [{ system: "urn:padded", value }] });
      const id = idIn((await client.create(patient)).headers);
      for (const written of [value, value.replace(/[^\w-]/g, "")]) {
        const query = `?identifier=${encodeURIComponent(`urn:padded|${written}`)}`;
        expect((await client.search(query)).resource.total).toBe(1);
        const headers = { "If-None-Exist": query.slice(1) };
        const again = await client.create({ ...patient, gender: "female" }, headers);
        expect([again.status, idIn(again.headers)]).toEqual([200, id]);
        expect((await client.send<Patient>("PUT", `/Patient${query}`, { body: patient })).resource.id).toBe(id);
      }
    },
  );

  it("takes an unescaped comma for one between alternatives, of which a condition has none", async () => {
    const body = somebody({ identifier: [{ system: "urn:escaped", value: "c,d" }] });
    expect((await client.failure("PUT", "/Patient?identifier=urn:escaped%7Cc,d", { body })).status).toBe(400);
  });

  it("takes a repeated parameter as a further condition", async () => {
    const [one, other] = [await registered(), await registered()];
    expect((await client.search(`?_id=${one},${other}`)).resource.total).toBe(2);
    expect((await client.search(`?_id=${one}&_id=${other}`)).resource.total).toBe(0);
  });

  it("counts only, for _summary=count and _count=0", async () => {
    const id = await registered();
    for (const query of [`?_id=${id}&_summary=count`, `?_id=${id}&_count=0`]) {
      const { status, resource } = await client.search(query);
      expect([status, resource.total, resource.entry, resource.link?.length]).toEqual([200, 1, undefined, 1]);
    }
  });

  it("tells a total where it knows one, unless _total=none", async () => {
    const id = await registered();
    expect((await client.search(`?_id=${id}&_total=accurate`)).resource.total).toBe(1);
    expect((await client.search(`?_id=${id}&_total=none`)).resource.total).toBeUndefined();
    const list = await client.search("?_total=accurate&_count=1");
    expect(list.resource.total).toBeUndefined();
    expect(list.resource.entry?.at(-1)).toMatchObject({ search: { mode: "outcome" } });
  });
});

describe("batch and transaction", () => {
  const send = (type: "batch" | "transaction", ...entries: BundleEntry[]) =>
    client.send<Bundle>("POST", "/", { body: bundleOf(type, entries) });
  const fail = (type: "batch" | "transaction", ...entries: BundleEntry[]) =>
    client.failure("POST", "/", { body: bundleOf(type, entries) });

  it("batch: answers in request order, each with response.status, and response.outcome on failure", async () => {
    const id = await registered();
    const answer = await send("batch", get("Patient/nobody"), post(somebody()), get(`Patient/${id}`));
    expect([answer.status, answer.resource.type]).toEqual([200, "batch-response"]);
    expect(statusesOf(answer)).toEqual(["404 Not Found", "201 Created", "200 OK"]);
    const [failed, created, read] = entriesOf(answer);
    expect(issuesOf(failed?.response?.outcome)).toEqual([["not-found", undefined]]);
    expect(created?.response).toMatchObject({ etag: 'W/"1"', location: /\/_history\/1$/ });
    expect(read?.resource).toMatchObject({ resourceType: "Patient", id });
  });

  it("transaction order: POST before GET, wherever they stand", async () => {
    const patient = somebody();
    const search = get(`Patient?identifier=${encodeURIComponent(mrnOf(patient))}`);
    const answer = await send("transaction", search, post(patient), search);
    expect([answer.resource.type, statusesOf(answer)]).toEqual([
      "transaction-response",
      ["200 OK", "201 Created", "200 OK"],
    ]);
    const totals = entriesOf(answer).map(({ resource }) => (resource as Bundle).total);
    expect(totals).toEqual([1, undefined, 1]);
  });

  it("transaction: two entries for one identity fail", async () => {
    const patient = somebody();
    const refused = await fail("transaction", post(patient), post(patient));
    expect([refused.status, issuesOf(refused.resource)]).toEqual([400, [["duplicate", "Bundle.entry[1]"]]]);
    expect((await client.search(`?identifier=${encodeURIComponent(mrnOf(patient))}`)).resource.total).toBe(0);
  });

  it("transaction: what could not be taken back is 422 not-supported, before anything is sent", async () => {
    const patient = somebody();
    for (const other of [remove("Patient/nobody"), put(somebody({ id: "tx-put" })), get("Observation/1")]) {
      const refused = await fail("transaction", post(patient), other);
      expect([refused.status, codesOf(refused.resource)]).toEqual([422, ["not-supported"]]);
    }
    const several = await fail("transaction", get("Observation/1"), remove("Patient/nobody"), post(patient));
    expect(issuesOf(several.resource)).toEqual([
      ["not-supported", "Bundle.entry[0].request.url"],
      ["not-supported", "Bundle.entry[1].request"],
    ]);
    const many = await fail("transaction", ...Array.from({ length: 21 }, () => post(somebody())));
    expect([many.status, codesOf(many.resource)]).toEqual([422, ["too-costly"]]);
    expect((await client.search(`?identifier=${encodeURIComponent(mrnOf(patient))}`)).resource.total).toBe(0);
  });

  it("entries keep their own preconditions", async () => {
    const id = await registered();
    const patient = somebody();
    const answer = await send(
      "batch",
      put(somebody({ id }), { ifMatch: 'W/"9"' }),
      get(`Patient/${id}`, { ifNoneMatch: 'W/"1"' }),
      put(somebody({ id }), { ifNoneMatch: "*" }),
      post(patient, { ifNoneExist: `identifier=${mrnOf(patient)}` }),
      post(patient, { ifNoneExist: `identifier=${mrnOf(patient)}` }),
      post(somebody(), { ifMatch: 'W/"1"' }),
    );
    expect(statusesOf(answer).map((status) => status?.slice(0, 3))).toEqual(["412", "304", "412", "201", "200", "400"]);
  });

  it("entries name this server with or without its base, and no other", async () => {
    const id = await registered();
    const urls = [
      `Patient/${id}/`,
      `Patient/${id}`,
      `/Patient/${id}`,
      `${twin.url}/Patient/${id}`,
      `https://elsewhere.example/Patient/${id}`,
    ];
    const answer = await send("batch", ...urls.map((url) => get(url)));
    expect(statusesOf(answer).map((status) => status?.slice(0, 3))).toEqual(["200", "200", "200", "200", "422"]);
  });

  it("the resource of a GET or a DELETE is not looked at", async () => {
    const resource = somebody({ gender: "man" as never });
    const id = await registered();
    const answer = await send(
      "batch",
      { ...get(`Patient/${id}`), resource },
      { ...remove("Patient/nobody"), resource },
    );
    expect(statusesOf(answer)).toEqual(["200 OK", "204 No Content"]);
  });

  it("a Bundle without entries is answered without entries", async () => {
    for (const type of ["batch", "transaction"] as const) {
      const { status, resource } = await send(type);
      expect([status, resource]).toEqual([200, { resourceType: "Bundle", type: `${type}-response` }]);
    }
  });

  it.each([
    ["an empty list of entries", { entry: [] }, "Bundle.entry"],
    ["an entry without a request", { entry: [{ resource: henrick() }] }, "Bundle.entry[0].request"],
    [
      "a method in lower case",
      { entry: [get("Patient/x", { method: "get" as never })] },
      "Bundle.entry[0].request.method",
    ],
    [
      "a PUT without a resource",
      { entry: [{ request: { method: "PUT", url: "Patient/x" } }] },
      "Bundle.entry[0].resource",
    ],
  ])("%s is 400", async (_, content, expression) => {
    const refused = await client.failure("POST", "/", { body: { ...bundleOf("batch", []), ...content } });
    expect([refused.status, issuesOf(refused.resource)]).toMatchObject([400, [[expect.any(String), expression]]]);
  });
});

describe("Prefer", () => {
  it.each([
    ["minimal", undefined],
    ["representation", "Patient"],
    ["OperationOutcome", "OperationOutcome"],
  ])("return=%s answers %s", async (shape, resourceType) => {
    const { status, resource } = await client.create(somebody(), { Prefer: `return=${shape}` });
    expect([status, resource?.resourceType]).toEqual([201, resourceType]);
  });

  it("handling=lenient lets faults pass that feed nothing, strict does not", async () => {
    const odd = { ...somebody(), maritalStatus: [] as never };
    expect((await client.create(odd, { Prefer: "handling=strict" })).status).toBe(400);
    expect((await client.create(odd, { Prefer: "handling=lenient" })).status).toBe(201);
  });
});

describe("negotiation", () => {
  it.each([
    ["application/fhir+json", "application/fhir+json"],
    ["application/fhir+json; fhirVersion=4.0", "application/fhir+json"],
    ["application/json", "application/json"],
    ["text/json", "text/json"],
    ["*/*", "application/fhir+json"],
    ["application/*;q=0.1", "application/fhir+json"],
    ["application/fhir+xml;q=1, application/fhir+json;q=0.5", "application/fhir+json"],
    ["application/fhir+json;q=0, application/json", "application/json"],
  ])("Accept: %s is answered in %s", async (accept, type) => {
    const { status, headers } = await client.read(await registered(), { Accept: accept });
    expect([status, headers.get("content-type")]).toEqual([200, `${type}; charset=utf-8`]);
  });

  it.each([
    "application/fhir+xml",
    "text/html",
    "application/fhir+json;fhirVersion=3.0",
    "*/*;q=0",
    "application/json;q=0",
  ])("Accept: %s is 406", async (accept) => {
    const refused = await client.failure("GET", "/Patient/x", { headers: { Accept: accept } });
    expect([refused.status, codesOf(refused.resource)]).toEqual([406, ["not-supported"]]);
  });

  it.each(["json", "application/json", "application/fhir%2Bjson", "application/fhir+json", "text/json"])(
    "_format=%s overrides Accept",
    async (format) => {
      const headers = { Accept: "application/fhir+xml" };
      expect((await client.send("GET", `/metadata?_format=${format}`, { headers })).status).toBe(200);
    },
  );

  it.each(["xml", "ttl", "html", "application/fhir%2Bxml"])(
    "_format=%s is 406 whatever is accepted",
    async (format) => {
      expect((await client.failure("GET", `/metadata?_format=${format}`)).status).toBe(406);
    },
  );

  it("_format counts in the form of a search, too", async () => {
    const body = "_id=x&_format=xml";
    const headers = { "Content-Type": "application/x-www-form-urlencoded" };
    expect((await client.failure("POST", "/Patient/_search", { body, headers })).status).toBe(406);
  });

  it.each(["application/fhir+json", "application/json", "application/fhir+json; charset=UTF-8; fhirVersion=4.0"])(
    "a body of %s is read",
    async (type) => {
      expect((await client.create(somebody(), { "Content-Type": type })).status).toBe(201);
    },
  );

  it.each([
    "application/fhir+xml",
    "text/plain",
    "application/json;charset=latin1",
    "application/fhir+json;fhirVersion=5.0",
  ])("a body of %s is 415", async (type) => {
    expect((await client.create(somebody(), { "Content-Type": type })).status).toBe(415);
  });
});

describe("the form of what is answered", () => {
  const SUBSETTED = { code: "SUBSETTED", system: "http://terminology.hl7.org/CodeSystem/v3-ObservationValue" };

  it("_pretty is for the eye", async () => {
    const path = `${twin.url}/Patient/${await registered()}`;
    expect(await (await fetch(`${path}?_pretty=true`)).text()).toContain('\n  "resourceType"');
    expect(await (await fetch(path)).text()).not.toContain("\n");
  });

  it.each([
    ["_elements=birthDate,gender", ["birthDate", "gender", "id", "meta", "resourceType"]],
    ["_summary=text", ["id", "meta", "resourceType"]],
    [
      "_summary=true",
      ["address", "birthDate", "gender", "id", "identifier", "meta", "name", "resourceType", "telecom"],
    ],
    [
      "_summary=data",
      ["address", "birthDate", "gender", "id", "identifier", "meta", "name", "resourceType", "telecom"],
    ],
  ])("?%s leaves the rest out and says so with SUBSETTED", async (query, names) => {
    const id = await registered();
    const read = (await client.send<Patient>("GET", `/Patient/${id}?${query}`)).resource;
    const vread = (await client.send<Patient>("GET", `/Patient/${id}/_history/1?${query}`)).resource;
    const found = (await client.search(`?_id=${id}&${query}`)).resource.entry?.[0]?.resource;
    for (const patient of [read, vread, found]) {
      expect(Object.keys(patient ?? {}).sort()).toEqual(names);
      expect(patient?.meta?.tag).toEqual([SUBSETTED]);
    }
  });

  it("_summary=false is everything, without the tag", async () => {
    const { resource } = await client.send<Patient>("GET", `/Patient/${await registered()}?_summary=false`);
    expect([resource.meta?.tag, resource.name?.length]).toEqual([undefined, 1]);
  });

  it("counts for what a write answers, too", async () => {
    const { resource } = await client.send<Patient>("POST", "/Patient?_elements=gender", { body: somebody() });
    expect([resource.gender, resource.name]).toEqual(["male", undefined]);
  });

  it.each(["_elements=surname", "_summary=count", "_summary=x", "_include=x", "identifier=x"])(
    "a read with ?%s is 400",
    async (query) => {
      expect((await client.failure("GET", `/Patient/${await registered()}?${query}`)).status).toBe(400);
    },
  );
});

describe("OperationOutcome", () => {
  it("has one issue per fault, with a sentence in diagnostics and a FHIRPath in expression, never location", async () => {
    const body = { resourceType: "Patient", gender: "man", birthDate: "2020-02-30", contact: [{}] };
    const { status, resource } = await client.failure("POST", "/Patient", { body });
    expect(status).toBe(400);
    const { issue } = resource as OperationOutcome;
    expect(issue.length).toBeGreaterThanOrEqual(3);
    for (const one of issue) {
      expect(one.diagnostics).toMatch(/^[A-Z].*\.( \([a-z]+-\d\))?$/);
      expect(one.expression?.[0]).toMatch(/^Patient/);
      expect(one.location).toBeUndefined();
    }
  });
});

describe("CapabilityStatement", () => {
  it("is served at /metadata, and is of this server", async () => {
    const { status, resource } = await client.send<CapabilityStatement>("GET", "/metadata");
    expect(status).toBe(200);
    expect(resource).toMatchObject({
      resourceType: "CapabilityStatement",
      fhirVersion: "4.0.1",
      implementation: { url: twin.url },
      rest: [{ mode: "server", resource: [{ type: "Patient" }] }],
    });
  });
});

describe("SMART", () => {
  it("is not advertised where callers sign with AWS credentials", async () => {
    expect((await client.failure("GET", "/.well-known/smart-configuration")).status).toBe(404);
  });
});
