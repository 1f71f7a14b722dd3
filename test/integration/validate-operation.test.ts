import type { OperationOutcome, Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { type FhirClient, fhirClient, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN, SYSTEMS } from "../support/registration-harness.ts";

let twin: Twin;
let client: FhirClient;

beforeAll(async () => {
  twin = await startAdapter();
  client = fhirClient(twin.url);
}, 120_000);
afterAll(() => twin?.close());

const PATIENT_PROFILE = "http://hl7.org/fhir/StructureDefinition/Patient";

const validate = (body: unknown, path = "/Patient/$validate", headers = {}) =>
  client.send<OperationOutcome>("POST", path, { body, headers });
const parameters = (resource: unknown, more: readonly object[] = []) => ({
  resourceType: "Parameters",
  parameter: [...(resource === undefined ? [] : [{ name: "resource", resource }]), ...more],
});
const inMode = (mode: string) => ({ name: "mode", valueCode: mode });
const found = ({ issue }: OperationOutcome) =>
  issue.map(({ severity, code, expression }) => [severity, code, ...(expression ?? [])].join(" "));

describe("$validate", () => {
  it("finds no fault in a Patient that can be registered, and registers nothing", async () => {
    twin.particle.clearRequests();
    for (const body of [henrick(), parameters(henrick()), parameters(henrick(), [inMode("create")])]) {
      const { status, resource } = await validate(body);
      expect([status, found(resource)]).toEqual([200, ["information informational"]]);
    }
    expect(twin.particle.requests().filter(({ method }) => method !== "GET")).toEqual([]);
    expect(twin.particle.patients()).toEqual([]);
  });

  it("answers 200 for a Patient that breaks R4, with every fault", async () => {
    const { status, resource } = await validate({ ...henrick(), gender: "man", birthDate: "2020-02-30", nmae: [] });
    expect(status).toBe(200);
    expect(resource.issue.map(({ expression }) => expression?.[0]).sort()).toEqual([
      "Patient.birthDate",
      "Patient.children()[7]",
      "Patient.gender",
    ]);
  });

  it("answers 200 for a Patient that Particle cannot hold, with every fault", async () => {
    const { birthDate: _, ...undated } = henrick({ gender: "other" });
    const { status, resource } = await validate(undated);
    expect(status).toBe(200);
    expect(found(resource).sort()).toEqual(["error business-rule Patient.gender", "error required Patient.birthDate"]);
  });

  it("says what it says to the POST and PUT that would follow", async () => {
    for (const patient of [
      { ...henrick(), gender: "man" },
      henrick({ active: false }),
      henrick({ modifierExtension: [{ url: "https://example.org/x", valueBoolean: true }] }),
      henrick({ identifier: [{ system: SYSTEMS.patient_id, value: "another" }] }),
    ]) {
      const created = await client.failure("POST", "/Patient", { body: patient });
      expect((await validate(patient)).resource.issue).toEqual(created.resource.issue);
    }
  });

  it("warns of what handling=lenient lets pass", async () => {
    const odd = { ...henrick(), maritalStatus: [] };
    expect(found((await validate(odd)).resource)[0]).toMatch(/^error/);
    const lenient = await validate(odd, "/Patient/$validate", { Prefer: "handling=lenient" });
    expect(found(lenient.resource)).toEqual([expect.stringMatching(/^warning \S+ Patient.maritalStatus$/)]);
  });

  it("repeats no name that R4 does not know, and neither does a write, be it lenient", async () => {
    const odd = { ...henrick({ id: "odd" }), TestingsonHenrick1957: { ward: "x" }, contact: [{ Testingson1957: "x" }] };
    const asked = (await validate(odd)).resource;
    const strict = await client.failure("PUT", "/Patient/odd", { body: odd });
    for (const { resource } of [{ resource: asked }, strict]) {
      expect(found(resource).sort()).toEqual([
        "error invariant Patient.contact[0]",
        "error structure Patient.children()[8]",
        "error structure Patient.contact[0].children()[0]",
      ]);
      expect(JSON.stringify(resource)).not.toMatch(/Testingson|ward/);
    }
    const headers = { Prefer: "handling=lenient, return=OperationOutcome" };
    const written = await client.send<OperationOutcome>("PUT", "/Patient/odd", { body: odd, headers });
    expect(written.status).toBe(201);
    expect(found(written.resource)).toEqual(
      expect.arrayContaining([
        "warning structure Patient.children()[8]",
        "warning structure Patient.contact[0].children()[0]",
      ]),
    );
    expect(JSON.stringify(written.resource)).not.toMatch(/Testingson|ward/);
  });

  it("needs the id in the mode update, and the path's where there is one", async () => {
    const asked = async (patient: Patient, path: string) => found((await validate(patient, path)).resource);
    expect(await asked(henrick(), "/Patient/$validate?mode=update")).toEqual(["error required Patient.id"]);
    expect(await asked(henrick(), "/Patient/one/$validate")).toEqual(["error required Patient.id"]);
    expect(await asked(henrick({ id: "two" }), "/Patient/one/$validate")).toEqual(["error value Patient.id"]);
    expect(await asked(henrick({ id: "one" }), "/Patient/one/$validate")).toEqual(["information informational"]);
  });

  it("does not take Particle's ids in an update for those of another", async () => {
    const held = henrick({ id: "one", identifier: [{ system: SYSTEMS.patient_id, value: "its-own" }] });
    expect(found((await validate(held, "/Patient/$validate?mode=update")).resource)).toEqual([
      "information informational",
    ]);
  });

  it("has nothing against a deletion, with or without the Patient", async () => {
    for (const body of [parameters(undefined, [inMode("delete")]), parameters(henrick(), [inMode("delete")])]) {
      const { status, resource } = await validate(body);
      expect([status, resource.issue[0]?.severity]).toEqual([200, "information"]);
    }
  });

  it("needs no body to be asked about a deletion, and one for the rest", async () => {
    const asked = (path: string) => client.send<OperationOutcome>("POST", path);
    const deletion = await asked("/Patient/one/$validate?mode=delete");
    expect([deletion.status, found(deletion.resource)]).toEqual([
      200,
      ["information informational", "information informational"],
    ]);
    expect((await asked("/Patient/$validate?mode=delete")).status).toBe(200);
    expect((await asked("/Patient/one/$validate?mode=update")).status).toBe(400);
    expect((await asked("/Patient/$validate")).status).toBe(400);
  });

  it("says of a resolved duplicate what its update asks: no demographics, but a meaning that is known", async () => {
    await client.update(henrick({ id: "survivor", identifier: [{ system: MRN.system, value: "survivor" }] }));
    await client.update(henrick({ id: "double", identifier: [{ system: MRN.system, value: "double" }] }));
    const duplicate: Patient = {
      resourceType: "Patient",
      id: "double",
      active: false,
      link: [{ type: "replaced-by", other: { reference: "Patient/survivor" } }],
    };
    const strange = { ...duplicate, implicitRules: "https://example.org/rules" };
    const asked = async (patient: Patient, path = "/Patient/double/$validate") =>
      (await validate(patient, path)).resource;

    const refused = await client.failure("PUT", "/Patient/double", { body: strange });
    expect((await asked(strange)).issue).toEqual(refused.resource.issue);
    const resolved = await asked(duplicate);
    expect(found(resolved)).toEqual(["information informational Patient.link", "information informational"]);
    expect(found(await asked(duplicate, "/Patient/$validate?mode=update"))).toEqual(found(resolved));
    const { id: _, ...unnamed } = duplicate;
    expect(found(await asked(unnamed))).toContain("error required Patient.id");
    expect(found(await asked(duplicate, "/Patient/$validate"))).toContain("error business-rule Patient.active");
    expect((await client.update(duplicate)).status).toBe(200);
  });

  it("judges by the base profile and says that it knows no other", async () => {
    const other = [{ name: "profile", valueUri: "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient" }];
    expect(found((await validate(parameters(henrick(), other))).resource)).toEqual(["error not-supported"]);
    const base = [inMode("profile"), { name: "profile", valueUri: PATIENT_PROFILE }];
    expect(found((await validate(parameters(henrick({ gender: "other" }), base))).resource)).toEqual([
      "information informational",
    ]);
  });

  it.each([
    ["no JSON", "{"],
    ["no resource", { resourceType: "Parameters", parameter: [inMode("create")] }],
    ["no parameter", { resourceType: "Parameters" }],
    [
      "an unknown mode",
      { resourceType: "Parameters", parameter: [{ name: "resource", resource: henrick() }, inMode("mend")] },
    ],
    ["an unknown parameter", { resourceType: "Parameters", parameter: [{ name: "other", valueCode: "x" }] }],
    ["a parameter twice", { resourceType: "Parameters", parameter: [inMode("delete"), inMode("delete")] }],
    ["a mode of another type", { resourceType: "Parameters", parameter: [{ name: "mode", valueInteger: 1 }] }],
    ["the mode profile without one", parameters(henrick(), [inMode("profile")])],
  ])("answers 400 to %s: it is not clear what is asked", async (_, body) => {
    const { status, resource } = await validate(body);
    expect([status, resource.resourceType]).toEqual([400, "OperationOutcome"]);
  });

  it("takes another resource for an invalid Patient, as what it is asked about is there", async () => {
    const { status, resource } = await validate({ resourceType: "Observation" });
    expect([status, resource.issue[0]?.severity]).toEqual([200, "error"]);
  });
});
