import type { Bundle, OperationOutcome, Parameters, ParametersParameter, Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isWrite } from "../../local/dynamodb/operations.ts";
import type { Twin } from "../../local/twin.ts";
import { deviationsFrom } from "../support/conforms-to-definition.ts";
import { type FhirClient, fhirClient, startAdapter } from "../support/fhir-over-http.ts";
import { readPage } from "../support/generate-docs.ts";
import { henrick, henrickWithSsn, MRN } from "../support/registration-harness.ts";
import { toParticleDefinition } from "../support/to-particle-definition.ts";

let twin: Twin;
let client: FhirClient;

beforeAll(async () => {
  twin = await startAdapter();
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

const PATH = "/Patient/$to-particle";
const ask = (body: unknown, query = "", headers = {}) =>
  client.send<Parameters>("POST", `${PATH}${query}`, { body, headers });
const person = (tag: string, changes: Partial<Patient> = {}): Patient =>
  henrick({ identifier: [{ ...MRN, value: tag }], ...changes });

const named = ({ parameter = [] }: Parameters, name: string): ParametersParameter[] =>
  parameter.filter((one) => one.name === name);
const partsOf = (parameter: ParametersParameter | undefined) =>
  parameter?.part?.map(({ name, ...value }) => [name, ...Object.values(value)].join(" ")) ?? [];
const updateIn = (resource: Parameters) => partsOf(named(resource, "update")[0]);
const outcomeIn = (resource: Parameters) => named(resource, "outcome")[0]!.resource as OperationOutcome;
const issuesIn = (resource: Parameters) =>
  outcomeIn(resource).issue.map(({ severity, code, expression }) => [severity, code, ...(expression ?? [])].join(" "));
const STRENGTH = "information informational Patient";
const CLEAN = [STRENGTH, "information informational"];

/** Whatever reaches Particle but its token, and whatever changes the table. */
const effects = () => [
  ...twin.particle.requests().filter(({ path }) => !path.startsWith("/auth")),
  ...twin.dynamodb.requests().filter(({ operation, written }) => written || isWrite(operation)),
];

describe("POST /Patient/$to-particle", () => {
  it("answers demographics, fields and unused leaves, as its OperationDefinition says, and does nothing", async () => {
    await client.update(henrickWithSsn({ id: "asked" }));
    const before = effects().length;
    const patient = henrickWithSsn({ maritalStatus: { text: "a secret" } });
    for (const [body, query] of [
      [patient, ""],
      [{ resourceType: "Parameters", parameter: [{ name: "resource", resource: patient }] }, ""],
      [{ resourceType: "Parameters", parameter: [{ name: "resource", resource: patient }] }, "?patient=asked"],
      [patient, "?patient=asked&_pretty=true"],
    ] as const) {
      const { status, headers, resource } = await ask(body, query);
      expect([status, headers.get("content-type")]).toEqual([200, "application/fhir+json; charset=utf-8"]);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(deviationsFrom(toParticleDefinition, "out", resource.parameter ?? [])).toEqual([]);
      expect(partsOf(named(resource, "demographics")[0])).toContain("family_name Testingson");
      expect(named(resource, "field")).toHaveLength(11);
      expect(named(resource, "unused").map(partsOf)).toContainEqual([
        "expression Patient.maritalStatus.text",
        "reason not-carried",
      ]);
      expect(issuesIn(resource)).toEqual(CLEAN);
      expect(JSON.stringify(resource)).not.toMatch(/123-45-6789|123456789|6789|a secret/);
      expect(updateIn(resource)).toEqual(query === "" ? [] : ["action nothing"]);
    }
    expect(effects()).toHaveLength(before);
    expect(twin.dynamodb.requests().filter(({ operation }) => operation === "GetItem").length).toBeGreaterThan(0);
  });

  it("answers what docs/clients.md shows", async () => {
    const page = readPage("docs/clients.md");
    const [, request = "", excerpt = ""] =
      /to-particle\?[\s\S]*?-d '([\s\S]*?)'\n```[\s\S]*?```json\n([\s\S]*?)\n```/.exec(page) ?? [];
    const asked = JSON.parse(request) as Patient;
    const { identifier, ...others } = asked;
    const before = { ...others, name: [asked.name![0]!], identifier: [identifier![0]!], id: "henrick-3" };
    expect((await client.update(before)).status).toBe(201);
    const { resource } = await ask(asked, "?patient=henrick-3");
    const shown = (JSON.parse(excerpt) as Parameters).parameter ?? [];
    expect(shown.length).toBeGreaterThan(0);
    for (const parameter of shown) {
      expect(resource.parameter).toContainEqual(parameter);
    }
  });

  it("answers the faults of a Patient that cannot be registered, with 200", async () => {
    const { status, resource } = await ask(henrick({ gender: "other", birthDate: "1957" }), "?patient=nobody");
    expect([status, issuesIn(resource).sort(), updateIn(resource), named(resource, "demographics")]).toEqual([
      200,
      ["error business-rule Patient.birthDate", "error business-rule Patient.gender"],
      ["action refuse"],
      [],
    ]);
    expect(named(resource, "field")).toHaveLength(11);
    expect(named(resource, "unused").map(partsOf)).toContainEqual(["expression Patient.gender", "reason faulty"]);
    expect(deviationsFrom(toParticleDefinition, "out", resource.parameter ?? [])).toEqual([]);
  });

  it("answers the faults of what is no valid Patient, with 200 and nothing else", async () => {
    for (const body of [{ ...henrick(), gender: "man" }, { resourceType: "Observation" }, []]) {
      const { status, resource } = await ask(body, "?patient=nobody");
      expect([status, resource.parameter?.map(({ name }) => name)]).toEqual([200, ["update", "outcome"]]);
      expect([updateIn(resource), issuesIn(resource)[0]]).toEqual([["action refuse"], expect.stringMatching(/^error/)]);
    }
  });

  it("warns of what lenient handling lets pass, and maps the rest", async () => {
    const { resource } = await ask({ ...henrick(), maritalStatus: [] }, "", { Prefer: "handling=lenient" });
    expect(issuesIn(resource)).toEqual([expect.stringMatching(/^warning \S+ Patient.maritalStatus$/), STRENGTH]);
    expect(named(resource, "demographics")).toHaveLength(1);
  });

  it("says the same faults as the POST that would follow", async () => {
    for (const patient of [
      henrick({ active: false }),
      henrick({ identifier: [{ system: "https://particlehealth.com/fhir/sid/patient_id", value: "another" }] }),
      henrick({ identifier: Array.from({ length: 31 }, (_, at) => ({ ...MRN, value: `many-${at}` })) }),
    ]) {
      const created = await client.failure("POST", "/Patient", { body: patient });
      expect(outcomeIn((await ask(patient)).resource).issue).toEqual(created.resource.issue);
    }
  });

  it("takes 30 identifiers, and says that each of them feeds nothing", async () => {
    const identifier = Array.from({ length: 30 }, (_, at) => ({ ...MRN, value: `many-${at}` }));
    const { resource } = await ask(henrick({ identifier }));
    const ofIdentifiers = named(resource, "unused")
      .map(partsOf)
      .filter(([expression, reason]) => expression?.includes("identifier[") && reason === "reason identifier");
    expect([issuesIn(resource), ofIdentifiers.length]).toEqual([CLEAN, 60]);
  });

  it.each([
    ["no JSON", "{", ""],
    ["no resource", { resourceType: "Parameters", parameter: [{ name: "patient", valueId: "one" }] }, ""],
    ["no parameter", { resourceType: "Parameters" }, ""],
    ["an unknown parameter", henrick(), "?mode=create"],
    ["patient twice", henrick(), "?patient=one&patient=two"],
    [
      "patient in the query and the body",
      {
        resourceType: "Parameters",
        parameter: [
          { name: "resource", resource: henrick() },
          { name: "patient", valueId: "one" },
        ],
      },
      "?patient=one",
    ],
    ["patient as a reference", henrick(), "?patient=Patient/one"],
    ["an empty patient", henrick(), "?patient="],
    [
      "a patient of another type",
      {
        resourceType: "Parameters",
        parameter: [
          { name: "resource", resource: henrick() },
          { name: "patient", valueInteger: 1 },
        ],
      },
      "",
    ],
  ])("answers 400 to %s", async (_, body, query) => {
    const { status, resource } = await ask(body, query);
    expect([status, resource.resourceType]).toEqual([400, "OperationOutcome"]);
  });

  it("is a POST of FHIR JSON and nothing else", async () => {
    for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
      const { status, headers } = await client.send(method, PATH);
      expect([method, status, headers.get("allow")]).toEqual([method, 405, "POST"]);
    }
    expect((await client.failure("POST", `/Patient/one/$to-particle`, { body: henrick() })).status).toBe(404);
    expect((await ask(henrick(), "", { "Content-Type": "application/fhir+xml" })).status).toBe(415);
    expect((await ask(henrick(), "", { Accept: "application/fhir+xml" })).status).toBe(406);
    expect((await ask({ ...henrick(), id: "x".repeat(1_000_000) })).status).toBe(413);
  });

  it("cuts what would be too large for an answer", async () => {
    const given = Array.from({ length: 1000 }, () => "a");
    const name = [...henrick().name!, ...Array.from({ length: 40 }, () => ({ given }))];
    const { status, resource } = await ask(henrick({ name }), "?_pretty=true");
    expect([status, issuesIn(resource)]).toEqual([200, CLEAN]);
    expect(named(resource, "left-out")[0]?.valueInteger).toBeGreaterThan(20_000);
    expect(deviationsFrom(toParticleDefinition, "out", resource.parameter ?? [])).toEqual([]);
  });
});

describe("?patient", () => {
  const foreseen = async (patient: Patient, id: string) => updateIn((await ask(patient, `?patient=${id}`)).resource);

  it("says what the PUT that follows does", async () => {
    const id = "foreseen";
    const patient = person("foreseen", { id });
    const putStatus = async (body: Patient) => (await client.update(body)).status;

    expect([await foreseen(patient, id), await putStatus(patient)]).toEqual([["action create"], 201]);
    expect([await foreseen(patient, id), await putStatus(patient)]).toEqual([["action nothing"], 200]);

    const married = { ...patient, name: [{ family: "Other", given: ["Henrick"] }] };
    expect(await foreseen(married, id)).toEqual(["action update", "changed-field family_name"]);
    expect((await client.read(id)).resource.name?.[0]?.family).toBe("Testingson");

    const other: Patient = { ...married, gender: "female" };
    expect([await foreseen(other, id), await putStatus(other)]).toEqual([
      ["action overlay-suspected", "changed-field family_name", "changed-field gender"],
      409,
    ]);

    await client.remove(id);
    expect([await foreseen(patient, id), await putStatus(patient)]).toEqual([["action revive"], 201]);
  });

  it("says that a Patient with the id of another one is refused, and needs none", async () => {
    const { id: _, ...anonymous } = person("ids");
    expect(await foreseen(anonymous as Patient, "some-id")).toEqual(["action create"]);
    const { resource } = await ask(person("ids", { id: "another" }), "?patient=some-id");
    expect([updateIn(resource), issuesIn(resource)]).toEqual([["action refuse"], ["error value Patient.id", STRENGTH]]);
  });

  it("takes the patient's own Particle ids", async () => {
    const held = (await client.update(person("own", { id: "own" }))).resource;
    const { resource } = await ask(held, "?patient=own");
    expect([updateIn(resource), issuesIn(resource)]).toEqual([["action nothing"], CLEAN]);
  });

  it("says that an operation is open", async () => {
    twin.particle.configure({ faults: [{ fault: "status-after-commit", status: 500, methods: ["POST"] }] });
    expect((await client.update(person("open", { id: "open" }))).status).toBe(503);
    twin.particle.configure({ faults: [] });
    expect(await foreseen(person("open"), "open")).toEqual(["action in-flight"]);
  });

  it("resolves a duplicate without mapping it", async () => {
    await client.update(person("duplicate", { id: "duplicate" }));
    const duplicate: Patient = {
      resourceType: "Patient",
      active: false,
      link: [{ other: { reference: "Patient/own" }, type: "replaced-by" }],
    };
    const { resource } = await ask(duplicate, "?patient=duplicate");
    expect([updateIn(resource), issuesIn(resource)]).toEqual([
      ["action replace"],
      ["information informational Patient.link", "information informational"],
    ]);
  });
});

describe("Prefer: return=OperationOutcome", () => {
  const OUTCOME = { Prefer: "return=OperationOutcome" };
  const saidOf = ({ issue }: OperationOutcome) =>
    issue.map(({ severity, diagnostics, expression = [] }) => `${severity} ${expression.join(" ")}: ${diagnostics}`);
  const MADE = expect.stringMatching(/^information Patient\.name\[0\]\.family: family_name is made of /);
  const UNUSED = expect.stringMatching(
    /^information Patient\.identifier\[0\]\.system .*: Fed no field .*\(identifier\)/,
  );
  const expectReport = (outcome: unknown) => {
    const said = saidOf(outcome as OperationOutcome);
    expect(said).toEqual(expect.arrayContaining([MADE, UNUSED]));
    expect(said.join()).not.toMatch(/Testingson|Henrick|1957|Mulberry|Roxbury|12345|456-7890|6789|@/);
  };

  it("answers the report to a create, an update, a conditional update and a patch", async () => {
    const id = "reported";
    const patient = person("reported");
    const where = `/Patient?identifier=${encodeURIComponent(`${MRN.system}|reported`)}`;
    const address = [{ ...patient.address![0]!, city: "Boston" }];
    const jsonPatch = { "Content-Type": "application/json-patch+json" };
    const answers = [
      await client.send("POST", "/Patient", { body: person("reported-new"), headers: OUTCOME }),
      await client.send("PUT", `/Patient/${id}`, { body: { ...patient, id }, headers: OUTCOME }),
      await client.send("PUT", `/Patient/${id}`, { body: { ...patient, id }, headers: OUTCOME }),
      await client.send("PUT", where, { body: { ...patient, address }, headers: OUTCOME }),
      await client.send("PATCH", `/Patient/${id}`, {
        body: [{ op: "replace", path: "/address/0/city", value: "Salem" }],
        headers: { ...OUTCOME, ...jsonPatch },
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 200, 200, 200]);
    for (const { resource } of answers) {
      expectReport(resource);
    }
  });

  it("answers the report to each entry of a Bundle", async () => {
    const entry = ["bundled-1", "bundled-2"].map((tag) => ({
      resource: person(tag),
      request: { method: "POST" as const, url: "Patient" },
    }));
    for (const type of ["batch", "transaction"] as const) {
      const body = { resourceType: "Bundle", type, entry };
      const { resource } = await client.send<Bundle>("POST", "/", { body, headers: OUTCOME });
      expect(resource.entry).toHaveLength(2);
      for (const { response } of resource.entry ?? []) {
        expectReport(response?.outcome);
      }
    }
  });

  it("has nothing to report of a patient that is marked as replaced", async () => {
    await client.update(person("to-replace", { id: "to-replace" }));
    const { resource } = await client.send<OperationOutcome>("PUT", "/Patient/to-replace", {
      body: {
        resourceType: "Patient",
        id: "to-replace",
        active: false,
        link: [{ other: { reference: "Patient/reported" }, type: "replaced-by" }],
      },
      headers: OUTCOME,
    });
    expect(saidOf(resource)).toEqual(["information : Done."]);
  });
});
