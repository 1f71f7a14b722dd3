import { describe, expect, it } from "vitest";
import { isBlank, withoutOuterBlanks } from "../../../shared/mapping/outer-blanks.ts";

describe("the outer blanks of a text", () => {
  it.each([
    ["blanks, tabs and line breaks", " \tAnn\r\n"],
    ["a no-break space", "\u00a0Ann\u202f"],
    ["a zero-width space and a joiner", "\u200bAnn\u200d"],
    ["a byte-order mark", "\ufeffAnn"],
    ["marks of the writing direction", "\u202aAnn\u202c\u200e\u2069"],
    ["a control character", "\u0000Ann\u007f"],
  ])("are %s", (_, text) => {
    expect(withoutOuterBlanks(text)).toBe("Ann");
  });

  it("are not what stands inside of it, nor what belongs to its last letter", () => {
    const texts = [
      "Ann  Marie",
      "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
      "\u845b\u{e0100}",
      "Zoe\u0308",
      "\u{1f600}",
    ];
    expect(texts.map(withoutOuterBlanks)).toEqual(texts);
  });

  it("are all that a blank text has", () => {
    expect(["", " ", "\u200b", " \ufeff\u2060 "].map(isBlank)).toEqual([true, true, true, true]);
    expect(["-", "0", "\u3164"].map(isBlank)).toEqual([false, false, false]);
  });
});
