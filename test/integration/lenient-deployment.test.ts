import type { OperationOutcome, Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { bundleOf, patch, post, statusesOf } from "../support/bundle-requests.ts";
import { type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN } from "../support/registration-harness.ts";

let twin: Twin;
let client: FhirClient;
let people = 0;

beforeAll(async () => {
  twin = await startAdapter({ environment: { VALIDATION: "lenient" } });
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

const STRICT = { Prefer: "handling=strict" };
const REMARKS = { Prefer: "return=OperationOutcome" };

/** A person of their own, with an array where R4 has one object, in an element that feeds nothing. */
function odd(change: Partial<Patient> = {}): Patient {
  people += 1;
  const identifier = [{ system: MRN.system, value: `${people}` }];
  return henrick({ identifier, maritalStatus: [{ text: "single" }] as never, ...change });
}
/** The faults of an outcome; it may remark on more that is none. */
const remarked = (resource: unknown) =>
  (resource as OperationOutcome).issue
    .filter(({ severity }) => severity !== "information")
    .map(({ severity, expression }) => `${severity} ${expression}`);

describe("A deployment that validates leniently", () => {
  it("registers what has faults only in elements that feed nothing, and remarks on them", async () => {
    const { status, resource } = await client.create(odd(), REMARKS);
    expect([status, remarked(resource)]).toEqual([201, ["warning Patient.maritalStatus"]]);
  });

  it("refuses a fault in what feeds Particle", async () => {
    const { status, resource } = await client.create(odd({ birthDate: "1957-02-30" }));
    expect(status).toBe(400);
    expect(remarked(resource)).toEqual(["error Patient.birthDate", "warning Patient.maritalStatus"]);
  });

  it("is strict with whoever asks for it", async () => {
    const { status, resource } = await client.create(odd(), STRICT);
    expect([status, remarked(resource)]).toEqual([400, ["error Patient.maritalStatus"]]);
  });

  it("judges updates, patches and $validate alike", async () => {
    const id = idIn((await client.create(odd())).headers);
    const patient = odd({ id });
    expect((await client.update(patient, STRICT)).status).toBe(400);
    expect(remarked((await client.update(patient, REMARKS)).resource)).toEqual(["warning Patient.maritalStatus"]);

    const operations = [
      { op: "add", path: "/maritalStatus", value: [] },
      { op: "replace", path: "/address/0/city", value: "Boston" },
    ];
    const patching = (headers: Readonly<Record<string, string>>) =>
      client.send("PATCH", `/Patient/${id}`, {
        body: operations,
        headers: { "Content-Type": "application/json-patch+json", ...headers },
      });
    expect((await patching(STRICT)).status).toBe(422);
    const patched = await patching(REMARKS);
    expect([patched.status, remarked(patched.resource)]).toEqual([200, ["warning Patient.maritalStatus"]]);

    const validated = await client.send("POST", "/Patient/$validate", { body: patient });
    expect(remarked(validated.resource)).toEqual(["warning Patient.maritalStatus"]);
    const strictly = await client.send("POST", "/Patient/$validate", { body: patient, headers: STRICT });
    expect(remarked(strictly.resource)).toEqual(["error Patient.maritalStatus"]);
  });

  it("judges the entries of a Bundle alike", async () => {
    const id = idIn((await client.create(odd())).headers);
    const operations = [{ op: "add", path: "/maritalStatus", value: [] }];
    const sent = () => bundleOf("batch", [post(odd()), patch(id, operations)]);
    const lenient = await client.send("POST", "/", { body: sent() });
    expect(statusesOf(lenient)).toEqual(["201 Created", "200 OK"]);
    const strict = await client.send("POST", "/", { body: sent(), headers: STRICT });
    expect(statusesOf(strict)).toEqual(["400 Bad Request", "422 Unprocessable Entity"]);
  });

  it("refuses unknown parameters all the same, unless the request itself is lenient", async () => {
    expect((await client.search("?family=Testingson")).status).toBe(400);
    expect((await client.search("?family=Testingson", { Prefer: "handling=lenient" })).status).toBe(200);
    expect((await client.send("POST", "/Patient?family=x", { body: odd() })).status).toBe(400);
  });
});
