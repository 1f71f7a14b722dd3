import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AdapterError } from "../../../shared/failure/failure.ts";
import { negotiatedType, preferencesOf, requireContentType } from "../../../shared/http/negotiation.ts";

const kindOf = (act: () => unknown): string => {
  try {
    act();
    return "fine";
  } catch (error) {
    return error instanceof AdapterError ? error.failure.kind : "a bug";
  }
};

describe("the type of an answer", () => {
  it.each([
    [undefined, "application/fhir+json"],
    ["", "application/fhir+json"],
    [" , ", "application/fhir+json"],
    ["APPLICATION/FHIR+JSON", "application/fhir+json"],
    ["application/json, text/plain, */*", "application/fhir+json"],
    ["application/json", "application/json"],
    ["application/json;q=0.9, application/fhir+json;q=0.2", "application/json"],
    ["text/*", "text/json"],
    ["*/*;q=0, application/json", "application/json"],
    ["application/*;q=0, */*", "text/json"],
    ['application/fhir+json;fhirVersion="4.0"', "application/fhir+json"],
    ["application/fhir+json;FHIRVERSION=4.0.1", "application/fhir+json"],
    ["application/fhir+json;fhirVersion=5.0, application/fhir+json;fhirVersion=4.0;q=0.1", "application/fhir+json"],
    ["application/fhir+json;q=nonsense", "application/fhir+json"],
  ])("for Accept: %s is %s", (accept, type) => {
    expect(negotiatedType(accept, undefined)).toBe(type);
  });

  it.each([
    "text/html",
    "application/fhir+json;q=0",
    "*/*;q=0.0",
    "application/fhir+json;fhirVersion=3.0",
    "json",
    "/",
  ])("there is none for Accept: %s", (accept) => {
    expect(kindOf(() => negotiatedType(accept, undefined))).toBe("not-acceptable");
  });

  it("is never a type that the client gave the weight 0 by name", () => {
    const types = ["application/fhir+json", "application/json", "text/json"] as const;
    const ranges = fc.tuple(
      fc.constantFrom(...types, "application/*", "text/*", "*/*"),
      fc.constantFrom("0", "0.3", "1"),
    );
    fc.assert(
      fc.property(fc.uniqueArray(ranges, { minLength: 1, selector: ([range]) => range }), (list) => {
        const accept = list.map(([range, q]) => `${range};q=${q}`).join(", ");
        const refused = list.filter(([, q]) => q === "0").map(([range]) => range);
        expect(["not-acceptable", "fine"]).toContain(kindOf(() => negotiatedType(accept, undefined)));
        if (kindOf(() => negotiatedType(accept, undefined)) === "fine") {
          expect(refused).not.toContain(negotiatedType(accept, undefined));
        }
      }),
    );
  });

  it("fails only as not acceptable, whatever is sent", () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.string(), { nil: undefined }), (accept, format) => {
        expect(["fine", "not-acceptable"]).toContain(kindOf(() => negotiatedType(accept, format)));
      }),
    );
  });
});

describe("the type of a body", () => {
  it.each([
    ["application/fhir+json", "fine"],
    ["application/json; charset=utf-8", "fine"],
    ['application/fhir+json; Charset="UTF-8"; FhirVersion=4.0', "fine"],
    ["application/fhir+json; charset=utf-16", "unsupported-media-type"],
    ["application/fhir+json; fhirVersion=3.0", "unsupported-media-type"],
    ["application/fhir+json, application/fhir+json", "unsupported-media-type"],
    [undefined, "unsupported-media-type"],
    ["", "unsupported-media-type"],
  ])("%s is %s", (type, expected) => {
    expect(kindOf(() => requireContentType({ "content-type": type }))).toBe(expected);
  });
});

describe("Prefer", () => {
  it.each([
    [undefined, { return: "representation", handling: "strict", validation: "strict" }],
    ["return=minimal; handling=lenient", { return: "minimal", handling: "lenient", validation: "lenient" }],
    [
      'RETURN="OperationOutcome", respond-async',
      { return: "OperationOutcome", handling: "strict", validation: "strict" },
    ],
    ["return=minimal, return=representation", { return: "minimal", handling: "strict", validation: "strict" }],
    ["return = minimal ;handling= lenient,", { return: "minimal", handling: "lenient", validation: "lenient" }],
    ["return=everything, handling=x", { return: "representation", handling: "strict", validation: "strict" }],
  ])("%s means %o", (prefer, expected) => {
    expect(preferencesOf(prefer)).toEqual(expected);
  });

  it.each([
    [undefined, { handling: "strict", validation: "lenient" }],
    ["handling=x", { handling: "strict", validation: "lenient" }],
    ["handling=strict", { handling: "strict", validation: "strict" }],
    ["handling=lenient", { handling: "lenient", validation: "lenient" }],
  ])("%s goes before what a lenient deployment does with Patients", (prefer, expected) => {
    expect(preferencesOf(prefer, "lenient")).toMatchObject(expected);
  });
});
