import fc from "fast-check";
import { henrickWithSsn, MRN } from "./registration-harness.ts";

/** A request as it goes over the wire. */
export type FuzzRequest = {
  readonly method: string;
  /** With the query, encoded or not. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
};

const often = <Value>(weight: number, arbitrary: fc.Arbitrary<Value>) => ({ weight, arbitrary });

/** What a request line and a header may hold at all; anything else never leaves a client's HTTP library. */
const visible = (characters: RegExp): fc.Arbitrary<string> =>
  fc
    .string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 24 })
    .map((text) => text.replace(characters, ""));

const METHODS = fc.oneof(
  often(9, fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")),
  often(1, fc.constantFrom("OPTIONS", "TRACE", "PROPFIND", "LOCK", "M-SEARCH", "PURGE", "REPORT")),
);

/** Some stand for patients that there are, some for those that there were. */
export const KNOWN_IDS = ["known-1", "known-2", "known-3", "deleted-1"];

const ids = fc.oneof(
  often(6, fc.constantFrom(...KNOWN_IDS)),
  often(
    1,
    fc.constantFrom(
      "new-1",
      "new-2",
      "a".repeat(64),
      "a".repeat(65),
      "%2e",
      "%00",
      "%E0%A4%A",
      "a%2Fb",
      "a%7Cb",
      "..",
      "$",
      "_search",
    ),
  ),
  often(1, visible(/[?#/]/g)),
);

const paths = fc.oneof(
  often(
    10,
    fc.oneof(
      fc.constantFrom(
        "/Patient",
        "/Patient/",
        "/Patient/_search",
        "/Patient/$validate",
        "/Patient/$to-particle",
        "/metadata",
        "/",
      ),
      ids.map((id) => `/Patient/${id}`),
      ids.map((id) => `/Patient/${id}/$validate`),
      fc
        .tuple(ids, fc.constantFrom("1", "2", "9", "x", "%00", ""))
        .map(([id, version]) => `/Patient/${id}/_history/${version}`),
    ),
  ),
  often(
    2,
    fc.constantFrom(
      "/Observation",
      "/Patient/known-1/_history",
      "/_history",
      "/Patient/$everything",
      "/Patient/%24validate",
      "/patient/known-1",
      "//Patient",
      "/Patient//known-1",
      "/../metadata",
      "/metadata/x",
      "/%",
    ),
  ),
  often(
    1,
    visible(/[?#]/g).map((noise) => `/${noise}`),
  ),
);

const names = fc.constantFrom(
  "_id",
  "identifier",
  "_count",
  "_total",
  "_summary",
  "_elements",
  "_format",
  "_pretty",
  "page",
  "mode",
  "profile",
  "identifier:exact",
  "_id:missing",
  "identifier.value",
  "_sort",
  "_include",
  "family",
  "__proto__",
  "constructor",
  "toString",
);
const values = fc.constantFrom(
  "known-1",
  "known-1,deleted-1",
  ",",
  "a\\,b",
  "a%5C%5C,b",
  "%5C%7Ca%5C",
  "%5C",
  `${MRN.system}%7CK-1`,
  "%7CK-1",
  "%7C",
  "|",
  "1",
  "0",
  "-1",
  "50",
  "51",
  "gt1",
  "99999999999",
  "true",
  "false",
  "count",
  "text",
  "data",
  "none",
  "accurate",
  "name,birthDate",
  "nonsense",
  "json",
  "xml",
  "application/fhir+json",
  "application%2Ffhir%2Bjson",
  "text/html",
  "",
  "%00",
  "%",
  "%zz",
  "%E0%A4%A",
  "eyJhZnRlciI6IngifQ",
  "e30",
  "W10",
  "eyJjb250aW51YXRpb25fdG9rZW4iOiJ4In0",
  "http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-ssn%7C123456789",
  "{}",
  "create",
  "update",
  "full",
);
const parameter = fc
  .tuple(fc.oneof(often(8, names), often(1, visible(/[#]/g))), fc.oneof(often(8, values), often(1, visible(/[#]/g))))
  .map(([name, value]) => `${name}=${value}`);

const query = fc.oneof(
  often(3, fc.constant("")),
  often(
    4,
    fc.array(parameter, { minLength: 1, maxLength: 4 }).map((parts) => `?${parts.join("&")}`),
  ),
  often(
    1,
    visible(/[#]/g).map((noise) => `?${noise}`),
  ),
);

const JSON_TYPES = [
  "application/fhir+json",
  "application/json",
  "application/fhir+json; charset=UTF-8; fhirVersion=4.0",
];
const mediaTypes = fc.constantFrom(
  ...JSON_TYPES,
  "application/fhir+json;fhirVersion=5.0",
  "application/json;charset=latin1",
  "application/json-patch+json",
  "application/x-www-form-urlencoded",
  "application/fhir+xml",
  "text/plain",
  "*/*",
  "application/*;q=0.5, */*;q=0",
  "application/json;q=0",
  ";",
  ",",
  "/",
  "=;=;=",
);

const header = fc.oneof(
  often(
    8,
    fc.oneof(
      fc.tuple(fc.constantFrom("Accept", "accept"), mediaTypes),
      fc.tuple(
        fc.constant("Prefer"),
        fc.constantFrom(
          "return=minimal",
          "return=OperationOutcome",
          "handling=lenient",
          "handling=lenient; return=x",
          ",;=",
          "respond-async",
        ),
      ),
      fc.tuple(
        fc.constantFrom("If-Match", "If-None-Match"),
        fc.constantFrom('W/"1"', '"1"', "*", 'W/"9"', "1", '""', 'W/"1", W/"2"', "W/"),
      ),
      fc.tuple(
        fc.constant("If-None-Exist"),
        fc.constantFrom(`identifier=${MRN.system}|K-1`, "identifier=|", "?", "identifier=a|b&_id=1", "%zz=%"),
      ),
      fc.tuple(fc.constant("Content-Encoding"), fc.constantFrom("gzip", "identity", ", ")),
      fc.tuple(
        fc.constantFrom("If-Modified-Since", "If-Unmodified-Since"),
        fc.constantFrom("Sun, 22 Nov 2026 00:00:00 GMT", "yesterday"),
      ),
      fc.tuple(fc.constant("Idempotency-Key"), fc.constantFrom("a", "b", "k".repeat(256), " ")),
      fc.tuple(fc.constant("Overlay-Reason"), fc.constantFrom("correction", "because")),
      fc.tuple(fc.constant("Cache-Control"), fc.constantFrom("no-cache", "max-age=0")),
      fc.tuple(fc.constant("x-local-caller"), fc.constantFrom("one", "anonymous")),
      fc.tuple(fc.constant("Origin"), fc.constantFrom("https://app.example", "null")),
    ),
  ),
  often(1, fc.tuple(fc.constantFrom("Accept", "Prefer", "If-Match", "If-None-Exist", "X-Odd"), visible(/^$/g))),
);

/** Any JSON, with the names that go wrong most. */
const anyJson = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    [],
    {},
    "",
    0,
    -0,
    1e308,
    [null],
    [[]],
    { "": "" },
    "\u0000",
    "\ud800",
    "2020-02-30",
    "<script>",
  ),
);

/** Where a change goes: the n-th of all places of the document, counted through. */
type Change = { readonly place: number; readonly value: unknown; readonly kind: "set" | "remove" | "repeat" };
const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.record({ place: fc.nat(200), value: anyJson, kind: fc.constantFrom("set", "remove", "repeat") }),
  { maxLength: 3 },
);

type Holder = Record<string, unknown>;

function placesIn(value: unknown): (readonly [Holder, string])[] {
  return value !== null && typeof value === "object"
    ? Object.entries(value).flatMap(([name, child]) => [[value as Holder, name] as const, ...placesIn(child)])
    : [];
}

function changed(document: unknown, list: readonly Change[]): unknown {
  const copy: unknown = structuredClone(document);
  for (const { place, value, kind } of list) {
    const places = placesIn(copy);
    const [holder, name] = places[place % places.length] ?? [];
    if (holder === undefined || name === undefined) {
      return value;
    }
    if (kind === "remove") {
      delete holder[name];
    } else {
      holder[name] = kind === "set" ? structuredClone(value) : [holder[name], holder[name]];
    }
  }
  return copy;
}

const patients = fc
  .tuple(fc.constantFrom(undefined, ...KNOWN_IDS), fc.nat(6))
  .map(([id, number]) =>
    henrickWithSsn({ ...(id !== undefined && { id }), identifier: [{ system: MRN.system, value: `K-${number}` }] }),
  );
/** A JSON Pointer to each member and entry of a value, at any depth. */
const pointersInto = (value: unknown): string[] =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => [
        `/${key}`,
        ...pointersInto(inner).map((rest) => `/${key}${rest}`),
      ])
    : [];
/** Nothing that a value has of its own: past its end, below a primitive, inherited from its prototype. */
const TAILS = [
  "/x",
  "/0",
  "/-",
  "/-1",
  "/length",
  "/toString",
  "/constructor",
  "/constructor/prototype",
  "/hasOwnProperty",
  "/map",
  "/slice/call",
  "/__proto__/x",
];
const pointers = fc.oneof(
  often(4, fc.constantFrom(...pointersInto(henrickWithSsn({ id: "known-1" })))),
  often(
    4,
    fc
      .tuple(fc.constantFrom("", ...pointersInto(henrickWithSsn())), fc.constantFrom(...TAILS))
      .map(([path, tail]) => path + tail),
  ),
  often(1, fc.constantFrom("", "/", "gender", "/telecom/99", "/~", "/~2", "/name/00")),
);
const patches = fc.array(
  fc.record({
    op: fc.constantFrom("add", "replace", "remove", "test", "move", "copy", "mend"),
    path: pointers,
    from: pointers,
    value: fc.oneof(fc.constantFrom<unknown>("Boston", "female"), anyJson),
  }),
  { maxLength: 3 },
);
const creations = patients.map((resource) => ({ resource, request: { method: "POST", url: "Patient" } }));
/** Whatever an entry may ask for, or not. */
const entries = fc.record(
  {
    fullUrl: fc.constantFrom("urn:uuid:0b1f1d3e-7f3d-4a6e-9d3c-111111111111", "https://elsewhere.example/Patient/1"),
    resource: patients,
    request: fc.record(
      {
        method: fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "get"),
        url: fc.tuple(paths, query).map(([path, search]) => (path + search).slice(1)),
        ifMatch: fc.constantFrom('W/"1"', "*", "1"),
        ifNoneMatch: fc.constantFrom('W/"1"', "*", "1"),
        ifNoneExist: fc.constantFrom(`identifier=${MRN.system}|K-1`, "identifier=a,b", "?"),
      },
      { requiredKeys: ["method", "url"] },
    ),
  },
  { requiredKeys: ["request"] },
);
const bundles = fc
  .tuple(fc.constantFrom("batch", "transaction", "searchset"), fc.array(fc.oneof(creations, entries), { maxLength: 3 }))
  .map(([type, entry]) => ({ resourceType: "Bundle", type, entry }));

const FHIR = "application/fhir+json";
const FORM = "application/x-www-form-urlencoded";

/** A request as a client means it, its body still a document or a form. */
type Meant = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly type: string;
  readonly body: unknown;
};

const meant = (method: string, path: string, type = "", body: unknown = undefined, search = ""): Meant => ({
  method,
  path,
  query: search,
  type,
  body,
});

const knownIds = fc.constantFrom(...KNOWN_IDS);
const condition = fc.nat(6).map((number) => `?identifier=${encodeURIComponent(`${MRN.system}|K-${number}`)}`);
const wellKnownQuery = fc.constantFrom(
  "",
  "?_id=known-1",
  "?_id=known-1,known-2&_count=1",
  "?_count=2",
  "?identifier=K-1&_elements=name",
  "?_id=known-2&_summary=count",
);

/** One of each thing that this server does. */
const VALID: fc.Arbitrary<Meant> = fc.oneof(
  patients.map((patient) => meant("POST", "/Patient", FHIR, patient)),
  fc.tuple(knownIds, patients).map(([id, patient]) => meant("PUT", `/Patient/${id}`, FHIR, { ...patient, id })),
  fc
    .tuple(patients, condition)
    .map(([{ id: _, ...patient }, search]) => meant("PUT", "/Patient", FHIR, patient, search)),
  fc
    .tuple(knownIds, patches)
    .map(([id, patch]) => meant("PATCH", `/Patient/${id}`, "application/json-patch+json", patch)),
  knownIds.map((id) => meant("DELETE", `/Patient/${id}`)),
  condition.map((search) => meant("DELETE", "/Patient", "", undefined, search)),
  fc.tuple(fc.constantFrom("GET", "HEAD"), knownIds).map(([method, id]) => meant(method, `/Patient/${id}`)),
  fc.tuple(knownIds, fc.nat(5)).map(([id, version]) => meant("GET", `/Patient/${id}/_history/${version}`)),
  wellKnownQuery.map((search) => meant("GET", "/Patient", "", undefined, search)),
  wellKnownQuery.map((search) => meant("POST", "/Patient/_search", FORM, search.slice(1))),
  patients.map((patient) => meant("POST", "/Patient/$validate", FHIR, patient)),
  patients.map((resource) =>
    meant("POST", "/Patient/$validate", FHIR, {
      resourceType: "Parameters",
      parameter: [{ name: "resource", resource }],
    }),
  ),
  fc
    .tuple(knownIds, patients)
    .map(([id, { id: _, ...patient }]) => meant("POST", "/Patient/$to-particle", FHIR, patient, `?patient=${id}`)),
  bundles.map((bundle) => meant("POST", "/", FHIR, bundle)),
  fc.constant(meant("GET", "/metadata")),
);

/** Any body, whatever it belongs to. */
const noise = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.array(parameter, { maxLength: 4 }).map((parts) => parts.join("&")),
  anyJson.map((value) => JSON.stringify(value) ?? ""),
  fc.constantFrom(
    "",
    "[".repeat(5000),
    '{"a":'.repeat(200),
    '{"resourceType":"Patient","gender":"male","gender":"male"}',
    "\ufeff{}",
    "null",
  ),
);

const textOf = (body: unknown): string =>
  body === undefined ? "" : typeof body === "string" ? body : (JSON.stringify(body) ?? "");

/** What becomes of the body: mostly nothing, or a few places of the document change, or its end is lost, or all of it. */
const bodyChange: fc.Arbitrary<(body: unknown) => string> = fc.oneof(
  often(10, fc.constant(textOf)),
  often(
    8,
    changes.map((list) => (body: unknown) => textOf(typeof body === "object" ? changed(body, list) : body)),
  ),
  often(
    1,
    fc.nat(400).map((length) => (body: unknown) => textOf(body).slice(0, length)),
  ),
  often(
    1,
    noise.map((text) => () => text),
  ),
);

/** Mostly as it was meant. */
const seldom = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.oneof(often(7, fc.constant(undefined)), often(1, arbitrary));

/** Valid requests with changes in every part, down to noise. */
export const fuzzRequests: fc.Arbitrary<FuzzRequest> = fc
  .record({
    request: VALID,
    method: seldom(METHODS),
    path: seldom(paths),
    query: seldom(query),
    type: seldom(mediaTypes),
    headers: fc.oneof(often(2, fc.constant([])), often(1, fc.array(header, { maxLength: 3 }))),
    change: bodyChange,
  })
  .map(({ request, method, path, query: search, type, headers, change }) => ({
    method: method ?? request.method,
    target: (path ?? request.path) + (search ?? request.query),
    headers: request.type === "" && type === undefined ? headers : [...headers, ["Content-Type", type ?? request.type]],
    body: change(request.body),
  }));
