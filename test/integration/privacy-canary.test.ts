import type { Bundle, FhirResource, Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultRuleSchema } from "../../local/particle/fault-rules.ts";
import type { SwitchChanges } from "../../local/particle/switches.ts";
import type { Twin } from "../../local/twin.ts";
import type { Failure } from "../../shared/failure/failure.ts";
import { validatePatient } from "../../shared/fhir/validate-patient.ts";
import { ENV } from "../../shared/runtime/env-names.ts";
import { idIn, startAdapter } from "../support/fhir-over-http.ts";
import { markedPatient, marksIn } from "../support/marked-patient.ts";

/** Something that leaves the functions by another way than a successful answer. */
type Trace = { readonly where: string; readonly text: string };

/** Callers sign with IAM credentials; at the other twin they send tokens, and one system of identifiers is unique. */
let main: Twin;
let other: Twin;
/** The one that requests go to. */
let twin: Twin;
const pathByForm = new Map<string, string>();
const traces: Trace[] = [];
/** Every write to the table, also of items that are deleted later, less the identifiers that are recorded on purpose. */
const stored: Trace[] = [];
const recorded: string[] = [];
let people = 0;

/** Somebody new, whose marks are watched from now on. */
function somebody(changes: Partial<Patient> = {}): Patient {
  people += 1;
  const { patient, marks } = markedPatient(people);
  for (const { path, forms } of marks) {
    for (const form of forms) {
      pathByForm.set(form, `person ${people}, ${path}`);
    }
  }
  return { ...patient, ...changes };
}

const markOf = ({ name }: Patient): string => name?.[0]?.family ?? "";
const someMark = (): string => markOf(somebody());

const isOutcome = (resource: FhirResource): boolean => resource.resourceType === "OperationOutcome";

/** What of an answer may hold no mark: all that is no Patient, and no report that says to who sent it what it becomes. */
function shownOf(status: number, path: string, body: string): string {
  const resource: FhirResource | undefined = body === "" ? undefined : JSON.parse(body);
  if (status === 200 && path.startsWith("/Patient/$to-particle")) {
    return "";
  }
  if (resource === undefined || status >= 400 || isOutcome(resource)) {
    return body;
  }
  return resource.resourceType === "Bundle" && resource.type !== "searchset"
    ? JSON.stringify((resource.entry ?? []).map(({ response }) => response))
    : "";
}

const ECHO = "x-amzn-requestid";

type Options = { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> };

