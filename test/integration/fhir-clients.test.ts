import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { MedplumClient, OperationOutcomeError } from "@medplum/core";
import type { OperationOutcome, Patient } from "fhir/r4";
import { type FhirResource, Client as KitClient } from "fhir-kit-client";
import smart from "fhirclient";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN } from "../support/registration-harness.ts";

let twin: Twin;

beforeAll(async () => {
  twin = await startAdapter();
}, 120_000);
afterAll(() => twin?.close());

const BOSTON = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];
const PATCH = [{ op: "replace" as const, path: "/address/0/city", value: "Cambridge" }];

/** Somebody of one client's, all of whom share an identifier. */
const somebody = (whose: string, number: number): Patient =>
  henrick({ identifier: [{ system: MRN.system, value: `${whose}-${number}` }, { value: whose }] });

const rejection = async (request: Promise<unknown>): Promise<unknown> =>
  request.then(
    () => expect.unreachable("The request should have failed."),
    (error: unknown) => error,
  );

type Page = FhirResource & {
  readonly total: number;
  readonly entry: readonly { readonly resource: { readonly id: string } }[];
  readonly link: { relation: string; url: string }[];
};

describe("fhir-kit-client", () => {
  const kit = () => new KitClient({ baseUrl: twin.url });
  const resourceType = "Patient";

  it("goes through the life of a patient", async () => {
    const created = (await kit().create({ resourceType, body: { ...somebody("kit", 1) } })) as Patient;
    const id = created.id ?? "";
    expect(await kit().read({ resourceType, id })).toMatchObject({ resourceType, id, meta: { versionId: "1" } });
    const updated = await kit().update({ resourceType, id, body: { ...somebody("kit", 1), id, address: BOSTON } });
    expect(updated).toMatchObject({ address: [{ city: "Boston" }], meta: { versionId: "2" } });
    const patched = await kit().patch({ resourceType, id, jsonPatch: PATCH });
    expect(patched).toMatchObject({ address: [{ city: "Cambridge" }], meta: { versionId: "3" } });
    expect(await kit().vread({ resourceType, id, version: "3" })).toMatchObject({ id });
    await kit().delete({ resourceType, id });
    expect(await rejection(kit().read({ resourceType, id }))).toMatchObject({
      response: { status: 410, data: { resourceType: "OperationOutcome", issue: [{ code: "deleted" }] } },
    });
  });

  it("searches by GET and by POST, and pages", async () => {
    for (const number of [2, 3, 4]) {
      await kit().create({ resourceType, body: { ...somebody("kit-many", number) } });
    }
    const searchParams = { identifier: "|kit-many", _count: 2 };
    const first = (await kit().search({ resourceType, searchParams })) as Page;
    const second = (await kit().nextPage({ bundle: first })) as Page;
    const found = [...first.entry, ...second.entry].map(({ resource }) => resource.id);
    expect([first.total, first.entry.length, new Set(found).size]).toEqual([3, 2, 3]);
    const posted = await kit().search({ resourceType, searchParams, options: { postSearch: true } });
    expect(posted).toMatchObject({ type: "searchset", total: 3 });
  });

  it("sees every fault of a body, and what the server can do", async () => {
    const error = await rejection(
      kit().create({ resourceType, body: { resourceType, gender: "man", birthDate: "x" } }),
    );
    expect(error).toMatchObject({
      response: {
        status: 400,
        data: { issue: [{ expression: ["Patient.gender"] }, { expression: ["Patient.birthDate"] }] },
      },
    });
    expect(await kit().capabilityStatement()).toMatchObject({ resourceType: "CapabilityStatement" });
    const validated = await kit().operation({
      name: "validate",
      resourceType,
      method: "POST",
      input: { ...somebody("kit", 9) },
    });
    expect(validated).toMatchObject({ resourceType: "OperationOutcome", issue: [{ severity: "information" }] });
  });
});

/** This client's types describe resources of its own. */
const json = (patient: Patient) => JSON.parse(JSON.stringify(patient));

