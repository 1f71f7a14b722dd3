import type { Patient } from "fhir/r4";
import { DEMOGRAPHIC_RULES, type FieldRule } from "../../shared/mapping/demographic-rules.ts";
import type { DemographicField } from "../../shared/mapping/demographics.ts";
import { type Choice, NO_USE, type Ranking } from "../../shared/mapping/entry-choices.ts";
import { IDENTITY_LEVELS, IDENTITY_WEIGHTS } from "../../shared/mapping/identity-strength.ts";
import { changed, type NormalisationKind } from "../../shared/mapping/normalised.ts";
import { withoutOuterBlanks } from "../../shared/mapping/outer-blanks.ts";
import { patientToParticle } from "../../shared/mapping/patient-to-particle.ts";
import { unusedLeaves } from "../../shared/mapping/unused-leaves.ts";
import { LOST_BECAUSE, UNUSED_BECAUSE } from "../../shared/mapping/unused-reasons.ts";
import { code, table } from "./markdown-table.ts";

/** The day of the examples. */
const TODAY = "2026-11-22";

const IN_A_FEW_WORDS: Readonly<Record<DemographicField, string>> = {
  given_name: "the first `given`; later ones are middle names and are not carried; never split out of `text`",
  family_name: "as it is; never split out of `text`",
  date_of_birth: "a full date that is not in the future; `YYYY` and `YYYY-MM` are refused, never padded",
  gender: "`male` → `MALE`, `female` → `FEMALE`; anything else is refused, never guessed",
  postal_code: "5 digits, 9 digits or 5-4 → the first 5; nothing padded or repaired",
  address_city: "as it is",
  address_state:
    "a USPS code in any case, with periods or without, or the full name → the code; territories and armed forces included",
  address_lines: "a list of every `line`, in its order",
  ssn: "9 digits, with hyphens or blanks between them and nothing else → `NNN-NN-NNNN`; one that was never assigned is left out; never stored, logged or answered",
  telephone: "10 digits after `+1` or `1` → `NNN-NNN-NNNN`; an extension is set aside; an unusable one is passed over",
  email: "the address without `mailto:`; an unusable one is passed over",
};

const WHICH: Readonly<Partial<Record<Choice["name"], string>>> = {
  phone: " where `system` is `phone` or `sms`",
  email: " where `system` is `email`",
  ssn: " where `system` or `type` says US SSN",
};

const sourceOf = ({ choice, element }: FieldRule): string =>
  code(["Patient", choice.element, element].filter((part) => part !== undefined).join(".")) +
  (WHICH[choice.name] ?? "");

export function mappingTable(): string {
  const rows = DEMOGRAPHIC_RULES.map((rule) => [
    sourceOf(rule),
    code(rule.field),
    rule.need,
    IN_A_FEW_WORDS[rule.field],
  ]);
  return table(["FHIR", "Particle", "", "in a few words"], rows);
}

/** What becomes of the Patient when the field gets no value. */
function withoutValue({ choice, need, element }: FieldRule): string {
  if (choice.element === undefined) {
    return `refused (422) at ${code(`Patient.${element}`)}`;
  }
  return need === "required"
    ? `the ${choice.name} gives way to a complete one; refused (422) where none is, at ${code(element)} of the best ${choice.name}`
    : "registered without";
}

export function fieldsTable(): string {
  const rows = DEMOGRAPHIC_RULES.map((rule) => [
    code(rule.field),
    sourceOf(rule),
    IN_A_FEW_WORDS[rule.field],
    withoutValue(rule),
  ]);
  return table(["Particle", "made of", "in this form", "missing or unusable"], rows);
}

const RANKED_BY: Readonly<Record<Ranking, string>> = {
  system: "`phone` before `sms`",
  rank: "lower `rank`",
  use: "`use`, in the order to the left",
  type: "any `type` before `postal`",
  period: "begun before not begun",
  start: "latest start",
};

export function choicesTable(): string {
  const choices = [...new Set(DEMOGRAPHIC_RULES.map(({ choice }) => choice))].filter(({ element }) => element);
  const rows = choices.map(({ name, element = "", uses, rankedBy, admits }) => [
    name,
    code(`Patient.${element}`),
    uses.map((equal) => equal.map((use) => (use === NO_USE ? "none" : code(use))).join(" = ")).join(" > "),
    // An e-mail address has no second system to be preferred to.
    rankedBy
      .filter((ranking) => ranking !== "system" || admits({ system: "sms" }))
      .map((ranking) => RANKED_BY[ranking])
      .join("; "),
  ]);
  return table(["", "entries of", "`use` that may be chosen, the best first", "preferred by, in this order"], rows);
}

const EXAMPLES: Readonly<Partial<Record<DemographicField, readonly string[]>>> = {
  given_name: [" Henrick ", "Zoe\u0308"],
  family_name: ["O'Test-Testingson", "van de Test"],
  date_of_birth: ["1957-03-23", "1957-03", "2026-11-23"],
  gender: ["male", "other"],
  postal_code: ["12345", "12345-6789", "123456789", "1234", "12345-", "12345 6789"],
  address_state: ["MA", "ma", "Massachusetts", "D.C.", "Puerto Rico", "AE", "Wash. D.C.", "US-MA", "37"],
  ssn: ["123-45-6789", "123 45 6789", "123456789", "999-12-3456", "12345678"],
  telephone: [
    ...["123-456-7890", "(123) 456-7890", "+1 (123) 456-7890 x89", "tel:+1-123-456-7890", "\u202a1234567890\u202c"],
    ...["456-7890", "+31 20 123 4567", "1-800-FLOWERS"],
  ],
  email: ["mailto:henrick@example.com", "henrick@example"],
};

