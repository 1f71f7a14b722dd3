import { describe, expect, it } from "vitest";
import { bundleRequestOf } from "../../../shared/interactions/bundle-request.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import { bundleRequest } from "../../support/bundle-requests.ts";

const read = (body: unknown, headers = {}) => bundleRequestOf(bundleRequest(body, { deadline: 0, headers }));
const failureOf = async (body: unknown, headers = {}) =>
  (await adapterErrorOf((async () => read(body, headers))())).failure;
async function faultsOf(body: unknown): Promise<unknown[]> {
  const failure = await failureOf(body);
  return "faults" in failure
    ? [failure.kind, ...failure.faults.map(({ code, expression }) => [code, expression])]
    : [failure];
}

const request = { method: "GET", url: "Patient/1" };
const batch = (...entry: unknown[]) => ({ resourceType: "Bundle", type: "batch", entry });

describe("bundleRequestOf", () => {
  it("reads what each entry asks for", () => {
    const resource = { resourceType: "Patient" };
    const conditions = {
      ifMatch: 'W/"1"',
      ifNoneMatch: 'W/"2"',
      ifNoneExist: "identifier=a|b",
      ifModifiedSince: "2026-11-22T12:00:00Z",
    };
    const fullUrl = "urn:uuid:0f0f0f0f-0000-4000-8000-000000000001";
    expect(
      read({
        resourceType: "Bundle",
        id: "one",
        meta: { lastUpdated: "2026-11-22T12:00:00Z" },
        type: "transaction",
        entry: [{ fullUrl, resource, request: { method: "PUT", url: "Patient/1", ...conditions } }, { request }],
      }),
    ).toEqual({
      type: "transaction",
      entries: [
        { index: 0, fullUrl, resource, method: "PUT", url: "Patient/1", ...conditions },
        { index: 1, ...request },
      ],
    });
  });

  it.each([
    ["no object", [], [["structure", "Bundle"]]],
    ["another resource", { resourceType: "Patient" }, [["structure", "Bundle.resourceType"]]],
    ["no type", { resourceType: "Bundle" }, [["required", "Bundle.type"]]],
    ["a type that is not processed", { resourceType: "Bundle", type: "document" }, [["value", "Bundle.type"]]],
    [
      "a type that is no text",
      { resourceType: "Bundle", type: 1 },
      [
        ["structure", "Bundle.type"],
        ["value", "Bundle.type"],
      ],
    ],
    ["no entries in an array", batch(), [["structure", "Bundle.entry"]]],
    [
      "an entry that is none",
      batch(1, {}),
      [
        ["structure", "Bundle.entry[0]"],
        ["structure", "Bundle.entry[1]"],
        ["required", "Bundle.entry[1].request"],
      ],
    ],
    [
      "an entry without a request",
      batch({ resource: {} }),
      [
        ["structure", "Bundle.entry[0].resource"],
        ["required", "Bundle.entry[0].request"],
      ],
    ],
    [
      "requests without a method or a URL",
      batch({ request }, { request: { method: "GET" } }, { request: { url: "Patient/1" } }),
      [
        ["required", "Bundle.entry[1].request.url"],
        ["required", "Bundle.entry[2].request.method"],
      ],
    ],
    [
      "another method",
      batch({ request: { ...request, method: "get" } }),
      [["code-invalid", "Bundle.entry[0].request.method"]],
    ],
    [
      "writes without a resource",
      batch(
        { request: { method: "POST", url: "Patient" } },
        { request: { method: "PUT", url: "Patient/1" } },
        { request: { method: "PATCH", url: "Patient/1" } },
      ),
      [0, 1, 2].map((index) => ["required", `Bundle.entry[${index}].resource`]),
    ],
    [
      "elements that are not there",
      { ...batch({ request: { ...request, foo: 1 }, bar: 1, search: {} }), total: 3, baz: 1 },
      [
        ["invariant", "Bundle.total"],
        ["structure", "Bundle.children()[4]"],
        ["structure", "Bundle.entry[0].children()[1]"],
        ["invariant", "Bundle.entry[0].search"],
        ["structure", "Bundle.entry[0].request.children()[2]"],
      ],
    ],
    [
      "a URL with blanks, and a moment that is none",
      batch({ request: { method: "GET", url: "Patient/1 2", ifModifiedSince: "yesterday" } }),
      [
        ["value", "Bundle.entry[0].request.url"],
        ["value", "Bundle.entry[0].request.ifModifiedSince"],
      ],
    ],
    [
      "a local name twice, or a fullUrl of a version",
      batch(
        { fullUrl: "urn:uuid:1", request },
        { fullUrl: "urn:uuid:1", request },
        { fullUrl: "http://a/Patient/1/_history/2", request },
      ),
      [
        ["invariant", "Bundle.entry[1].fullUrl"],
        ["invariant", "Bundle.entry[2].fullUrl"],
      ],
    ],
  ])("refuses %s", async (_, body, expected) => {
    const [kind, ...faults] = await faultsOf(body);
    expect(kind).toBe("invalid");
    expect(faults).toHaveLength(expected.length);
    expect(faults).toEqual(expect.arrayContaining(expected));
  });

  it("takes two requests about one address, as the specification's own example has them", () => {
    const fullUrl = "http://example.org/fhir/Patient/123";
    expect(read(batch({ fullUrl, request }, { fullUrl, request })).entries).toHaveLength(2);
  });

  it("refuses what may change its meaning", async () => {
    const modifierExtension = [{ url: "https://example.org/not", valueBoolean: true }];
    expect(
      await faultsOf({
        ...batch({ modifierExtension, request: { ...request, modifierExtension } }),
        implicitRules: "https://example.org/rules",
      }),
    ).toEqual([
      "unprocessable",
      ["extension", "Bundle.implicitRules"],
      ["extension", "Bundle.entry[0].modifierExtension"],
      ["extension", "Bundle.entry[0].request.modifierExtension"],
    ]);
  });

  it("takes up to 5 MB", async () => {
    const padded = (size: number) => `${JSON.stringify(batch({ request })).padEnd(size, " ")}`;
    expect(read(padded(5_000_000)).entries).toHaveLength(1);
    expect(await failureOf(padded(5_000_001))).toEqual({ kind: "too-large", limitBytes: 5_000_000 });
  });

  it("refuses what is not JSON, and other media types", async () => {
    expect(await failureOf("{")).toMatchObject({ kind: "invalid" });
    expect(await failureOf(batch({ request }), { "content-type": "text/plain" })).toEqual({
      kind: "unsupported-media-type",
    });
  });
});
