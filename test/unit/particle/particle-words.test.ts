import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_WORDS, particleWords } from "../../../shared/particle/particle-words.ts";

const values = [
  ...["Henrick", "Testingson", "1957-03-23", "MALE", "12345", "Roxbury", "MA", "123 Mulberry Court"],
  ...["123-45-6789", "123-456-7890", "henrick@example.com"],
];
const sent = { values, opaque: ["patient-id-7"] };
const wordsOf = (body: unknown) => particleWords(typeof body === "string" ? body : JSON.stringify(body), sent).words;

describe("particleWords", () => {
  it.each([
    { body: { message: "date_of_birth is required" }, words: "date_of_birth is required" },
    { body: { error: "telephone is not valid" }, words: "telephone is not valid" },
    {
      body: { errors: ["postal_code is required", "ssn is required"] },
      words: "postal_code is required; ssn is required",
    },
    {
      body: { message: "Invalid request", errors: [{ field: "gender", message: "is required" }] },
      words: "Invalid request; gender: is required",
    },
    { body: { errors: { given_name: ["is required"] } }, words: "given_name: is required" },
    {
      body: { detail: [{ loc: ["body", "email"], msg: "not an address" }] },
      words: "detail: loc: body; detail: loc: email; detail: msg: not an address",
    },
    { body: "address_state is required", words: "address_state is required" },
    { body: JSON.stringify("address_state is required"), words: "address_state is required" },
    { body: "<html><h1>Bad Request</h1></html>", words: "Bad Request" },
  ])("keeps the words about elements: $words", ({ body, words }) => {
    expect(wordsOf(body)).toBe(words);
  });

  it.each([
    "date_of_birth: expected YYYY-MM-DD",
    "given_name: is required; postal_code: is required",
    "The patient_id is required.",
    "address_state must be the two letter code of a state",
    "Patient with this patient_id already exists. Please verify the patient_id and demographics",
    "ssn: a valid US SSN expected",
    "email must be a valid email address",
    "given_name is too long",
    "gender: MALE or FEMALE expected",
    "postal_code: five digits, or five and four expected",
  ])("leaves what tells of fields and of nobody as it is: %s", (text) => {
    expect(wordsOf({ message: text })).toBe(text);
  });

  it.each([
    { text: "patient is held as Elvira Valadez, FEMALE, 1970-12-26", words: "patient is … as …" },
    { text: "given_name long is not will", words: "given_name … is not …" },
    { text: "Quark. Required is what is absent", words: "…. Required is what is absent" },
    { text: 'family_name is "valid" there', words: "family_name is … there" },
    { text: "family_name Valid differs", words: "family_name … differs" },
    { text: "family_name valid-quark differs", words: "family_name … differs" },
    { text: "family_name Qu⒜rk or ℀me differs", words: "family_name … or … differs" },
  ])("takes out whom Particle holds and nobody sent: $words", ({ text, words }) => {
    expect(wordsOf({ message: text })).toBe(words);
  });

  it.each([
    { text: "family_name Testingson is too odd", words: "family_name … is too odd" },
    { text: "family_name TESTINGSON's is too odd", words: "family_name … is too odd" },
    { text: "no such address: 123 Mulberry Court, Roxbury MA 12345", words: "no such address: …" },
    { text: "address_lines 9 Mulberry Ct differs", words: "address_lines … differs" },
    {
      text: "address_state MA is no match, the format could be wrong",
      words: "address_state … is no match, the format could be wrong",
    },
    { text: "date_of_birth 03/23/1957 lies in the future", words: "date_of_birth … lies in the future" },
    { text: "patient patient-id-7 has email Henrick@Example.com", words: "patient … has email …" },
    {
      text: "given_name \"Somebody Else\" and 'another' and `third` do not match",
      words: "given_name … and … and … do not match",
    },
    { text: "field 'date_of_birth' isn't valid, it's odd", words: "field date_of_birth isn't valid, it's odd" },
    { text: "write to other.person@example.org about it", words: "write to … about it" },
    { text: "ssn 987654321 is taken", words: "ssn … is taken" },
  ])("takes values out: $words", ({ text, words }) => {
    expect(wordsOf({ message: text })).toBe(words);
  });

  it("finds values with and without their accents", () => {
    const { words } = particleWords("no record of Jose Garci\u0301a", { values: ["José", "García"], opaque: [] });
    expect(words).toBe("no record of …");
  });

  it("leaves element words alone in which a value happens to lie", () => {
    const { words } = particleWords("postal_code and birth are odd for Post", { values: ["Post", "birt"], opaque: [] });
    expect(words).toBe("postal_code and birth are odd for …");
  });

  it("takes a value out that is a plain word, too, and leaves the names of fields", () => {
    const { words } = particleWords("family_name valid is not valid, name is required", {
      values: ["Valid", "Name"],
      opaque: [],
    });
    expect(words).toBe("family_name … is not … is required");
  });

  it("takes short values out only where they stand as words", () => {
    const { words } = particleWords("OR97201 or an error of the format", { values: ["OR", "97201"], opaque: [] });
    expect(words).toBe("… an error of the format");
  });

  it("is empty when nothing readable is left", () => {
    for (const body of ["", "{}", "[]", "null", "12345", JSON.stringify({ message: "Testingson" })]) {
      expect(wordsOf(body)).toBe("");
    }
  });

  it("is bounded, and never ends inside a word", () => {
    const { words } = particleWords(`${"required ".repeat(5_000)}`, sent);
    expect(words.length).toBeLessThanOrEqual(MAX_WORDS);
    expect(words).toMatch(/^(required )+required$/);
  });

  it("survives bodies that nest without end", () => {
    expect(wordsOf(`${"[".repeat(3_000)}"x"${"]".repeat(3_000)}`)).toBe("");
  });

  it.each([
    {
      body: "Overlay detected. Please verify the patient_id and demographics",
      line: "1 Mulberry Court",
      overlay: true,
    },
    { body: JSON.stringify({ code: "PATIENT_OVERLAY", message: "verify" }), line: "1 Mulberry Court", overlay: true },
    { body: JSON.stringify({ message: "Overlay detected." }), line: "7 Overlay Road", overlay: true },
    { body: JSON.stringify({ message: "no such street: 7 Overlay Road" }), line: "7 Overlay Road", overlay: false },
    { body: "given_name is required", line: "7 Overlay Road", overlay: false },
  ])("recognises an overlay: $overlay for $body, sent $line", ({ body, line, overlay }) => {
    expect(particleWords(body, { values: [line], opaque: [] }).overlay).toBe(overlay);
  });

  it("lets no word through that is capitalised or unknown, whoever sent it", () => {
    const sayings = ["is not valid", "family_name", "must match", "(", "address_city =", ",", "and", "/", "'", "-"];
    const capitalised = fc.stringMatching(/^[A-Z][a-z]{1,9}$/).map((word) => `${word}q`);
    const unknown = fc.oneof(
      fc.stringMatching(/^q[a-z]{2,9}q$/),
      fc.stringMatching(/^[0-9]{1,9}$/),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 9 }).map((word) => `q${word.replace(/\s/g, "")}q`),
      fc.constantFrom("Long", "Will", "May", "will", "may", "North", "male", "Valid", "Required", "Expected", "李小龙"),
    );
    const text = fc.array(fc.tuple(fc.constantFrom(...sayings), fc.oneof(capitalised, unknown)), { minLength: 1 });
    const asBody = fc.constantFrom<(message: string) => string>(
      (message) => JSON.stringify({ message: `is ${message}` }),
      (message) => JSON.stringify({ errors: [{ field: "family_name", message: `is ${message}` }] }),
      (message) => `the request failed: ${message}`,
    );
    fc.assert(
      fc.property(text, asBody, (parts, body) => {
        const { words } = particleWords(body(parts.flat().join(" ")), { values: [], opaque: [] });
        const left = words.match(/[\p{L}\p{M}\p{N}_]+/gu) ?? [];
        const own: readonly string[] =
          `family_name message is the request failed ${sayings.join(" ")}`.match(/\w+/g) ?? [];
        expect(left.filter((word) => !own.includes(word))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  const letters = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
  const name = fc.oneof(
    fc.constantFrom(
      "O'Brien-Smith",
      "van der Berg",
      "Lee",
      "Jo",
      "İpek",
      "Straße",
      "Müller",
      "李小龙",
      "St. John",
      "B2",
      "a b",
    ),
    letters,
  );
  const person = fc.record({
    given_name: name,
    family_name: name,
    date_of_birth: fc.constantFrom("1957-03-23", "2001-11-30"),
    address_city: name,
    address_state: fc.constantFrom("MA", "IN", "OR", "ME"),
    line: fc.oneof(fc.constantFrom("123 Mulberry Court", "Apt 7 B"), letters),
    ssn: fc.constantFrom("123-45-6789", "987-65-4321"),
    telephone: fc.constantFrom("234-567-8910", "(234) 567-8910"),
    email: fc.constantFrom("henrick@example.com", "x+y@sub.example.org"),
  });
  const saying = fc.constantFrom(
    "is not valid:",
    "given_name",
    "must be a date, received",
    "(",
    "address_state =",
    "-",
  );
  const fold = (text: string) =>
    text
      .normalize("NFKD")
      .replace(/\p{M}/gu, "")
      .normalize("NFC")
      .replace(/[\s\p{C}]+/gu, " ")
      .trim()
      .toLowerCase();

  /** A value of two or three characters is no news inside another word ("MA" in "format"). */
  function stands(value: string, text: string): boolean {
    const at = text.indexOf(value);
    if (at < 0 || value.length >= 4) {
      return at >= 0;
    }
    const glued = /\p{L}/u.test(text.at(at - 1) ?? " ") && at > 0;
    const gluedAfter = /\p{L}/u.test(text.at(at + value.length) ?? " ");
    return !(glued || gluedAfter) || stands(value, text.slice(at + 1));
  }

  it.each([
    { as: "a message", body: (text: string) => JSON.stringify({ message: text }) },
    {
      as: "errors of fields",
      body: (text: string) => JSON.stringify({ errors: [{ field: "given_name", message: text }] }),
    },
    { as: "plain text", body: (text: string) => text },
    { as: "shouting", body: (text: string) => JSON.stringify({ error: text.toUpperCase() }) },
  ])("lets no value of a person through, whoever they are: $as", ({ body }) => {
    fc.assert(
      fc.property(person, fc.array(saying, { minLength: 12, maxLength: 12 }), fc.uuid(), (someone, sayings, id) => {
        const all = Object.values(someone);
        const text = [...all, id].map((value, index) => `${sayings[index]} ${value}`).join(", ");
        const { words } = particleWords(body(text), { values: all, opaque: [id] });
        const shown = fold(words.replaceAll("…", " "));
        const own = fold(`given_name: ${sayings.join(" ")}`);
        // Our own words stay, and may hold a short value by chance.
        const survivors = [...all, id].map(fold).filter((value) => stands(value, shown) && !stands(value, own));
        expect(survivors.filter((value) => /[\p{L}\p{N}].*[\p{L}\p{N}]/u.test(value))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