describe("fhirclient", () => {
  /** As in a server, which has a request of a browser's at hand and keeps what it knows of its user. */
  const client = () => {
    const request = new IncomingMessage(new Socket());
    const storage = {
      get: async () => undefined,
      set: async (_: string, value: unknown) => value,
      unset: async () => false,
    };
    return smart(request, new ServerResponse(request), storage).client(twin.url);
  };

  it("goes through the life of a patient", async () => {
    const created = await client().create<Patient>(json(somebody("smart", 1)));
    const url = `Patient/${created.id}`;
    expect(await client().request<Patient>(url)).toMatchObject({ id: created.id, meta: { versionId: "1" } });
    const updated = await client().update<Patient>(
      json({ ...somebody("smart", 1), id: created.id ?? "", address: BOSTON }),
    );
    expect(updated).toMatchObject({ address: [{ city: "Boston" }], meta: { versionId: "2" } });
    const patched = await client().patch<Patient>(url, PATCH, { headers: { "If-Match": 'W/"2"' } });
    expect(patched).toMatchObject({ address: [{ city: "Cambridge" }], meta: { versionId: "3" } });
    await client().delete(url);
    expect(await rejection(client().request(url))).toMatchObject({ status: 410 });
  });

  it("walks through the pages of a search", async () => {
    for (const number of [2, 3, 4]) {
      await client().create(json(somebody("smart-many", number)));
    }
    const ids: (string | undefined)[] = [];
    for await (const { id } of client().resources("Patient?identifier=%7Csmart-many&_count=2")) {
      ids.push(id);
    }
    expect(new Set(ids).size).toBe(3);
  });

  it("shows its user what is wrong, and knows the version of FHIR", async () => {
    const error = await rejection(client().create(json({ ...somebody("smart", 5), gender: "other" })));
    expect(error).toMatchObject({ status: 422 });
    expect(String(error)).toContain("gender");
    expect(await client().getFhirVersion()).toBe("4.0.1");
    expect(await client().getFhirRelease()).toBe(4);
  });
});

describe("@medplum/core", () => {
  const medplum = () =>
    new MedplumClient({ baseUrl: `${twin.url}/`, fhirUrlPath: "", fetch, cacheTime: 0, resourceCacheSize: 0 });

  it("goes through the life of a patient", async () => {
    const client = medplum();
    const created = await client.createResource<Patient>(somebody("medplum", 1));
    expect(await client.readResource("Patient", created.id)).toMatchObject({
      id: created.id,
      meta: { versionId: "1" },
    });
    const updated = await client.updateResource<Patient>({
      ...somebody("medplum", 1),
      id: created.id,
      address: BOSTON,
    });
    expect(updated).toMatchObject({ address: [{ city: "Boston" }], meta: { versionId: "2" } });
    const patched = await client.patchResource("Patient", created.id, PATCH);
    expect(patched).toMatchObject({ address: [{ city: "Cambridge" }], meta: { versionId: "3" } });
    expect(await client.readVersion("Patient", created.id, "3")).toMatchObject({ id: created.id });
    await client.deleteResource("Patient", created.id);
    const gone = await rejection(client.readResource("Patient", created.id));
    expect(gone).toBeInstanceOf(OperationOutcomeError);
    expect((gone as OperationOutcomeError).outcome.issue[0]).toMatchObject({ code: "deleted" });
  });

  it("creates where nobody exists, and walks through the pages of a search", async () => {
    const client = medplum();
    for (const number of [2, 3, 4]) {
      await client.createResource<Patient>(somebody("medplum-many", number));
    }
    const again = await client.createResourceIfNoneExist<Patient>(
      { ...somebody("medplum-many", 2), gender: "female" },
      `identifier=${MRN.system}|medplum-many-2`,
    );
    expect(again.gender).toBe("male");
    const ids: string[] = [];
    for await (const page of client.searchResourcePages("Patient", { identifier: "|medplum-many", _count: "2" })) {
      ids.push(...page.map(({ id }) => id));
    }
    expect(new Set(ids).size).toBe(3);
  });

  it("shows its user every fault, and validates", async () => {
    const client = medplum();
    const { birthDate: _, ...undated } = somebody("medplum", 5);
    const error = await rejection(client.createResource<Patient>(undated));
    expect((error as OperationOutcomeError).outcome.issue[0]).toMatchObject({ expression: ["Patient.birthDate"] });
    const outcome = (await client.validateResource<Patient>(undated)) as OperationOutcome;
    expect(outcome.issue).toMatchObject([{ severity: "error", expression: ["Patient.birthDate"] }]);
  });
});
