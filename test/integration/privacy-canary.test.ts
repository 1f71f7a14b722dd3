import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import type { FhirResource, Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { faultRuleSchema } from "../../local/particle/fault-rules.ts";
import type { SwitchChanges } from "../../local/particle/switches.ts";
import type { Twin } from "../../local/twin.ts";
import type { Failure } from "../../shared/failure/failure.ts";
import { idIn, startAdapter } from "../support/fhir-over-http.ts";
import { type Mark, markedPatient, marksIn } from "../support/marked-patient.ts";

/** Something that leaves the functions by another way than a successful answer. */
type Trace = { readonly where: string; readonly text: string };

let twin: Twin;
const marks: Mark[] = [];
const traces: Trace[] = [];
let people = 0;

/** Somebody new, whose marks are watched from now on. */
function somebody(changes: Partial<Patient> = {}): Patient {
  people += 1;
  const { patient, marks: own } = markedPatient(people);
  marks.push(...own.map(({ path, forms }) => ({ path: `person ${people}, ${path}`, forms })));
  return { ...patient, ...changes };
}

const isOutcome = (resource: FhirResource): boolean => resource.resourceType === "OperationOutcome";

/** What of an answer may hold no mark: all that is no Patient. */
function shownOf(status: number, body: string): string {
  const resource: FhirResource | undefined = body === "" ? undefined : JSON.parse(body);
  if (resource === undefined || status >= 400 || isOutcome(resource)) {
    return body;
  }
  return resource.resourceType === "Bundle" && resource.type !== "searchset"
    ? JSON.stringify((resource.entry ?? []).map(({ response }) => response))
    : "";
}

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
    { where: `headers of ${where}`, text: JSON.stringify([...response.headers]) },
    { where: `body of ${where}`, text: shownOf(response.status, text) },
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

/** Identifiers that are recorded with their mapping, and with what an operation is to make of it. */
function withoutRecorded(item: Record<string, unknown>): unknown {
  const { identifiers: _, operation, ...rest } = item;
  const { intended, ...open } = (operation ?? {}) as { intended?: Record<string, unknown> };
  return { ...rest, ...open, ...(intended && { intended: { ...intended, identifiers: undefined } }) };
}

async function tableItems(): Promise<Record<string, unknown>[]> {
  const client = new DynamoDBClient({
    region: "us-east-1",
    endpoint: twin.dynamodb.url,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const found: Record<string, unknown>[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: twin.tableName, ConsistentRead: true })) {
    found.push(...Items.map((item) => unmarshall(item)));
  }
  client.destroy();
  return found;
}

const leaks = (found: readonly Trace[]): string[] =>
  found.flatMap(({ where, text }) => marksIn(text, marks).map((path) => `${path} in the ${where}`));

beforeAll(async () => {
  // A request has little time for Particle: unknown outcomes come fast.
  twin = await startAdapter({ timeoutMs: 3_600, environment: { PARTICLE_ATTEMPT_TIMEOUT_MS: "250" } });
}, 120_000);
afterAll(() => twin?.close());

/** Kinds that only other deployments (a unique system, OIDC) or the gateway answer. */
const ELSEWHERE = ["duplicate", "unauthenticated", "forbidden"] as const satisfies readonly Failure["kind"][];

describe("marks in every leaf of a Patient", () => {
  it("pass through every interaction", async () => {
    const first = somebody();
    const created = await create(first);
    expect([created.status, created.text]).toEqual([201, expect.stringContaining(first.name?.[0]?.family ?? "")]);
    const id = idIn(created.headers);
    await create(first);
    await create(first, { "If-None-Exist": `identifier=${decodeURIComponent(tokenOf(first))}` });
    const keyed = somebody();
    await create(keyed, { "Idempotency-Key": keyed.name?.[0]?.family ?? "" });
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
    const patch = [{ op: "replace", path: "/name/0/family", value: somebody().name?.[0]?.family }];
    const patchType = { "Content-Type": "application/json-patch+json" };
    expect((await send("PATCH", `/Patient/${id}`, { body: patch, headers: patchType })).status).toBe(200);
    for (const type of ["batch", "transaction"]) {
      const entry = [somebody(), somebody()].map((resource) => ({
        resource,
        request: { method: "POST", url: "Patient" },
      }));
      expect((await send("POST", "/", { body: { resourceType: "Bundle", type, entry } })).status).toBe(200);
    }
    expect((await send("POST", "/Patient/$validate", { body: somebody() })).status).toBe(200);
    await send("GET", "/metadata");
    expect((await send("DELETE", `/Patient?identifier=${tokenOf(first)}`)).status).toBe(204);
    await send("DELETE", `/Patient/${id}`, { headers: { Prefer: "return=OperationOutcome" } });
  });

  it("pass through every failure", async () => {
    const known = somebody();
    const id = idIn((await create(known)).headers);
    const mark = somebody().name?.[0]?.family ?? "";
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
    await withParticle({ expireTokens: true }, () => send("GET", `/Patient/${id}`));
    await withParticle({ faults: [{ fault: "status", status: 500 }] }, () => invoke("RefreshToken"));
    await invoke("RefreshToken");
    await invoke("RecoverRegistrations");
  }, 60_000);

  it("have met every kind of failure on their way", () => {
    const lines = twin.logs().flatMap(({ text }) => text.match(/"failure":"([\w-]+)"/g) ?? []);
    const met = new Set(lines.map((text) => text.slice('"failure":"'.length, -1)));
    const KINDS: Readonly<Record<Exclude<Failure["kind"], (typeof ELSEWHERE)[number]>, true>> = {
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
    const held = marksIn(JSON.stringify(twin.particle.patients()), marks);
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
    const recorded = marksIn(JSON.stringify(await tableItems()), marks).map((path) =>
      path.replace(/^person \d+, /, ""),
    );
    expect([...new Set(recorded)].sort()).toEqual([
      "identifier[0].system",
      "identifier[0].type.coding.code",
      "identifier[0].type.coding.system",
      "identifier[0].value",
    ]);
  });

  it("are in no log line, metric or audit event", () => {
    const logs = twin.logs().map(({ functionName, text }) => ({ where: `log of ${functionName}`, text }));
    expect(logs.some(({ text }) => text.includes("CloudWatchMetrics"))).toBe(true);
    const audit = twin.logGroups.events().map(({ message }) => ({ where: "audit log", text: message }));
    expect(audit.length).toBeGreaterThan(100);
    expect(leaks([...logs, ...audit])).toEqual([]);
  });

  it("are in no header, error text or outcome of an answer", () => {
    expect(traces.length).toBeGreaterThan(200);
    expect(leaks(traces)).toEqual([]);
  });

  it("are in no URL that Particle was asked for", () => {
    const urls = twin.particle.requests().map(({ method, path }) => ({ where: `URL of a ${method}`, text: path }));
    expect(urls.length).toBeGreaterThan(50);
    expect(leaks(urls)).toEqual([]);
  });

  it("are in no key and no attribute of the table, but the recorded identifiers", async () => {
    const items = (await tableItems()).map((item) => ({
      where: `item ${String(item["pk"]).split("#")[0]}`,
      text: JSON.stringify(withoutRecorded(item)),
    }));
    expect(items.length).toBeGreaterThan(50);
    expect(leaks(items)).toEqual([]);
  });
});
