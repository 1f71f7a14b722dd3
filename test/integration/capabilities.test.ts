import type { CapabilityStatement, CapabilityStatementRestResource, Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { capabilityStatement } from "../../shared/fhir/capability-statement.ts";
import { validatePatient } from "../../shared/fhir/validate-patient.ts";
import { type OperationName, routes } from "../../shared/http/routes.ts";
import { type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN } from "../support/registration-harness.ts";
import { toParticleDefinition } from "../support/to-particle-definition.ts";

/** What the statement claims is done, and what it does not claim is refused and not half done. */

const statement = capabilityStatement("https://api.example/fhir", routes);
const [rest] = statement.rest ?? [];
const [claimed] = rest?.resource ?? [];
const codes = claimed?.interaction?.map(({ code }) => code) ?? [];

let twin: Twin;
let client: FhirClient;
let people = 0;
const somebody = (changes: Partial<Patient> = {}): Patient => {
  people += 1;
  return henrick({ identifier: [{ system: MRN.system, value: `claim-${people}` }], ...changes });
};
const registered = async (): Promise<string> => idIn((await client.create(somebody())).headers);
const JSON_PATCH = "application/json-patch+json";
const patchAs = async (type: string) =>
  client.send("PATCH", `/Patient/${await registered()}`, {
    body: [{ op: "replace", path: "/address/0/city", value: "Boston" }],
    headers: { "Content-Type": type },
  });

beforeAll(async () => {
  twin = await startAdapter();
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

describe("the statement", () => {
  it("is served at /metadata, for this server, to GET and HEAD, in every mode that it answers", async () => {
    for (const path of ["/metadata", "/metadata?mode=full", "/metadata?mode=normative"]) {
      const { status, resource } = await client.send<CapabilityStatement>("GET", path);
      expect(status).toBe(200);
      expect(resource).toEqual(capabilityStatement(twin.url, routes));
    }
    expect((await client.send("HEAD", "/metadata")).status).toBe(200);
    expect((await client.failure("GET", "/metadata?mode=terminology")).status).toBe(400);
  });

  it("follows from the route table", () => {
    const ofPatient = routes.filter(({ path }) => path.startsWith("/Patient")).map(({ interaction }) => interaction);
    const operations = claimed?.operation?.map(({ name }) => `$${name}`) ?? [];
    expect([...codes, ...operations].sort()).toEqual([...new Set<string>(ofPatient)].sort());
  });

  it("breaks no rule that holds for every resource: its texts, its names, nothing that is empty", () => {
    const contained = [{ ...statement, id: "statement" }];
    const url = "https://api.example/fhir/StructureDefinition/statement";
    const extension = [{ url, valueReference: { reference: "#statement" } }];
    expect(validatePatient({ resourceType: "Patient", contained, extension })).toEqual([]);
    const wrong = { resourceType: "Patient", contained: [{ ...contained[0], format: [] }], extension };
    expect(validatePatient(wrong)).toMatchObject([
      { expression: expect.stringMatching(/^Patient\.contained\[0\]\.children\(\)\[\d+\]$/) },
    ]);
  });

  it("keeps the invariants of CapabilityStatement that concern it", () => {
    // cpb-1, cpb-2, cpb-9, cpb-12, cpb-14: http://hl7.org/fhir/R4/capabilitystatement.html#invs
    expect(rest?.mode).toBe("server");
    expect(statement).toMatchObject({
      status: "active",
      kind: "instance",
      implementation: { url: /.+/ },
      fhirVersion: "4.0.1",
    });
    const names = claimed?.searchParam?.map(({ name }) => name) ?? [];
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(codes).size).toBe(codes.length);
  });
});

type Code = NonNullable<CapabilityStatementRestResource["interaction"]>[number]["code"];

/** What each interaction does when it is done. */
const DOES: Readonly<Partial<Record<Code, () => Promise<number>>>> = {
  create: async () => (await client.create(somebody())).status,
  read: async () => (await client.read(await registered())).status,
  vread: async () => (await client.send("GET", `/Patient/${await registered()}/_history/1`)).status,
  update: async () => (await client.update(somebody({ id: await registered() }))).status,
  patch: async () => (await patchAs(JSON_PATCH)).status,
  delete: async () => (await client.remove(await registered())).status,
  "search-type": async () => (await client.search(`?_id=${await registered()}`)).status,
};

/** What asks for the interactions of http://hl7.org/fhir/R4/valueset-type-restful-interaction.html that are not claimed. */
const NOT_CLAIMED: Readonly<Partial<Record<Code, readonly (readonly [string, string])[]>>> = {
  "history-instance": [["GET", "/Patient/known/_history"]],
  "history-type": [["GET", "/Patient/_history"]],
};

describe("each interaction", () => {
  it.each(codes)("that is claimed is done: %s", async (code) => {
    expect(await DOES[code]?.()).toBeLessThan(300);
  });

  it("is either done or refused", () => {
    expect([...Object.keys(DOES), ...Object.keys(NOT_CLAIMED)].filter((code) => !codes.includes(code as Code))).toEqual(
      Object.keys(NOT_CLAIMED),
    );
  });

  it.each(Object.values(NOT_CLAIMED).flat())("that is not claimed is refused: %s %s", async (method, path) => {
    expect([400, 404, 405]).toContain((await client.failure(method, path)).status);
  });
});

describe("each interaction of the system", () => {
  const atRoot = rest?.interaction?.map(({ code }) => code) ?? [];

  it.each(atRoot)("that is claimed is done: %s", async (type) => {
    const entry = [{ resource: somebody(), request: { method: "POST", url: "Patient" } }];
    const { status, resource } = await client.send("POST", "/", { body: { resourceType: "Bundle", type, entry } });
    expect([status, resource]).toMatchObject([
      200,
      { type: `${type}-response`, entry: [{ response: { status: /^201/ } }] },
    ]);
  });

  it.each([
    ["search-system", "GET", "/?_id=x"],
    ["search-system", "POST", "/_search"],
    ["history-system", "GET", "/_history"],
  ])("that is not claimed is refused: %s", async (code, method, path) => {
    expect(atRoot).not.toContain(code);
    expect([404, 405]).toContain((await client.failure(method, path)).status);
  });
});

describe("each search parameter", () => {
  it.each(claimed?.searchParam?.map(({ name }) => name) ?? [])(
    "that is claimed finds whom it names: %s",
    async (name) => {
      const patient = somebody();
      const id = idIn((await client.create(patient)).headers);
      await registered();
      const value = { _id: id, identifier: `${MRN.system}|${patient.identifier?.[0]?.value}` }[name] ?? "";
      const { resource } = await client.search(`?${name}=${encodeURIComponent(value)}`);
      expect(resource.entry?.map((entry) => entry.resource?.id)).toEqual([id]);
    },
  );

  it.each([
    "name",
    "family",
    "given",
    "birthdate",
    "gender",
    "phone",
    "email",
    "_lastUpdated",
    "_content",
    "_has:x:y:z",
    "_sort",
  ])("that is not claimed is refused: %s", async (name) => {
    expect((await client.failure("GET", `/Patient?${name}=x`)).status).toBe(400);
  });
});

describe("conditions", () => {
  it("conditionalCreate", async () => {
    const patient = somebody();
    const headers = { "If-None-Exist": `identifier=${MRN.system}|${patient.identifier?.[0]?.value}` };
    const statuses = [await client.create(patient, headers), await client.create(patient, headers)].map(
      ({ status }) => status,
    );
    expect([claimed?.conditionalCreate, statuses]).toEqual([true, [201, 200]]);
  });

  it("conditionalRead: not-match, and not modified-since", async () => {
    const id = await registered();
    const later = new Date(Date.now() + 60_000).toUTCString();
    const statuses = [
      (await client.read(id, { "If-None-Match": 'W/"1"' })).status,
      (await client.read(id, { "If-Modified-Since": later })).status,
    ];
    expect([claimed?.conditionalRead, statuses]).toEqual(["not-match", [304, 200]]);
  });

  it("conditionalUpdate and conditionalDelete: single", async () => {
    const patient = somebody();
    const path = `/Patient?identifier=${encodeURIComponent(`${MRN.system}|${patient.identifier?.[0]?.value}`)}`;
    expect((await client.send("PUT", path, { body: patient })).status).toBe(201);
    expect((await client.send("DELETE", path)).status).toBe(204);
    expect([claimed?.conditionalUpdate, claimed?.conditionalDelete]).toEqual([true, "single"]);
    expect((await client.failure("PATCH", path, { body: [], headers: { "Content-Type": JSON_PATCH } })).status).toBe(
      405,
    );
  });

  it("a condition on anything but an identifier is refused", async () => {
    for (const query of ["?family=x", "?_id=x", "", "?identifier=a%7Cb&birthdate=x"]) {
      expect((await client.failure("DELETE", `/Patient${query}`)).status).toBe(400);
      expect((await client.failure("PUT", `/Patient${query}`, { body: somebody() })).status).toBe(400);
    }
  });

  it("updateCreate", async () => {
    expect([claimed?.updateCreate, (await client.update(somebody({ id: "claimed-id" }))).status]).toEqual([true, 201]);
  });
});

describe("versions", () => {
  it("are told, can be required of an update, and only the current one can be read", async () => {
    const id = await registered();
    const { resource, headers } = await client.read(id);
    expect([resource.meta?.versionId, headers.get("etag")]).toEqual(["1", 'W/"1"']);
    const refused = await client.failure("PUT", `/Patient/${id}`, {
      body: somebody({ id }),
      headers: { "If-Match": 'W/"2"' },
    });
    expect(refused.status).toBe(412);
    await client.update(somebody({ id }));
    expect((await client.failure("GET", `/Patient/${id}/_history/1`)).status).toBe(404);
    expect([claimed?.versioning, claimed?.readHistory]).toEqual([expect.stringMatching(/^versioned/), false]);
  });
});

describe("formats", () => {
  it.each(statement.format)("that are claimed are answered: %s", async (format) => {
    expect((await client.send("GET", `/metadata?_format=${encodeURIComponent(format)}`)).status).toBe(200);
  });

  it.each(["xml", "application/fhir+xml", "ttl", "html"])("that are not claimed are refused: %s", async (format) => {
    expect((await client.failure("GET", `/metadata?_format=${encodeURIComponent(format)}`)).status).toBe(406);
  });

  it.each(statement.patchFormat ?? [])("of patches that are claimed are applied: %s", async (format) => {
    expect((await patchAs(format)).status).toBe(200);
  });

  it.each(["application/merge-patch+json", "application/fhir+json", "application/xml-patch+xml"])(
    "of patches that are not claimed are refused: %s",
    async (format) => {
      expect((await patchAs(format)).status).toBe(415);
    },
  );
});

/** Where each operation is, and what it answers. */
const OPERATIONS: Readonly<Record<OperationName, { readonly at: readonly string[]; readonly answers: string }>> = {
  validate: { at: ["/Patient", "/Patient/one"], answers: "OperationOutcome" },
  "to-particle": { at: ["/Patient"], answers: "Parameters" },
};

describe("operations", () => {
  it("follow from the route table, with a definition of each", () => {
    const operations = claimed?.operation?.map(({ name, definition }) => [name, definition]);
    expect(operations).toEqual([
      ["validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate"],
      [toParticleDefinition.code, toParticleDefinition.url],
    ]);
  });

  it.each(Object.entries(OPERATIONS))("that are claimed are done: $%s", async (name, { at, answers }) => {
    for (const path of at) {
      const { status, resource } = await client.send("POST", `${path}/$${name}`, { body: somebody({ id: "one" }) });
      expect([status, resource.resourceType]).toEqual([200, answers]);
    }
    expect((await client.failure("GET", `/Patient/$${name}`)).headers.get("allow")).toBe("POST");
  });

  it.each([
    "/Patient/$everything",
    "/Patient/$match",
    "/Patient/one/$everything",
    "/$validate",
    "/Patient/$export",
    "/Patient/one/$to-particle",
    "/$to-particle",
  ])("that are not claimed are refused: %s", async (path) => {
    expect([404, 405]).toContain((await client.failure("POST", path, { body: somebody() })).status);
  });
});

describe("other types of resource", () => {
  it.each(["Observation", "Practitioner", "Bundle", "Binary", "patient"])("are not there: %s", async (type) => {
    for (const [method, path] of [
      ["GET", `/${type}`],
      ["GET", `/${type}/1`],
      ["PUT", `/${type}/1`],
      ["POST", `/${type}`],
      ["POST", `/${type}/_search`],
    ] as const) {
      const body = method === "GET" ? {} : { body: { resourceType: type } };
      expect((await client.failure(method, path, body)).status).toBe(404);
    }
  });
});
