import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { codesOf, type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, henrickWithSsn, MRN, SYSTEMS } from "../support/registration-harness.ts";

const BOSTON = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

let twin: Twin;
let client: FhirClient;
let people = 0;
/** Somebody who was never sent before. */
const somebody = (changes: Parameters<typeof henrick>[0] = {}) => {
  people += 1;
  return henrick({ identifier: [{ system: MRN.system, value: `person-${people}` }], ...changes });
};
const particleCalls = (method: string) => twin.particle.requests().filter((request) => request.method === method);

beforeAll(async () => {
  twin = await startAdapter();
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());
afterEach(() => {
  twin.particle.reset();
  twin.particle.clearRequests();
});

describe("the life of a patient", () => {
  it("is registered, read, updated, deleted, gone, and revived", async () => {
    const created = await client.create(henrickWithSsn());
    expect(created.status).toBe(201);
    const id = idIn(created.headers);
    expect(created.headers.get("location")).toBe(`${twin.url}/Patient/${id}/_history/1`);
    expect(created.headers.get("etag")).toBe('W/"1"');
    expect(created.headers.get("last-modified")).toMatch(HTTP_DATE);
    expect(created.headers.get("content-type")).toBe("application/fhir+json; charset=utf-8");

    const read = await client.read(id);
    expect(read).toMatchObject({ status: 200, resource: { resourceType: "Patient", id, meta: { versionId: "1" } } });
    const ids = read.resource.identifier?.map(({ system }) => system);
    expect(ids).toEqual(expect.arrayContaining([MRN.system, SYSTEMS.patient_id, SYSTEMS.particle_patient_id]));
    expect(JSON.stringify(read.resource)).not.toContain("123-45-6789");
    expect(read.resource).toEqual(created.resource);

    const updated = await client.update({ ...henrick(), id, address: BOSTON });
    expect(updated).toMatchObject({ status: 200, resource: { address: [{ city: "Boston" }] } });
    expect(updated.headers.get("etag")).toBe('W/"2"');
    expect(twin.particle.patients()).toMatchObject([{ address_city: "Boston", ssn: "123-45-6789" }]);

    expect(await client.remove(id)).toMatchObject({ status: 204, resource: undefined });
    expect(await client.remove(id)).toMatchObject({ status: 204 });
    expect(twin.particle.patients()).toEqual([]);
    const gone = await client.failure("GET", `/Patient/${id}`);
    expect(gone.status).toBe(410);
    expect(codesOf(gone.resource)).toEqual(["deleted"]);

    const revived = await client.update({ ...henrick(), id });
    expect(revived.status).toBe(201);
    expect(revived.headers.get("etag")).toBe('W/"4"');
    await client.remove(id);
  });
});

describe("a repeated request", () => {
  it("registers no second patient for a repeated POST, nor for a repeated Idempotency-Key", async () => {
    const patient = somebody();
    const first = await client.create(patient);
    const repeated = await client.create(patient);
    expect(repeated.status).toBe(200);
    expect(repeated.headers.get("location")).toBe(`${twin.url}/Patient/${idIn(first.headers)}`);
    const keyed = { "Idempotency-Key": "one" };
    const once = await client.create(patient, keyed);
    const again = await client.create(patient, keyed);
    expect([once.status, again.status]).toEqual([201, 201]);
    expect(again.headers.get("location")).toBe(once.headers.get("location"));
  });

  it("keeps the keys of two callers apart", async () => {
    const headers = { "Idempotency-Key": "two" };
    const one = await client.create(somebody(), { ...headers, "x-local-caller": "one" });
    const other = await client.create(somebody(), { ...headers, "x-local-caller": "other" });
    expect([one.status, other.status]).toEqual([201, 201]);
    expect(idIn(other.headers)).not.toBe(idIn(one.headers));
  });
});

describe("what Particle cannot hold", () => {
  it("is refused with everything that Particle needs and the Patient lacks", async () => {
    const refused = await client.failure("POST", "/Patient", { body: { resourceType: "Patient", active: true } });
    expect(refused.status).toBe(422);
    const expressions = refused.resource.issue.flatMap(({ expression = [] }) => expression);
    expect(expressions.sort()).toEqual(["Patient.address", "Patient.birthDate", "Patient.gender", "Patient.name"]);
  });
});

describe("when Particle misbehaves", () => {
  it("reads the token once again when it is refused", async () => {
    await client.create(somebody());
    twin.particle.configure({ expireTokens: true });
    await twin.invoke("RefreshToken", {});
    twin.particle.clearRequests();
    expect((await client.create(somebody())).status).toBe(201);
    expect(particleCalls("POST").map(({ status }) => status)).toEqual([401, 200]);
  });

  it("tries again after 5xx", async () => {
    twin.particle.configure({ faults: [{ fault: "status", status: 503, methods: ["POST"], times: 2 }] });
    expect((await client.create(somebody())).status).toBe(201);
    expect(particleCalls("POST").map(({ status }) => status)).toEqual([503, 503, 200]);
  });

  it("makes one patient of a request that was carried out and lost on the way back", async () => {
    const before = twin.particle.patients().length;
    twin.particle.configure({ faults: [{ fault: "reset-after-commit", methods: ["POST"], times: 1 }] });
    expect((await client.create(somebody())).status).toBe(201);
    expect(twin.particle.patients().length).toBe(before + 1);
  });

  it("says 429 and when to come back where no time is left to wait", async () => {
    twin.particle.configure({ faults: [{ fault: "status", status: 429, retryAfterSeconds: 90, methods: ["POST"] }] });
    const patient = somebody();
    const throttled = await client.failure("POST", "/Patient", { body: patient });
    expect(throttled.status).toBe(429);
    expect(throttled.headers.get("retry-after")).toBe("90");
    expect(codesOf(throttled.resource)).toEqual(["throttled"]);
    twin.particle.reset();
    expect((await client.create(patient)).status).toBe(201);
  });

  it("passes on why Particle refused, without the values", async () => {
    const message = 'family_name "Testingson" of HENRICK at 123 Mulberry Court is not allowed';
    twin.particle.configure({ faults: [{ fault: "status", status: 400, message, methods: ["POST"] }] });
    const refused = await client.failure("POST", "/Patient", { body: somebody() });
    expect(refused.status).toBe(422);
    expect(refused.resource.issue[0]?.diagnostics).toMatch(/family_name .* is not allowed/);
    expect(JSON.stringify(refused.resource)).not.toMatch(/testingson|henrick|mulberry/i);
  });

  it("says that a registered patient is not at Particle any more", async () => {
    const { headers } = await client.create(somebody());
    twin.particle.configure({ faults: [{ fault: "status", status: 404, methods: ["GET"], paths: "/patients/" }] });
    const lost = await client.failure("GET", `/Patient/${idIn(headers)}`);
    expect(lost.status).toBe(404);
    expect(lost.resource.issue[0]?.diagnostics).toContain("Particle does not hold it");
  });
});

describe("when the table does not answer", () => {
  afterEach(() => {
    twin.dynamodb.release();
    twin.dynamodb.configure({});
  });

  it("gives up in time to say so, and does nothing at Particle", async () => {
    twin.dynamodb.configure({ hold: { write: 1, at: "before" } });
    const patient = somebody();
    const work = client.failure("POST", "/Patient", { body: patient });
    await twin.dynamodb.held();
    twin.dynamodb.configure({ resetBeforeWrite: { probability: 1 } });
    const failed = await work;
    expect(failed.status).toBe(503);
    expect(failed.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(particleCalls("POST")).toEqual([]);
  });
});

describe("privacy", () => {
  it("logs no patient data, on success and on failure", async () => {
    await client.create(henrickWithSsn({ identifier: [{ system: MRN.system, value: "secret-mrn" }] }));
    await client.failure("POST", "/Patient", { body: henrick({ gender: "other" }) });
    await client.search("?identifier=secret-mrn");
    const logged = JSON.stringify(twin.logs());
    expect(logged).toContain("request-answered");
    expect(logged).not.toMatch(/testingson|henrick|mulberry|roxbury|123-45-6789|1957-03-23|secret-mrn/i);
  });
});