async function send(method: string, path: string, { body, headers = {} }: Options = {}) {
  const response = await fetch(twin.url + path, {
    method,
    headers: { ...(body !== undefined && { "Content-Type": "application/fhir+json" }), ...headers },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const where = `${method} ${path.replace(/\?.*/, "?…")} → ${response.status}`;
  traces.push(
    // API Gateway sends back under this name what a client sends under it; nothing of ours reads it.
    { where: `headers of ${where}`, text: JSON.stringify([...response.headers].filter(([name]) => name !== ECHO)) },
    { where: `body of ${where}`, text: shownOf(response.status, path, text) },
  );
  return { status: response.status, headers: response.headers, text };
}

const create = (patient: unknown, headers: Options["headers"] = {}) =>
  send("POST", "/Patient", { body: patient, headers });
const put = (patient: Patient, headers: Options["headers"] = {}) =>
  send("PUT", `/Patient/${patient.id}`, { body: patient, headers });
const tokenOf = ({ identifier: [first] = [] }: Patient): string =>
  encodeURIComponent(`${first?.system}|${first?.value}`);
const withParticle = async (switches: SwitchChanges, act: () => Promise<unknown>): Promise<void> => {
  twin.particle.configure(switches);
  await act();
  twin.particle.reset();
};
/** What a scheduled run says when it fails goes to its log and its dead letter. */
const invoke = async (name: string) =>
  traces.push({ where: `end of ${name}`, text: JSON.stringify(await twin.invoke(name, {})) });

/** Takes the identifiers that are recorded with a mapping, and with what an operation is to make of it, out of a write. */
function withoutRecorded(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(withoutRecorded);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  const { identifiers, ...rest } = value as Record<string, unknown>;
  if (identifiers !== undefined) {
    recorded.push(JSON.stringify(identifiers));
  }
  return Object.fromEntries(Object.entries(rest).map(([name, part]) => [name, withoutRecorded(part)]));
}

function watch(started: Twin): Twin {
  started.dynamodb.onWrite((input) =>
    stored.push({ where: "write to the table", text: JSON.stringify(withoutRecorded(input)) }),
  );
  return started;
}

const leaks = (found: readonly Trace[]): string[] =>
  found.flatMap(({ where, text }) => marksIn(text, pathByForm).map((path) => `${path} in the ${where}`));

beforeAll(async () => {
  // Of its time, a function keeps three seconds for its answer. A request has little for Particle, so that unknown
  // outcomes come fast, and enough for the first one to a function on a busy machine.
  const environment = { [ENV.particleAttemptTimeoutMs]: "400" };
  main = watch(await startAdapter({ timeoutMs: 4_800, environment }));
  const optionalEnvironment = { [ENV.uniqueIdentifierSystems]: UNIQUE };
  other = watch(await startAdapter({ optionalEnvironment }, "infra/oidc-app.ts"));
  twin = main;
}, 120_000);
afterAll(async () => {
  await main?.close();
  await other?.close();
});

const UNMARKED = "active country gender preferred state status system type use userSelected".split(" ");
const UNIQUE = "https://unique.example/sid";

describe("marks in every leaf of a Patient", () => {
  it("are in all leaves but codes of a required value set, booleans, and what chooses a system, a type or a state", () => {
    const forms = new Set<string>();
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9, 300]) {
      const { patient, marks, unmarked } = markedPatient(n);
      expect(validatePatient(patient)).toEqual([]);
      const names = unmarked.map((path) => path.split(".").at(-1));
      expect([...new Set(names)].sort()).toEqual(UNMARKED);
      const own = marks.flatMap((mark) => mark.forms);
      expect(own.filter((form) => forms.has(form))).toEqual([]);
      for (const form of own) {
        forms.add(form);
        expect(marksIn(`{"a":"${form}"}`, new Map([[form, "here"]])), form).toEqual(["here"]);
        expect(marksIn(/\d/.test(form) ? `a${form}b` : "", new Map([[form, "here"]])), form).toEqual([]);
      }
    }
  });

  it("pass through every interaction", async () => {
    const first = somebody();
    const created = await create(first);
    expect([created.status, created.text]).toEqual([201, expect.stringContaining(markOf(first))]);
    const id = idIn(created.headers);
    await create(first);
    await create(first, { "If-None-Exist": `identifier=${decodeURIComponent(tokenOf(first))}` });
    const keyed = somebody();
    await create(keyed, { "Idempotency-Key": markOf(keyed) });
    await create(somebody(), { Prefer: "return=OperationOutcome" });
    await create(somebody(), { Prefer: "return=minimal" });
    for (const path of [
      `/${id}`,
      `/${id}/_history/1`,
      "",
      `?identifier=${tokenOf(first)}`,
      `?_id=${id}&_summary=true`,
    ]) {
      expect((await send("GET", `/Patient${path}`)).status, path).toBe(200);
    }
    const form = { "Content-Type": "application/x-www-form-urlencoded" };
    const searched = await send("POST", "/Patient/_search", { body: `identifier=${tokenOf(first)}`, headers: form });
    expect(searched.text).toContain(id);
    expect((await put({ ...first, id, address: somebody().address ?? [] })).status).toBe(200);
    const moved = { ...first, address: somebody().address ?? [] };
    expect((await send("PUT", `/Patient?identifier=${tokenOf(first)}`, { body: moved })).status).toBe(200);
    const patch = [{ op: "replace", path: "/name/0/family", value: someMark() }];
    const patchType = { "Content-Type": "application/json-patch+json" };
    expect((await send("PATCH", `/Patient/${id}`, { body: patch, headers: patchType })).status).toBe(200);
    for (const type of ["batch", "transaction"]) {
      const entry = [somebody(), somebody()].map((resource) => ({
        resource,
        request: { method: "POST", url: "Patient" },
      }));
      expect((await send("POST", "/", { body: { resourceType: "Bundle", type, entry } })).status).toBe(200);
    }
    await everyEntry();
    for (const path of ["$validate", `${id}/$validate`, "$to-particle", `$to-particle?patient=${id}`]) {
      expect((await send("POST", `/Patient/${path}`, { body: somebody() })).status, path).toBe(200);
    }
    for (const path of [`/${id}`, `/${id}/_history/3`, `?identifier=${tokenOf(first)}`]) {
      await send("HEAD", `/Patient${path}`);
    }
    const put1 = somebody({ id: "chosen-1" });
    expect((await put(put1)).status).toBe(201);
    await put(put1);
    expect((await send("DELETE", "/Patient/chosen-1")).status).toBe(204);
    expect((await put(put1)).status, "revived").toBe(201);
    const link = [{ type: "replaced-by", other: { reference: `Patient/${id}` } }] as NonNullable<Patient["link"]>;
    const duplicate = { ...put1, active: false, link };
    expect((await send("PUT", `/Patient?identifier=${tokenOf(put1)}`, { body: duplicate })).status).toBe(200);
    await send("GET", "/metadata");
    expect((await send("DELETE", `/Patient?identifier=${tokenOf(first)}`)).status).toBe(204);
    await send("DELETE", `/Patient/${id}`, { headers: { Prefer: "return=OperationOutcome" } });
  });

  /** What a Bundle can ask for, about somebody who is there. */
  async function everyEntry(): Promise<void> {
    const one = somebody({ id: "chosen-2" });
    // A batch does not know that a condition and an id name one patient.
    const [two, three, four] = [somebody(), somebody(), somebody()];
    await Promise.all([create(two), create(four)]);
    const there = idIn((await create(three)).headers);
    const data = Buffer.from(JSON.stringify([{ op: "replace", path: "/name/0/given/0", value: someMark() }]));
    const patch = { resourceType: "Binary", contentType: "application/json-patch+json", data: data.toString("base64") };
    const byIdentifier = `Patient?identifier=${tokenOf(two)}`;
    const entry = [
      { resource: one, request: { method: "PUT", url: "Patient/chosen-2" } },
      { resource: two, request: { method: "PUT", url: byIdentifier } },
      { resource: patch, request: { method: "PATCH", url: `Patient/${there}` } },
      { request: { method: "GET", url: `Patient?_id=${there}` } },
      { request: { method: "GET", url: `Patient?identifier=${tokenOf(four)}`, ifNoneMatch: someMark() } },
      {
        resource: two,
        fullUrl: `urn:uuid:${someMark()}`,
        request: { method: "POST", url: "Patient", ifNoneExist: `identifier=${decodeURIComponent(tokenOf(two))}` },
      },
      { request: { method: "DELETE", url: `Patient?identifier=${tokenOf(four)}` } },
      { request: { method: "DELETE", url: `Patient/${someMark()}_` } },
      { [someMark()]: 1, request: { method: "GET", url: "Patient" } },
    ];
    const batch = await send("POST", "/", {
      body: { resourceType: "Bundle", type: "batch", entry: entry.slice(0, -1) },
    });
    const statuses = (JSON.parse(batch.text) as Bundle).entry?.map(({ response }) => response?.status.slice(0, 3));
    expect(statuses).toEqual(["201", "200", "200", "200", "200", "200", "204", "400"]);
    expect((await send("POST", "/", { body: { resourceType: "Bundle", type: "batch", entry } })).status).toBe(400);
    const referring = somebody({ generalPractitioner: [{ reference: `urn:uuid:${someMark()}` }] });
    const post = {
      resource: referring,
      fullUrl: `urn:uuid:${someMark()}`,
      request: { method: "POST", url: "Patient" },
    };
    await send("POST", "/", { body: { resourceType: "Bundle", type: "transaction", entry: [post] } });
  }

  it("pass through every failure", async () => {
    const known = somebody();
    const id = idIn((await create(known)).headers);
    const mark = someMark();
    const wrong: readonly unknown[] = [
      `{"resourceType": "Patient", "birthDate": "${mark}`,
      JSON.stringify(somebody()).slice(0, -1),
      { ...somebody(), gender: mark },
      { ...somebody(), birthDate: mark },
      { ...somebody(), resourceType: mark },
      { ...somebody(), name: [{ use: mark, family: [mark], given: mark }] },
      { ...somebody(), telecom: [{ value: mark, rank: mark }], active: mark, address: mark },
      { ...somebody(), contact: [{ gender: mark }], deceasedBoolean: true },
      { ...somebody(), birthDate: "1957" },
      { ...somebody(), name: [{ text: mark }] },
      { ...somebody(), address: [{ ...known.address?.[0], state: mark, postalCode: mark }] },
      { ...somebody(), implicitRules: `https://synthetic.example/${mark}` },
      { ...somebody(), modifierExtension: [{ url: `https://synthetic.example/${mark}`, valueString: mark }] },
      { ...somebody(), [mark]: 1, [`${mark} ${mark}`]: { [mark]: 2 }, contact: [{ [mark]: 1, [`value${mark}`]: 1 }] },
      { ...somebody(), contained: [{ resourceType: "Basic", id: "organization", [mark]: [null] }] },
      `{"resourceType": "Patient", "${mark}": 1, "${mark}": 2}`,
      { ...somebody(), active: false, link: [{ other: { reference: `Patient/${mark}` }, type: "replaced-by" }] },
      { ...somebody(), text: { status: "generated", div: `<div>${mark.repeat(150_000)}</div>` } },
    ];
    for (const body of wrong) {
      expect((await create(body)).status, JSON.stringify(body).slice(0, 40)).toBeGreaterThanOrEqual(400);
      if (JSON.stringify(body).length < 1_000_000) {
        await send("POST", "/Patient/$validate", { body });
        const entry = [{ resource: body, request: { method: "POST", url: `Patient?${mark}=${mark}` } }];
        await send("POST", "/", { body: { resourceType: "Bundle", type: "batch", entry } });
        await send("POST", "/", { body: { resourceType: "Bundle", type: "transaction", entry } });
      }
    }
    const key = { "Idempotency-Key": mark };
    const WITH_MARKS = {
      Origin: `https://${mark}.example`,
      "X-Request-Id": mark,
      [ECHO]: mark,
      [mark]: mark,
    };
    const LENIENT = { Prefer: "handling=lenient, return=OperationOutcome" };
    const PATCH_TYPE = "application/json-patch+json";
    await create(somebody(), key);
    const requests: readonly (readonly [number, string, string, Options?])[] = [
      [422, "POST", "/Patient", { body: somebody(), headers: key }],
      [415, "POST", "/Patient", { body: somebody(), headers: { "Content-Type": `text/${mark}` } }],
      [406, "GET", `/Patient/${id}`, { headers: { Accept: `text/${mark}` } }],
      [400, "POST", "/Patient", { body: somebody(), headers: { "If-None-Exist": `name=${mark}` } }],
      [400, "GET", `/Patient?name=${mark}`],
      [400, "GET", `/Patient?identifier=${mark}&_count=${mark}`],
      [400, "GET", `/Patient?identifier=${encodeURIComponent("http://hl7.org/fhir/sid/us-ssn|219-09-9801")}`],
      [400, "GET", `/Patient/${mark}_`],
      [404, "GET", `/Patient/${id}/_history/${mark}`],
      [404, "GET", `/${mark}/${mark}`],
      [400, "GET", `/Patient?${mark}=${mark}`],
      [200, "GET", `/Patient?${mark}=${mark}`, { headers: { Prefer: "handling=lenient" } }],
      [400, "GET", `/Patient/${id}?_elements=${mark}`],
      [200, "GET", `/Patient/${id}`, { headers: WITH_MARKS }],
      [201, "POST", "/Patient", { body: somebody(), headers: { ...WITH_MARKS, Prefer: `return=${mark}; ${mark}` } }],
      [201, "POST", "/Patient", { body: { ...somebody(), [mark]: mark }, headers: LENIENT }],
      [400, "POST", `/Patient/$validate?mode=${mark}`, { body: somebody() }],
      [400, "POST", `/Patient/$to-particle?patient=${mark}_`, { body: somebody() }],
      [400, "POST", "/Patient/$to-particle", { body: { resourceType: "Parameters", parameter: [{ name: mark }] } }],
      ...[
        [{ op: mark, path: `/${mark}`, value: mark }],
        [{ op: "add", path: mark, value: mark }],
        [{ op: "copy", from: `/${mark}/${mark}`, path: `/${mark}` }],
        [{ op: "add", path: `/${mark}`, value: mark }],
      ].map(
        (body, at) =>
          [at < 2 ? 400 : 422, "PATCH", `/Patient/${id}`, { body, headers: { "Content-Type": PATCH_TYPE } }] as const,
      ),
      [404, "GET", "/Patient/nobody"],
      [405, "POST", `/Patient/${id}`, { body: somebody() }],
      [412, "PUT", `/Patient/${id}`, { body: { ...known, id }, headers: { "If-Match": 'W/"99"' } }],
      [412, "PUT", `/Patient/${id}`, { body: { ...known, id }, headers: { "If-None-Match": "*" } }],
      [400, "PUT", `/Patient/${id}`, { body: { ...known, id }, headers: { "If-Match": mark } }],
      [400, "PUT", `/Patient/${id}`, { body: { ...known, id }, headers: { "Overlay-Reason": mark } }],
      [409, "PUT", `/Patient/${id}`, { body: somebody({ id }) }],
      [409, "PUT", `/Patient/${id}`, { body: somebody({ id }), headers: { "Overlay-Reason": "correction" } }],
      [
        422,
        "PATCH",
        `/Patient/${id}`,
        {
          body: [{ op: "test", path: "/name/0/family", value: mark }],
          headers: { "Content-Type": "application/json-patch+json" },
        },
      ],
    ];
    for (const [status, method, path, options] of requests) {
      expect((await send(method, path, options)).status, `${method} ${path}`).toBe(status);
    }
    const shared = { identifier: known.identifier?.slice(0, 1) ?? [] };
    await create(somebody(shared));
    const several = await send("PUT", `/Patient?identifier=${tokenOf(known)}`, { body: known });
    expect(several.status).toBe(412);
    await send("DELETE", `/Patient/${id}`);
    expect((await send("GET", `/Patient/${id}`)).status).toBe(410);
    twin.dynamodb.configure({ throttling: { probability: 1 } });
    expect((await create(somebody())).status).toBeGreaterThanOrEqual(503);
    await invoke("RecoverRegistrations");
    twin.dynamodb.configure({});
    twin.secrets.configure({ internalError: { probability: 1 } });
    await twin.kill("CreatePatient");
    expect((await create(somebody())).status).toBe(503);
    await invoke("RefreshToken");
    twin.secrets.configure({});
  });

  it("pass through every fault of Particle", async () => {
    const patient = somebody();
    const id = idIn((await create(patient)).headers);
    const inOneOf = ({ name, birthDate }: Patient) => `${name?.[0]?.family} is not ${birthDate}`;
    const SETTINGS: Readonly<Record<string, object>> = {
      status: { status: 500 },
      "late-commit": { commitAfterMs: 0 },
      delay: { delayMs: 1_500 },
    };
    for (const fault of faultRuleSchema.options.map(({ entries }) => entries.fault.literal)) {
      const one = somebody();
      const rule = { fault, ...SETTINGS[fault], ...(fault === "garbage" && { body: `<${inOneOf(one)}` }) };
      await withParticle({ faults: [rule] as NonNullable<SwitchChanges["faults"]> }, async () => {
        await Promise.all([create(one), send("GET", `/Patient/${id}`)]);
        // What is open keeps others from it.
        await create(one);
        twin.particle.release();
      });
    }
    const refused = somebody();
    for (const status of [400, 401, 403, 404, 409, 412, 422, 429]) {
      const faults = [{ fault: "status", status, message: inOneOf(refused) } as const];
      await withParticle({ faults, errorBody: status === 409 ? "text" : "json" }, () => create(refused));
    }
    // Nobody sent what Particle holds, or says that it holds, of somebody: it cannot be taken out by what was sent.
    const held = [{ fault: "status", status: 422, message: `is held as ${inOneOf(somebody())}` } as const];
    await withParticle({ faults: held }, async () => {
      expect((await put({ ...patient, id, address: somebody().address ?? [] })).status).toBe(422);
      expect((await send("DELETE", `/Patient/${id}`)).status).toBe(422);
    });
    await withParticle({ expireTokens: true }, () => send("GET", `/Patient/${id}`));
    await withParticle({ faults: [{ fault: "status", status: 500 }] }, () => invoke("RefreshToken"));
    await invoke("RefreshToken");
    await invoke("RecoverRegistrations");
  }, 60_000);

  it("pass where callers send tokens and identifiers are unique", async () => {
    twin = other;
    const signed = async (scope: string) => ({ Authorization: `Bearer ${await other.issuer?.token({ scope })}` });
    const all = await signed("system/Patient.cruds");
    const unique = { identifier: [{ system: UNIQUE, value: somebody().identifier?.[0]?.value ?? "" }] };
    expect((await create(somebody(unique), all)).status).toBe(201);
    expect((await create(somebody(unique), all)).status).toBe(409);
    expect((await put(somebody({ ...unique, id: "another" }), all)).status).toBe(409);
    expect((await create(somebody(), await signed("system/Patient.r"))).status).toBe(403);
    expect((await create(somebody(), { Authorization: `Bearer ${someMark()}` })).status).toBe(401);
    // Of a method that was opened by mistake: only the function says no.
    const { httpMethod, path, resource } = { httpMethod: "GET", path: "/Patient/one", resource: "/Patient/{id}" };
    const requestContext = { httpMethod, path, resourcePath: resource, requestId: "unsigned", identity: {} };
    const pathParameters = { id: "one" };
    const headers = { [someMark()]: someMark() };
    const event = { httpMethod, path, resource, requestContext, pathParameters, headers, body: null };
    const unsigned = await other.invoke("ReadPatient", event);
    traces.push({ where: "answer to what nobody signed", text: JSON.stringify(unsigned) });
    expect(unsigned).toMatchObject({ ok: true });
    twin = main;
  });

  const logsOfAll = () => [...main.logs(), ...other.logs()];

  it("have met every kind of failure on their way", () => {
    const lines = logsOfAll().flatMap(({ text }) => text.match(/"failure":"([\w-]+)"/g) ?? []);
    const met = new Set(lines.map((text) => text.slice('"failure":"'.length, -1)));
    const KINDS: Readonly<Record<Failure["kind"], true>> = {
      invalid: true,
      unprocessable: true,
      "too-large": true,
      "unsupported-media-type": true,
      "not-acceptable": true,
      "not-found": true,
      deleted: true,
      "method-not-allowed": true,
      "version-conflict": true,
      "already-there": true,
      duplicate: true,
      unauthenticated: true,
      forbidden: true,
      "multiple-matches": true,
      "overlay-suspected": true,
      "particle-overlay": true,
      "in-flight": true,
      "particle-rejected": true,
      "particle-throttled": true,
      "particle-unintelligible": true,
      "particle-unavailable": true,
      "particle-refuses-token": true,
      "store-unavailable": true,
      "outcome-unknown": true,
    };
    expect(Object.keys(KINDS).filter((kind) => !met.has(kind))).toEqual([]);
  });

  it("are found where they belong, so this would notice them elsewhere", async () => {
    const held = marksIn(JSON.stringify(twin.particle.patients()), pathByForm);
    for (const leaf of [
      "name[0].family",
      "birthDate",
      "telecom[0].value",
      "identifier[1].value",
      "address[0].line[0]",
    ]) {
      expect(
        held.some((path) => path.endsWith(`, ${leaf}`)),
        leaf,
      ).toBe(true);
    }
    const marksRecorded = marksIn(recorded.join(" "), pathByForm).map((path) => path.replace(/^person \d+, /, ""));
    expect([...new Set(marksRecorded)].sort()).toEqual([
      "identifier[0].system",
      "identifier[0].type.coding[0].code",
      "identifier[0].type.coding[0].system",
      "identifier[0].value",
    ]);
  });

  it("are in no log line, metric or audit event", () => {
    const logs = logsOfAll().map(({ functionName, text }) => ({ where: `log of ${functionName}`, text }));
    expect(logs.some(({ text }) => text.includes("CloudWatchMetrics"))).toBe(true);
    const audit = [...main.logGroups.events(), ...other.logGroups.events()].map(({ message }) => ({
      where: "audit log",
      text: message,
    }));
    expect(audit.length).toBeGreaterThan(100);
    expect(leaks([...logs, ...audit])).toEqual([]);
  });

  it("are in no header, error text or outcome of an answer", () => {
    expect(traces.length).toBeGreaterThan(200);
    expect(leaks(traces)).toEqual([]);
  });

  it("are in no URL that Particle was asked for", () => {
    const urls = [...main.particle.requests(), ...other.particle.requests()].map(({ method, path }) => ({
      where: `URL of a ${method}`,
      text: path,
    }));
    expect(urls.length).toBeGreaterThan(50);
    expect(leaks(urls)).toEqual([]);
  });

  it("are in nothing that was ever written to the table, but the recorded identifiers", () => {
    expect(stored.length).toBeGreaterThan(100);
    expect(leaks(stored)).toEqual([]);
  });
});
