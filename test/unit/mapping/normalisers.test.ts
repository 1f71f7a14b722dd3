import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { normaliseGender } from "../../../shared/mapping/administrative-gender.ts";
import { normaliseBirthDate } from "../../../shared/mapping/birth-date.ts";
import type { Normalised } from "../../../shared/mapping/normalised.ts";
import { normaliseEmail, normalisePhone } from "../../../shared/mapping/telecom-value.ts";
import { isUnitedStates, normaliseState, normaliseZip } from "../../../shared/mapping/us-address.ts";
import { normaliseSsn } from "../../../shared/mapping/us-ssn.ts";
import { TODAY } from "./made-up-patients.ts";

const sentAs = (normalised: Normalised) => ("problem" in normalised ? undefined : normalised.value);
const kindsOf = (normalised: Normalised) =>
  "problem" in normalised ? undefined : normalised.steps.map(({ kind }) => kind);

describe("a state", () => {
  it.each([
    ["MA", "MA"],
    ["ma", "MA"],
    ["Il", "IL"],
    ["Massachusetts", "MA"],
    ["NEW  YORK", "NY"],
    ["district of columbia", "DC"],
    ["PR", "PR"],
    ["U.S. Virgin Islands", "VI"],
    ["D.C.", "DC"],
    ["n.y.", "NY"],
    ["Puerto Rico", "PR"],
    ["aa", "AA"],
    ["AE", "AE"],
    ["AP", "AP"],
    ["FM", "FM"],
    ["Marshall Islands", "MH"],
    ["Palau", "PW"],
  ])("%s is sent as %s", (text, code) => {
    expect(sentAs(normaliseState(text))).toBe(code);
  });

  it.each(["XX", "Zeeland", "M", ".", "Wash. D.C.", "Mass.", "US-MA", "MA 02115", "constructor", "Massachusets", "25"])(
    "%s is none",
    (text) => {
      expect(sentAs(normaliseState(text))).toBeUndefined();
    },
  );

  it("says what became of a name and of a code in lower case", () => {
    expect(normaliseState("Ohio")).toEqual({
      value: "OH",
      steps: [{ kind: "state-name-abbreviated", before: "Ohio", after: "OH" }],
    });
    expect(kindsOf(normaliseState("oh"))).toEqual(["letter-case-changed"]);
    expect(kindsOf(normaliseState("OH"))).toEqual([]);
    expect(kindsOf(normaliseState("o.h."))).toEqual(["punctuation-changed", "letter-case-changed"]);
  });
});

describe("a ZIP code", () => {
  it.each([
    ["02115", "02115"],
    ["02115-1234", "02115"],
    ["021151234", "02115"],
  ])("%s is sent as %s", (text, zip) => {
    expect(sentAs(normaliseZip(text))).toBe(zip);
  });

  it.each(["2115", "02115-", "02115-12", "1012 AB", "02115 1234", "0211512345", "K1A 0B6", "٠٢١١٥"])(
    "%s is not repaired",
    (text) => {
      expect(sentAs(normaliseZip(text))).toBeUndefined();
    },
  );
});

describe("a country", () => {
  it.each(["US", "usa", "U.S.A.", "United  States", "UNITED STATES OF AMERICA"])(
    "%s is the United States",
    (country) => {
      expect(isUnitedStates(country)).toBe(true);
    },
  );

  it.each(["NL", "Canada", "UM", "840", "PR", "America", "Mexico (Estados Unidos Mexicanos)"])(
    "%s is not",
    (country) => {
      expect(isUnitedStates(country)).toBe(false);
    },
  );
});

