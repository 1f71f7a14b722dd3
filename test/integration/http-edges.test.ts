import { request as httpRequest } from "node:http";
import { gzipSync } from "node:zlib";
import type { Bundle, OperationOutcome } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { routes } from "../../shared/http/routes.ts";
import { codesOf, type FhirClient, fhirClient, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN } from "../support/registration-harness.ts";

let twin: Twin;
let client: FhirClient;

beforeAll(async () => {
  twin = await startAdapter();
  client = fhirClient(twin.url);
  await client.update(henrick({ id: "edge.1" }));
}, 120_000);
afterAll(() => twin?.close());

/** As the bytes are given: `fetch` would tidy paths and merge headers. */
const raw = (method: string, path: string, headers: readonly string[] = [], body: string | Buffer = "") =>
  new Promise<{ status: number; headers: Record<string, unknown>; text: string }>((resolve, reject) => {
    const all = ["Host", "h", "Content-Length", String(Buffer.byteLength(body)), ...headers];
    const outgoing = httpRequest(
      { host: "127.0.0.1", port: twin.gateway.port, path, method, headers: all },
      (incoming) => {
        let text = "";
        incoming.on("data", (chunk: Buffer) => {
          text += chunk;
        });
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });

const PATHS = [...new Set(routes.map(({ path }) => path))];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

describe("methods", () => {
  it.each(PATHS)("%s answers 405 with Allow to every method that it does not have", async (path) => {
    const allowed: string[] = routes.filter((route) => route.path === path).map(({ method }) => method);
    const target = path.replace("{id}", "edge.1").replace("{versionId}", "1");
    for (const method of METHODS.filter((one) => !allowed.includes(one))) {
      const { status, headers, resource } = await client.send(method, target);
      expect([method, status, headers.get("allow")]).toEqual([method, 405, allowed.join(", ")]);
      expect(resource?.resourceType).toBe(method === "HEAD" ? undefined : "OperationOutcome");
    }
  });

  it("HEAD is there wherever GET is, and answers what GET does, without the body", async () => {
    for (const { path } of routes.filter(({ method }) => method === "GET")) {
      const target = `${path.replace("{id}", "edge.1").replace("{versionId}", "1")}`;
      const [get, head] = [await raw("GET", target), await raw("HEAD", target)];
      expect([head.status, head.text, head.headers["content-type"]]).toEqual([
        get.status,
        "",
        get.headers["content-type"],
      ]);
      expect(head.headers["etag"]).toBe(get.headers["etag"]);
    }
  });
});

describe("paths", () => {
  it.each(["/Patient/edge.1/", "/Patient/edge%2E1", "/%50atient/edge.1"])("%s is the patient", async (path) => {
    expect((await raw("GET", path)).status).toBe(200);
  });

  it.each([
    ["/patient/edge.1", 404],
    ["/Patient/edge_1", 400],
    ["/Patient/edge%7C1", 400],
    ["/Patient/%00", 400],
    ["/Patient/%", 400],
    [`/Patient/${"a".repeat(65)}`, 400],
    ["/Patient/edge.1/name", 404],
    ["/Patient/edge.1/_history", 404],
    ["/Patient/edge.1/_history/x", 404],
    ["/fhir/Patient/edge.1", 404],
  ])("GET %s is %d", async (path, status) => {
    const answer = await raw("GET", path);
    expect([answer.status, JSON.parse(answer.text).resourceType]).toEqual([status, "OperationOutcome"]);
  });
});

describe("headers", () => {
  it("that are repeated are one list", async () => {
    const twice = ["Accept", "application/fhir+xml", "Accept", "application/fhir+json"];
    expect((await raw("GET", "/Patient/edge.1", twice)).status).toBe(200);
    const tags = ["If-None-Match", 'W/"8"', "If-None-Match", 'W/"1"'];
    expect((await raw("GET", "/Patient/edge.1", tags)).status).toBe(304);
    const two = ["If-Match", 'W/"1"', "If-Match", 'W/"2"'];
    expect((await raw("DELETE", "/Patient/edge.1", two)).status).toBe(400);
  });

  it.each(["1", "W/1", '"', "W/", 'W/"1", W/"2"', '*, W/"1"', 'w/"1"'])("an If-Match of %s is refused", async (tag) => {
    expect((await raw("DELETE", "/Patient/edge.1", ["If-Match", tag])).status).toBe(400);
  });

  it("that are an If-Match may be weak or strong", async () => {
    const body = JSON.stringify(henrick({ id: "edge.1" }));
    const put = (tag: string) =>
      raw("PUT", "/Patient/edge.1", ["Content-Type", "application/fhir+json", "If-Match", tag], body);
    const tags = ['W/"1"', '"1"', "*", 'W/"2"', '"2"', '""'];
    expect((await Promise.all(tags.map(put))).map(({ status }) => status)).toEqual([200, 200, 200, 412, 412, 412]);
  });

  it.each(['W/"1"', '"1"', 'W/"8", "1"', 'W/"8",W/"1"', "*"])(
    "an If-None-Match of %s names what is there",
    async (tag) => {
      expect((await raw("GET", "/Patient/edge.1", ["If-None-Match", tag])).status).toBe(304);
    },
  );

  it.each(["1", 'W/"8"', 'W/"1"x', ""])("an If-None-Match of %s does not", async (tag) => {
    expect((await raw("GET", "/Patient/edge.1", ["If-None-Match", tag])).status).toBe(200);
  });

  it.each([
    ["POST", "/Patient", "If-Match"],
    ["POST", "/Patient", "If-None-Match"],
    ["PUT", "/Patient/edge.1", "If-None-Exist"],
    ["PATCH", "/Patient/edge.1", "If-None-Match"],
    ["DELETE", "/Patient/edge.1", "If-None-Match"],
    ["DELETE", "/Patient/edge.1", "If-Unmodified-Since"],
    ["POST", "/", "If-None-Exist"],
  ])("that are conditions which the interaction does not know are refused: %s %s %s", async (method, path, name) => {
    const headers = { [name]: "*" };
    const refused = await client.failure(method, path, { body: henrick({ id: "edge.1" }), headers });
    expect([refused.status, refused.resource.issue[0]?.diagnostics]).toEqual([400, expect.stringContaining(name)]);
    expect((await client.read("edge.1")).headers.get("etag")).toBe('W/"1"');
  });

  it("that are preferences count the first time", async () => {
    const twice = ["Prefer", "return=minimal", "Prefer", "return=representation", "If-None-Match", "*"];
    const body = JSON.stringify(henrick({ id: "edge.2", identifier: [{ value: "edge.2" }] }));
    const answer = await raw("PUT", "/Patient/edge.2", ["Content-Type", "application/fhir+json", ...twice], body);
    expect([answer.status, answer.text]).toEqual([201, ""]);
  });

  it("cannot make another method of a request", async () => {
    const override = ["X-HTTP-Method-Override", "DELETE", "X-HTTP-Method", "DELETE", "X-Method-Override", "DELETE"];
    expect((await raw("POST", "/Patient/edge.1", override)).status).toBe(405);
    expect((await raw("GET", "/Patient/edge.1", override)).status).toBe(200);
    expect((await raw("GET", "/Patient/edge.1")).status).toBe(200);
  });
});

describe("bodies", () => {
  it("of a GET are not looked at", async () => {
    const answer = await raw("GET", "/Patient/edge.1", ["Content-Type", "application/fhir+xml"], "<x");
    expect(answer.status).toBe(200);
  });

  it.each([
    ["an empty one", "", 400],
    ["a blank one", "  ", 400],
    ["one that is too large", " ".repeat(1_000_001), 413],
    ["one of another encoding", Buffer.from(`\ufeff${JSON.stringify(henrick())}`, "utf16le"), 400],
  ])("%s is refused", async (_, body, status) => {
    const answer = await raw("POST", "/Patient", ["Content-Type", "application/fhir+json"], body);
    expect([answer.status, JSON.parse(answer.text).resourceType]).toEqual([status, "OperationOutcome"]);
  });

  it("may begin with a byte order mark, and are taken in UTF-8 and not compressed only", async () => {
    const body = JSON.stringify(henrick());
    const send = (type: string, sent: string | Buffer, ...headers: string[]) =>
      raw("POST", "/Patient/$validate", ["Content-Type", type, ...headers], sent);
    const type = "application/fhir+json";
    expect((await send(type, `\ufeff${body}`)).status).toBe(200);
    expect((await send(`${type}; charset="utf-8"`, body)).status).toBe(200);
    expect((await send(`${type}; charset=iso-8859-1`, body)).status).toBe(415);
    expect((await send(type, body, "Content-Encoding", "identity")).status).toBe(200);
    expect((await send(type, gzipSync(body), "Content-Encoding", "gzip")).status).toBe(415);
    expect((await send(type, body, "Content-Type", "text/plain")).status).toBe(415);
  });

  it("that are forms belong to searches", async () => {
    const form = ["Content-Type", "application/x-www-form-urlencoded"];
    expect((await raw("POST", "/Patient/_search", form, "_id=edge.1")).status).toBe(200);
    expect((await raw("POST", "/Patient/_search", ["Content-Type", "application/fhir+json"], "{}")).status).toBe(415);
    expect((await raw("POST", "/Patient/_search", form, `_id=${"a".repeat(1_000_001)}`)).status).toBe(413);
    expect((await raw("POST", "/Patient", form, "_id=edge.1")).status).toBe(415);
  });
});

describe("parameters", () => {
  it.each([
    ["POST", "/Patient?x=1"],
    ["PUT", "/Patient/edge.1?identifier=a%7Cb"],
    ["PATCH", "/Patient/edge.1?_summary=x"],
    ["DELETE", "/Patient/edge.1?cascade=true"],
    ["GET", "/metadata?x=1"],
    ["POST", "/Patient/$validate?x=1"],
    ["POST", "/Patient/$to-particle?x=1"],
    ["POST", "/?x=1"],
  ])("that are not understood are refused, and nothing is done: %s %s", async (method, path) => {
    const { status } = await client.failure(method, path, method === "GET" ? {} : { body: henrick({ id: "edge.1" }) });
    expect(status).toBe(400);
    expect((await client.read("edge.1")).headers.get("etag")).toBe('W/"1"');
  });
});

describe("requests with more faults than an answer can hold", () => {
  const times = <One>(count: number, make: (index: number) => One): One[] =>
    Array.from({ length: count }, (_, index) => make(index));

  it.each([
    ["a patch", 1_001],
    ["a long patch", 300_000],
  ])("%s is refused by the number of its operations", async (_, count) => {
    const { status, resource } = await client.failure("PATCH", "/Patient/edge.1", {
      body: times(count, () => ({})),
      headers: { "Content-Type": "application/json-patch+json" },
    });
    expect([status, resource.issue.length]).toEqual([400, 1]);
    expect(resource.issue[0]?.diagnostics).toContain("at most 1000 operations");
  });

  it("a patch of as many operations as there may be is told that some faults are left out", async () => {
    const { status, resource } = await client.failure("PATCH", "/Patient/edge.1", {
      body: times(1_000, () => ({})),
      headers: { "Content-Type": "application/json-patch+json" },
    });
    expect(status).toBe(400);
    expect(resource.issue.at(-1)?.diagnostics).toMatch(/^\d+ more /);
  });

  it.each([
    ["many", "x&".repeat(40_000)],
    ["as many as a body may hold", "x&".repeat(450_000)],
    ["many of a name that may be given once", "_count=1&".repeat(100_000)],
    ["long", `identifier=${"a".repeat(100_000)}`],
  ])("a search is refused by its parameters also where it is lenient: %s", async (_, body) => {
    const { status, resource } = await client.failure("POST", "/Patient/_search", {
      body,
      headers: { "Content-Type": "application/x-www-form-urlencoded", Prefer: "handling=lenient" },
    });
    expect([status, codesOf(resource)]).toEqual([400, ["too-costly"]]);
  });

  it("a search tells as many remarks as fit, and how many there are more", async () => {
    const { status, resource } = await client.send<Bundle<OperationOutcome>>("POST", "/Patient/_search", {
      body: `_id=edge.1&${times(999, () => "x").join("&")}`,
      headers: { "Content-Type": "application/x-www-form-urlencoded", Prefer: "handling=lenient" },
    });
    const outcome = resource.entry?.find(({ search }) => search?.mode === "outcome")?.resource;
    expect([status, outcome?.issue.at(-1)?.diagnostics]).toEqual([200, expect.stringMatching(/^\d+ more /)]);
  });

  it.each(["batch", "transaction"])("a %s is refused by the number of its entries", async (type) => {
    const entry = times(90_000, () => ({ request: { method: "GET", url: "Observation/a" } }));
    const body = JSON.stringify({ resourceType: "Bundle", type, entry });
    const { status, resource } = await client.failure("POST", "/", { body });
    expect([status, codesOf(resource)]).toEqual([422, ["too-costly"]]);
  });

  it("a batch says what it did, whatever it says about the rest", async () => {
    const modifierExtension = times(1_000, () => ({ url: "u:x", valueCode: "x" }));
    const refused = { resource: { ...henrick(), modifierExtension }, request: { method: "POST", url: "Patient" } };
    const good = {
      resource: henrick({ identifier: [{ system: MRN.system, value: "good" }] }),
      request: { method: "POST", url: "Patient" },
    };
    const { status, resource } = await client.send<Bundle>("POST", "/?_pretty=true", {
      body: { resourceType: "Bundle", type: "batch", entry: [good, ...times(60, () => refused)] },
    });
    const [first, ...others] = resource.entry ?? [];
    expect([status, first?.response?.status, others.length]).toEqual([200, "201 Created", 60]);
    for (const { response } of others) {
      const outcome = response?.outcome as OperationOutcome | undefined;
      expect([response?.status, outcome?.issue.at(-1)?.diagnostics]).toEqual([
        "422 Unprocessable Entity",
        expect.stringMatching(/^\d+ more /),
      ]);
    }
  });
});

describe("what the gateway itself answers", () => {
  it("refuses a raw bar or brace in a query, and says how to write it", async () => {
    for (const character of ["|", "{", "}"]) {
      const { status, text, headers } = await raw("GET", `/Patient?identifier=a${character}b`);
      expect([status, headers["content-type"]]).toEqual([400, "application/fhir+json"]);
      expect(JSON.parse(text).issue[0].diagnostics).toContain("%7C");
    }
  });

  it("refuses who did not sign, on every path, there or not", async () => {
    for (const path of [...PATHS, "/Observation", "/Patient/edge.1/_history"]) {
      const refused = await client.failure("GET", path, { headers: { "x-local-caller": "anonymous" } });
      expect([refused.status, codesOf(refused.resource)]).toEqual([401, ["login"]]);
    }
  });

  it("refuses a body that a function cannot be given", async () => {
    const refused = await client.failure("POST", "/Patient", { body: " ".repeat(7_000_000) });
    expect([refused.status, codesOf(refused.resource)]).toEqual([413, ["too-long"]]);
  });

  it("says that the outcome is not known when the function ends dead", async () => {
    twin.dynamodb.configure({ hold: { write: 1, at: "before" } });
    const answer = client.failure("POST", "/Patient", { body: henrick({ identifier: [{ value: "dead" }] }) });
    await twin.dynamodb.held();
    await twin.kill("CreatePatient");
    const { status, headers, resource } = await answer;
    expect([status, headers.get("retry-after"), codesOf(resource)]).toEqual([502, "60", ["transient"]]);
    twin.dynamodb.configure({});
  });
});
