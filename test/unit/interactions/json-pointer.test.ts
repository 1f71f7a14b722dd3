import fc from "fast-check";
import { applyPatch, type Operation } from "rfc6902";
import { describe, expect, it } from "vitest";
import { canAddAt, valueAt } from "../../../shared/interactions/json-pointer.ts";

const DOCUMENT = { a: [{ "b/c": 1, "d~e": null }], length: "x" };

describe("a JSON Pointer", () => {
  it.each([
    ["/a/0/b~1c", 1],
    ["/a/0/d~0e", null],
    ["/length", "x"],
    ["", DOCUMENT],
  ])("%s leads to a value", (pointer, value) => {
    expect(valueAt(DOCUMENT, pointer)).toEqual({ value });
  });

  it.each(["/a/1", "/a/-", "/a/length", "/a/00", "/a/0/toString", "/length/0", "/constructor", "/a/map/call", "/x/y"])(
    "%s leads to nothing",
    (pointer) => {
      expect(valueAt(DOCUMENT, pointer)).toBeUndefined();
    },
  );

  it.each(["/a/1", "/a/-", "/a/0", "/a/0/new", "/new"])("%s is a place to add to", (pointer) => {
    expect(canAddAt(DOCUMENT, pointer)).toBe(true);
  });

  it.each(["/a/2", "/a/length", "/length/x", "/x/y", "/toString/call", "/a/slice/call"])(
    "%s is no place to add to",
    (pointer) => {
      expect(canAddAt(DOCUMENT, pointer)).toBe(false);
    },
  );

  it("never lets an addition touch what the document does not hold itself", () => {
    const step = fc.constantFrom("a", "b", "0", "1", "-", "length", "toString", "call", "slice", "hasOwnProperty", "x");
    const document = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom("text", 1, null, true),
        fc.array(tie("any"), { maxLength: 2 }),
        fc.dictionary(fc.constantFrom("a", "b"), tie("any"), { maxKeys: 2 }),
      ),
    })).any;
    fc.assert(
      fc.property(document, fc.array(step, { minLength: 1, maxLength: 4 }), (value, steps) => {
        const path = `/${steps.join("/")}`;
        const copy = structuredClone(value);
        const operation: Operation = { op: "add", path, value: "added" };
        if (canAddAt(copy, path)) {
          expect(applyPatch(copy, [operation])).toEqual([null]);
          const place = path.endsWith("/-") ? undefined : valueAt(copy, path);
          expect(place ?? { value: "added" }).toEqual({ value: "added" });
        }
        expect(Object.keys(Function.prototype.toString)).toEqual([]);
        expect(Object.keys(Array.prototype.slice)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
