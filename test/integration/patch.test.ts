import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN } from "../support/registration-harness.ts";

let twin: Twin;
let client: FhirClient;
let people = 0;

beforeAll(async () => {
  twin = await startAdapter();
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

const registered = async (): Promise<string> => {
  people += 1;
  const { headers } = await client.create(henrick({ identifier: [{ system: MRN.system, value: `${people}` }] }));
  return idIn(headers);
};
const patch = (id: string, operations: unknown, headers: Record<string, string> = {}) =>
  client.failure("PATCH", `/Patient/${id}`, {
    body: operations,
    headers: { "Content-Type": "application/json-patch+json", ...headers },
  });

describe("PATCH", () => {
  it.each([
    ["a property that every object inherits", { op: "add", path: "/toString/call", value: 1 }],
    ["one that every list inherits", { op: "add", path: "/name/slice/call", value: 1 }],
    ["one of them as a source", { op: "copy", from: "/name/map", path: "/birthDate" }],
    ["what is below a text", { op: "add", path: "/birthDate/x", value: 1 }],
    ["a letter of a text", { op: "remove", path: "/birthDate/0" }],
    ["the length of a text", { op: "replace", path: "/name/0/family/length", value: 1 }],
    ["the length of a list", { op: "remove", path: "/identifier/length" }],
    ["the end of a list, where something has to be", { op: "replace", path: "/identifier/-", value: {} }],
    ["a place beyond the end of a list", { op: "add", path: "/identifier/7", value: {} }],
    ["a place with a leading zero", { op: "remove", path: "/identifier/00" }],
    ["itself, to be moved into", { op: "move", from: "/name", path: "/name/0/x" }],
  ])("cannot touch %s", async (_, operation) => {
    const id = await registered();
    const { status, resource } = await patch(id, [operation]);
    expect([status, resource.issue]).toMatchObject([422, [{ code: "value" }]]);
    expect((await client.read(id)).headers.get("etag")).toBe('W/"1"');
    expect(
      (await patch(id, [{ op: "add", path: "/telecom/-", value: { system: "email", value: "a@b.example" } }])).status,
    ).toBe(200);
  });

  it("refuses to copy more than a Patient may hold, before it does", async () => {
    const id = await registered();
    const doubling = Array.from({ length: 200 }, (_, n) => ({ op: "copy", from: "/name", path: `/name/0/x${n}` }));
    const { status, resource } = await patch(id, doubling);
    expect(status).toBe(422);
    expect(resource).toMatchObject({ issue: [{ code: "too-costly" }] });
    expect((await client.read(id)).headers.get("etag")).toBe('W/"1"');
  });

  it("applies a JSON Patch to the Patient as this server answers it", async () => {
    const id = await registered();
    const answer = await patch(id, [
      { op: "test", path: "/address/0/city", value: "Roxbury" },
      { op: "replace", path: "/address/0/city", value: "Boston" },
      { op: "remove", path: "/telecom" },
    ]);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("etag")).toBe('W/"2"');
    expect(answer.resource).toMatchObject({ address: [{ city: "Boston" }] });
    expect((await client.read(id)).resource.telecom).toBeUndefined();
  });

  it.each([
    ["a test that fails", [{ op: "test", path: "/gender", value: "female" }], 422],
    ["an element that is not there", [{ op: "remove", path: "/photo/0" }], 422],
    ["a result that is no valid Patient", [{ op: "replace", path: "/gender", value: "man" }], 422],
    ["a result that Particle cannot hold", [{ op: "remove", path: "/birthDate" }], 422],
    ["another id", [{ op: "replace", path: "/id", value: "other" }], 422],
    ["an unknown operation", [{ op: "mend", path: "/gender" }], 400],
    ["no array", { op: "remove", path: "/gender" }, 400],
    ["no operation", [], 400],
    ["a path into the process", [{ op: "add", path: "/__proto__/polluted", value: true }], 400],
    ["no pointer", [{ op: "add", path: "gender", value: "male" }], 400],
  ])("refuses %s and changes nothing", async (_, operations, status) => {
    const id = await registered();
    const refused = await patch(id, operations);
    expect(refused.status).toBe(status);
    expect(refused.resource.resourceType).toBe("OperationOutcome");
    expect((await client.read(id)).headers.get("etag")).toBe('W/"1"');
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  });

  it("refuses other media types, unknown and deleted patients", async () => {
    const id = await registered();
    const merge = { "Content-Type": "application/merge-patch+json" };
    expect((await patch(id, [], merge)).status).toBe(415);
    const gender = [{ op: "replace", path: "/gender", value: "female" }];
    expect((await patch("unknown", gender)).status).toBe(404);
    await client.remove(id);
    expect((await patch(id, gender)).status).toBe(410);
  });
});
