import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alternativesOf, plainValueOf, tokenOf } from "../../../shared/fhir/search-token.ts";

describe("alternatives", () => {
  it.each([
    ["a,b", ["a", "b"]],
    [" a , b ", ["a", "b"]],
    ["a\\,b", ["a\\,b"]],
    ["a\\\\,b", ["a\\\\", "b"]],
    ["a\\\\\\,b", ["a\\\\\\,b"]],
    ["a,", ["a", ""]],
    ["", [""]],
  ])("of %j are %j", (value, alternatives) => {
    expect(alternativesOf(value)).toEqual(alternatives);
  });

  it("are found in time that grows with the text, however many backslashes it has", () => {
    const begun = performance.now();
    expect(alternativesOf(`${"\\".repeat(999_999)},`)).toHaveLength(1);
    expect(alternativesOf(`${"\\\\,".repeat(300_000)}`)).toHaveLength(300_001);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });
});

describe("a token", () => {
  it.each([
    ["system|value", { system: "system", value: "value" }],
    ["|value", { system: "", value: "value" }],
    ["value", { system: undefined, value: "value" }],
    ["system|", { system: "system", value: "" }],
    [" system | value ", { system: "system", value: "value" }],
    ["system|a|b", { system: "system", value: "a|b" }],
    ["system|a\\|b", { system: "system", value: "a|b" }],
    ["sys\\|tem|value", { system: "sys|tem", value: "value" }],
    ["sys\\\\|value", { system: "sys\\", value: "value" }],
    ["a\\|b", { system: undefined, value: "a|b" }],
    ["a\\$b\\,c\\\\d", { system: undefined, value: "a$b,c\\d" }],
    ["C:\\new", { system: undefined, value: "C:\\new" }],
    ["end\\", { system: undefined, value: "end\\" }],
  ])("%j is read as %j", (text, token) => {
    expect(tokenOf(text)).toEqual(token);
  });

  it("is what was meant, whatever it holds, when it is escaped as the specification says", () => {
    const escaped = (text: string) => text.replace(/[\\|,$]/g, "\\$&");
    const texts = fc
      .string({ unit: fc.constantFrom("a", "\\", "|", ",", "$", " ", "é"), minLength: 1, maxLength: 8 })
      .map((text) => text.trim())
      .filter((text) => text !== "");
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, texts), { minLength: 1, maxLength: 3 }), (tokens) => {
        const written = tokens.map(([system, value]) => `${escaped(system)}|${escaped(value)}`).join(",");
        expect(alternativesOf(written).map(tokenOf)).toEqual(tokens.map(([system, value]) => ({ system, value })));
        expect(tokens.map(([, value]) => plainValueOf(escaped(value)))).toEqual(tokens.map(([, value]) => value));
      }),
    );
  });
});