/** A text as a JSON string, with what cannot be seen escaped. */
const quoted = (text: string): string =>
  code(
    JSON.stringify(text).replace(
      /[^\x20-\x7e\u00a1-\u02ff]/gu,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
  );

export function examplesTable(): string {
  const rows = DEMOGRAPHIC_RULES.flatMap(({ field, normalise }) =>
    (EXAMPLES[field] ?? []).map((raw) => {
      const text = withoutOuterBlanks(raw);
      const normalised = normalise(text, TODAY);
      if ("problem" in normalised) {
        return [code(field), quoted(raw), "", normalised.problem];
      }
      const steps = [...changed("blanks-trimmed", raw, text).steps, ...normalised.steps];
      return [code(field), quoted(raw), quoted(normalised.value), steps.map(({ kind }) => code(kind)).join(", ")];
    }),
  );
  return table(["", "came as", "is sent as", "normalised by, or why it cannot be used"], rows);
}

/** What was done to a value. */
export const NORMALISATIONS: Readonly<Record<NormalisationKind, string>> = {
  "blanks-trimmed": "blanks, and characters that show nothing, came off the two ends",
  "characters-composed": "letters and their accents were put together (Unicode NFC)",
  "scheme-removed": "`tel:` or `mailto:` came off",
  "extension-set-aside": "the extension of a phone was left out",
  "country-code-removed": "`+1` or `1` came off",
  "punctuation-changed": "the same digits or letters, punctuated as Particle documents it",
  "plus-four-dropped": "the last four digits of a ZIP code were left out",
  "state-name-abbreviated": "the name of a state became its code",
  "letter-case-changed": "upper case",
};

export function normalisationsTable(): string {
  return table(
    ["kind", "what was done"],
    Object.entries(NORMALISATIONS).map(([kind, words]) => [code(kind), words]),
  );
}

export function reasonsTable(): string {
  const rows = Object.entries(UNUSED_BECAUSE).map(([reason, words]) => [
    code(reason),
    Object.hasOwn(LOST_BECAUSE, reason) ? "an entry and its leaves" : "a leaf",
    words,
  ]);
  return table(["reason", "given for", "because"], rows);
}

export function weightsTable(): string {
  const rows = IDENTITY_WEIGHTS.map(({ evidence, each, atMost }) => [evidence, String(each), String(atMost)]);
  const levels = IDENTITY_LEVELS.map(({ level, weight }) => `${level} from ${weight}`).join(", ");
  return `${table(["evidence", "each weighs", "together at most"], rows)}\n\nLevels: ${levels}.`;
}

/** Made up, around the person of the vendor's Patients API page. */
const MESSY: Patient = {
  resourceType: "Patient",
  identifier: [
    { system: "http://hl7.org/fhir/sid/us-ssn", value: "999-12-3456" },
    { system: "https://clinic.example/fhir/sid/chart", value: "C-1" },
  ],
  name: [
    { use: "official", family: "Formerly", given: ["Henrick"], period: { end: "2020-06-30" } },
    { use: "official", text: "Henrick Testingson" },
    { use: "usual", family: "Testingson ", given: ["Henrick", "James"], prefix: ["Dr."] },
    { use: "nickname", family: "Testingson", given: ["Henny"] },
  ],
  telecom: [
    { system: "sms", value: "234-567-8910", rank: 1 },
    { system: "phone", value: "456-7890", rank: 1 },
    { system: "phone", use: "work", value: "+1 (123) 456-7890 x89", rank: 2 },
    { system: "phone", use: "home", value: "345-678-9101" },
  ],
  gender: "male",
  birthDate: "1957-03-23",
  address: [
    { use: "home", line: ["1 Canal Street"], city: "Amsterdam", country: "NL" },
    { use: "work", type: "postal", city: "Salem", state: "OR", postalCode: "97301" },
    { use: "work", line: ["123 Mulberry Court"], city: "Roxbury", state: "Massachusetts", postalCode: "12345-6789" },
  ],
  contact: [{ name: { family: "Other" } }],
};

export function messyPatient(): string {
  const { resourceType, ...elements } = MESSY;
  const lines = Object.entries(elements).flatMap(([name, value]) =>
    Array.isArray(value)
      ? [`  "${name}": [`, value.map((entry) => `    ${JSON.stringify(entry)}`).join(",\n"), "  ],"]
      : [`  "${name}": ${JSON.stringify(value)},`],
  );
  const body = [`  "resourceType": "${resourceType}",`, ...lines].join("\n").replace(/,$/, "");
  return `\`\`\`json\n{\n${body}\n}\n\`\`\``;
}

export function messyReport(): string {
  const result = patientToParticle(MESSY, { today: TODAY });
  const rows = result.report.fields.map(({ field, sources, rivals, normalisations }) => [
    code(field),
    quotedValue(result.demographics?.[field]),
    sources.map(code).join(", "),
    rivals.map(({ expression, reason }) => `${code(expression.replace("Patient.", ""))} ${reason}`).join(", "),
    normalisations.map(({ kind }) => kind).join(", "),
  ]);
  const unused = Map.groupBy(unusedLeaves(MESSY, result), ({ reason }) => reason);
  const leaves = [...unused].map(([reason, group]) => [
    code(reason),
    group.map(({ expression }) => code(expression.replace("Patient.", ""))).join(", "),
  ]);
  return [
    table(["Particle", "is sent", "fed by", "rivals that lost", "normalised by"], rows),
    table(["unused because", "leaves of the Patient"], leaves),
  ].join("\n\n");
}

function quotedValue(value: string | readonly string[] | undefined): string {
  return value === undefined ? "" : typeof value === "string" ? quoted(value) : value.map(quoted).join(", ");
}