describe("a phone number", () => {
  it.each([
    ["123-456-7890", []],
    ["1234567890", ["punctuation-changed"]],
    ["(123) 456-7890", ["punctuation-changed"]],
    ["123.456.7890", ["punctuation-changed"]],
    ["+1 123 456 7890", ["country-code-removed", "punctuation-changed"]],
    ["1-123-456-7890", ["country-code-removed", "punctuation-changed"]],
    ["+1(123)456-7890", ["country-code-removed", "punctuation-changed"]],
    ["tel:+1-123-456-7890", ["scheme-removed", "country-code-removed", "punctuation-changed"]],
    ["123-456-7890x123", ["extension-set-aside"]],
    ["123-456-7890 ext. 12", ["extension-set-aside"]],
    ["123-456-7890, Extension: 12", ["extension-set-aside"]],
    ["tel:123-456-7890;ext=12", ["scheme-removed", "extension-set-aside"]],
    ["123-456-7890 #12", ["extension-set-aside"]],
    ["+1 (123) 456-7890 x89", ["extension-set-aside", "country-code-removed", "punctuation-changed"]],
    ["123\u2011456\u20117890", ["punctuation-changed"]],
  ])("%s is sent as 123-456-7890, and the steps are told", (text, kinds) => {
    const normalised = normalisePhone(text);
    expect(sentAs(normalised)).toBe("123-456-7890");
    expect(kindsOf(normalised)).toEqual(kinds);
  });

  it.each([
    "555-7334",
    "+31 20 123 4567",
    "+1234567890",
    "2 123-456-7890",
    "1-800-FLOWERS",
    "123-456-7890 or 234-567-8910",
    "223-456-78901",
    "henrick@example.com",
    "x12",
    "123-456-7890 ".repeat(20),
  ])("%s is none", (text) => {
    expect(sentAs(normalisePhone(text))).toBeUndefined();
  });

  it("keeps the ten digits, whatever stands around them", () => {
    const digits = fc.stringMatching(/^[0-9]{10}$/);
    const separator = fc.constantFrom("", " ", "-", ".", ") ", "/");
    const prefix = fc.constantFrom("", "+1", "1", "+1 ", "1-", "tel:", "(");
    const suffix = fc.constantFrom("", " x5", " ext 123", ";ext=9");
    fc.assert(
      fc.property(digits, separator, separator, prefix, suffix, (number, one, two, before, after) => {
        const text = `${before}${number.slice(0, 3)}${one}${number.slice(3, 6)}${two}${number.slice(6)}${after}`;
        expect(sentAs(normalisePhone(text))?.replaceAll("-", "")).toBe(number);
      }),
    );
  });

  it("tells each step from what the one before left", () => {
    fc.assert(
      fc.property(fc.constantFrom("tel:+1 (123) 456-7890 x5", "1 123 456 7890", "(123)456-7890 ext 1"), (text) => {
        const normalised = normalisePhone(text);
        const steps = "problem" in normalised ? [] : normalised.steps;
        expect([text, ...steps.map(({ after }) => after)].slice(0, -1)).toEqual(steps.map(({ before }) => before));
        expect(steps.at(-1)?.after).toBe(sentAs(normalised));
      }),
    );
  });
});

describe("an e-mail address", () => {
  it.each(["henrick@example.com", "h.t+x@mail.example.org", "O'Neil@example.co", "mailto:henrick@example.com"])(
    "%s is sent",
    (text) => {
      expect(sentAs(normaliseEmail(text))).toBe(text.replace("mailto:", ""));
    },
  );

  it.each([
    "henrick",
    "@example.com",
    "henrick@",
    "henrick@localhost",
    "a b@example.com",
    "a..b@example.com",
    ".a@example.com",
    "a@example..com",
    "a@-example.com",
    "a@b@example.com",
    `${"a".repeat(65)}@example.com`,
    `a@${"b".repeat(250)}.com`,
  ])("%s is none", (text) => {
    expect(sentAs(normaliseEmail(text))).toBeUndefined();
  });

  it("is decided in a moment, however long the text", () => {
    const started = performance.now();
    for (const text of ["a.".repeat(500_000), "@".repeat(1_000_000), `${" ".repeat(1_000_000)}x`]) {
      expect(sentAs(normaliseEmail(text))).toBeUndefined();
      expect(sentAs(normalisePhone(text))).toBeUndefined();
      expect(sentAs(normaliseSsn(text))).toBeUndefined();
      expect(sentAs(normaliseZip(text))).toBeUndefined();
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe("a Social Security number", () => {
  it.each(["123-45-6789", "123456789", "123 45 6789", "123-456789"])("%s is sent with hyphens", (text) => {
    expect(sentAs(normaliseSsn(text))).toBe("123-45-6789");
  });

  it.each([
    "000-12-3456",
    "666-12-3456",
    "900-12-3456",
    "999-99-9999",
    "123-00-4567",
    "123-45-0000",
    "12345678",
    "1234567890",
    "123-456-789",
    "xxx-xx-6789",
    "123.45.6789",
    "123--45-6789",
  ])("%s was never assigned", (text) => {
    expect(sentAs(normaliseSsn(text))).toBeUndefined();
  });
});

describe("a birth date", () => {
  it.each(["1957-03-23", "2024-02-29", TODAY])("%s is sent", (date) => {
    expect(sentAs(normaliseBirthDate(date, TODAY))).toBe(date);
  });

  it.each([
    "1957",
    "1957-03",
    "2023-02-29",
    "1957-13-01",
    "1957-04-31",
    "2026-11-23",
    "57-03-23",
    "1957-03-23T10:00:00Z",
  ])("%s is not", (date) => {
    expect(sentAs(normaliseBirthDate(date, TODAY))).toBeUndefined();
  });
});

describe("a gender", () => {
  it("is male or female, and nothing is made of others", () => {
    expect(["male", "female", "other", "unknown", "MALE", "m"].map((code) => sentAs(normaliseGender(code)))).toEqual([
      "MALE",
      "FEMALE",
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
