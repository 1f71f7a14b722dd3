import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../../shared/fhir/json.ts";

const faultsOf = (text: string) => {
  const result = parseJson(text);
  return "faults" in result ? result.faults : [];
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("JSON", () => {
  it("is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2, "\t\r\n"), (json, indent) => {
        const text = JSON.stringify(JSON.parse(json), undefined, indent === "\t\r\n" ? "\t" : indent);
        expect(parseJson(text)).toEqual({ value: JSON.parse(text) });
      }),
    );
  });
  it("is refused where JSON.parse refuses it, and only there", () => {
    const piece = fc.constantFrom(
      ...'{ } [ ] , : " \\ \\u0041 \\u00 \\x a 0 01 -1 - 1. .5 1e5 1e 1E+2 true nul null false \u0001 \u007f \u2028'.split(
        " ",
      ),
      ...' |\t|\n|\u00a0|\ufeff|\ud800|"a"|"a":|[1|{"b":2'.split("|"),
    );
    const damaged = fc
      .tuple(fc.json(), fc.nat(), fc.nat(3), piece)
      .map(
        ([json, at, cut, part]) =>
          json.slice(0, at % (json.length + 1)) + part + json.slice((at % (json.length + 1)) + cut),
      );
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.array(piece, { maxLength: 8 }).map((parts) => parts.join("")),
        ),
        (text) => {
          const result = parseJson(text);
          const isRefused =
            "faults" in result && !result.faults.some((fault) => fault.diagnostics.includes("repeated"));
          // One byte order mark in front is tolerated beyond the standard.
          expect(isRefused).toBe(!isJson(text.replace(/^\ufeff/, "")));
        },
      ),
      { numRuns: 3000 },
    );
  });
  it("may have a byte order mark in front", () => expect(parseJson('\ufeff{"a":1}')).toEqual({ value: { a: 1 } }));
  it("may name a property __proto__, which changes no prototype", () => {
    const result = parseJson('{"__proto__": {"isAdmin": true}}');
    const value = "value" in result ? (result.value as { isAdmin?: boolean }) : {};
    expect(value.isAdmin).toBeUndefined();
    expect(Object.keys(value)).toEqual(["__proto__"]);
  });
});

describe("a text that is no JSON", () => {
  it.each([
    ['{\n  "a": 1,\n}', "a name in double quotes is expected (line 3, column 1)"],
    ['{"a" 1}', "a colon is expected (line 1, column 6)"],
    ['{"a": 1 "b": 2}', "a comma or } is expected (line 1, column 9)"],
    ['["a" "b"]', "a comma or ] is expected (line 1, column 6)"],
    ["[1,]", "a value is expected (line 1, column 4)"],
    ["{'a': 1}", "a name in double quotes is expected (line 1, column 2)"],
    ["[tru]", "a value is expected (line 1, column 2)"],
    ["[01]", "a comma or ] is expected (line 1, column 3)"],
    ['{"a": 1} {', "nothing more is expected (line 1, column 10)"],
    ['{"a": "Henrick', "is expected, the text ends (line 1, column 15)"],
    ['{"a": "Hen\nrick"}', "is expected (line 1, column 11)"],
    ['{"a": "\\x"}', "is expected (line 1, column 8)"],
    ["\r\n\r\n{", "the text ends (line 3, column 2)"],
  ])("%j: %s", (text, expected) => {
    expect(faultsOf(text)).toEqual([
      { severity: "error", code: "structure", diagnostics: expect.stringContaining(expected) },
    ]);
  });
  it.each(["", "  \n", "\ufeff"])("is empty: %j", (text) => {
    expect(faultsOf(text)[0]?.diagnostics).toBe("The body is empty: send JSON.");
  });
  it("is never quoted", () => {
    for (const text of ['{"name": Testingson}', '{"Testingson" "x"}', '["Testingson\n"]', "Testingson"]) {
      expect(JSON.stringify(faultsOf(text))).not.toContain("Testingson");
    }
  });
});

describe("a repeated property", () => {
  it.each([
    ['{"resourceType":"Patient","gender":"male","gender":"male"}', ["Patient.gender"]],
    [
      '{"resourceType":"Patient","name":[{},{"given":["a"],"given":["b"]}],"id":"1","id":"2"}',
      ["Patient.name[1].given", "Patient.id"],
    ],
    ['{"resourceType":"Patient","gender":"male","\\u0067ender":"male"}', ["Patient.gender"]],
    ['{"resourceType":"Patient","_birthDate":{},"_birthDate":{}}', ["Patient.birthDate"]],
    ['{"resourceType":"Bundle","entry":[{"resource":{"id":"1","id":"2"}}]}', ["Bundle.entry[0].resource.id"]],
    ['{"resourceType":"Testingson","a":1,"a":1}', ["Resource"]],
    ['{"resourceType":"Patient","T estingson":1,"T estingson":1}', ["Patient"]],
    ['{"resourceType":"Patient","__proto__":1,"__proto__":2}', ["Patient"]],
  ])("%s", (text, expected) => {
    expect(faultsOf(text).map((fault) => fault.expression)).toEqual(expected);
  });
  it("is none where objects side by side share a name", () => {
    expect(parseJson('[{"a":{"a":1}},{"a":"a"}]')).toEqual({ value: [{ a: { a: 1 } }, { a: "a" }] });
  });
});

describe("nesting", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  it("goes 64 deep", () => expect(parseJson(nested(64))).toHaveProperty("value"));
  it.each([65, 1_000_000])("is refused from there on: %i", (depth) => {
    expect(faultsOf(nested(depth))[0]?.diagnostics).toContain("nesting over 64 deep is refused (line 1, column 65)");
  });
});

it("a megabyte of one string is read", () => {
  const value = { data: '\\"é'.repeat(300_000) };
  expect(parseJson(JSON.stringify(value))).toEqual({ value });
});
