import { readFileSync, writeFileSync } from "node:fs";
import { routes } from "../../shared/http/routes.ts";
import { DEMOGRAPHIC_RULES } from "../../shared/mapping/demographic-rules.ts";
import type { DemographicField } from "../../shared/mapping/demographics.ts";
import { type Choice, NO_USE, type Ranking } from "../../shared/mapping/entry-choices.ts";
import { DECISIONS, type Decision, type Evidence, MOVES, VISIBILITY } from "../../shared/registration/states.ts";
import type { OperationKind, State } from "../../shared/store/mapping-store.ts";

/**
 * Writes the parts of the pages that follow from the code, each between `<!-- generated: name -->` and
 * `<!-- end of name -->`: `node test/support/generate-docs.ts`.
 */
type Page = { readonly file: string; readonly parts: Readonly<Record<string, () => string>> };

export const pages: readonly Page[] = [
  { file: "README.md", parts: { mapping: mappingTable, choices: choicesTable } },
  { file: "docs/clients.md", parts: { routes: routesTable } },
  {
    file: "docs/registration.md",
    parts: { moves: movesDiagram, visibility: visibilityTable, decisions: decisionsTable },
  },
];

const root = new URL("../../", import.meta.url);

export const readPage = (file: string): string => readFileSync(new URL(file, root), "utf8");

/**
 * The page with its generated parts as the code says now.
 *
 * @throws Error when a part's markers are missing.
 */
export function withGeneratedParts({ file, parts }: Page): string {
  return Object.entries(parts).reduce((text, [name, generate]) => {
    const [begin, end] = [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) {
      throw new Error(`${file} has no part "${name}".`);
    }
    return `${text.slice(0, from + begin.length)}\n${generate()}\n${text.slice(to)}`;
  }, readPage(file));
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

const code = (text: string): string => `\`${text}\``;

const keysOf = <Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] => Object.keys(record) as Key[];

const IN_A_FEW_WORDS: Readonly<Record<DemographicField, string>> = {
  given_name: "the first `given`; later ones are middle names and are not carried; never split out of `text`",
  family_name: "as it is; never split out of `text`",
  date_of_birth: "a full date that is not in the future; `YYYY` and `YYYY-MM` are refused, never padded",
  gender: "`male` → `MALE`, `female` → `FEMALE`; anything else is refused, never guessed",
  postal_code: "5 digits, 9 digits or 5-4 → the first 5; nothing padded or repaired",
  address_city: "as it is",
  address_state: "a USPS code in any case, or the full name → the code; territories and armed forces included",
  address_lines: "every `line`, in its order",
  ssn: "9 digits → `NNN-NN-NNNN`; one that was never assigned is left out; never stored, logged or answered",
  telephone: "10 digits after `+1` or `1` → `NNN-NNN-NNNN`; an extension is set aside; an unusable one is passed over",
  email: "the address without `mailto:`; an unusable one is passed over",
};

const WHICH: Readonly<Partial<Record<Choice["name"], string>>> = {
  phone: " where `system` is `phone` or `sms`",
  email: " where `system` is `email`",
  ssn: " where `system` or `type` says US SSN",
};

function mappingTable(): string {
  const rows = DEMOGRAPHIC_RULES.map(({ field, choice, element, need }) => [
    code(["Patient", choice.element, element].filter((part) => part !== undefined).join(".")) +
      (WHICH[choice.name] ?? ""),
    code(field),
    need,
    IN_A_FEW_WORDS[field],
  ]);
  return table(["FHIR", "Particle", "", "in a few words"], rows);
}

const RANKED_BY: Readonly<Record<Ranking, string>> = {
  system: "`phone` before `sms`",
  rank: "lower `rank`",
  use: "`use`, in the order to the left",
  type: "any `type` before `postal`",
  period: "begun before not begun",
  start: "latest start",
};

function choicesTable(): string {
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

function routesTable(): string {
  const lines = Map.groupBy(routes, ({ path, interaction }) => JSON.stringify([path, interaction]));
  const rows = [...lines.values()].map((group) => [
    code(group.map(({ method }) => method).join(", ")),
    code(group[0]?.path ?? ""),
    group[0]?.interaction ?? "",
  ]);
  return table(["method", "path", "FHIR interaction"], rows);
}

function movesDiagram(): string {
  const labels = new Map<string, Set<string>>();
  const draw = (from: State | "none", to: State, label: string) => {
    const arrow = `${from === "none" ? "[*]" : from} --> ${to}`;
    labels.set(arrow, (labels.get(arrow) ?? new Set()).add(label));
  };
  for (const kind of keysOf(MOVES)) {
    const { from, during, completed } = MOVES[kind];
    for (const state of from) {
      draw(state, during, kind);
    }
    draw(during, completed, `${kind} completed`);
    const verdicts = new Set<Decision>(Object.values(DECISIONS[kind]));
    if (verdicts.has("drift")) {
      draw(during, "drifted", `${kind} drifts`);
    }
    if (verdicts.has("abandon")) {
      draw(during, "abandoned", `${kind} is abandoned`);
    }
  }
  const arrows = [...labels].map(([arrow, names]) => `    ${arrow} : ${[...names].join(", ")}`);
  return ["```mermaid", "stateDiagram-v2", ...arrows, "```"].join("\n");
}

const SEEN_AS: Readonly<Record<(typeof VISIBILITY)[State], string>> = {
  present: "the Patient",
  absent: "404, as if it had never been",
  locked: "409 with Retry-After",
  deleted: "410",
};

function visibilityTable(): string {
  return table(
    ["state", "a reader gets"],
    keysOf(VISIBILITY).map((state) => [code(state), SEEN_AS[VISIBILITY[state]]]),
  );
}

const EVIDENCE: Readonly<Record<Evidence, string>> = {
  intended: "what was meant",
  prior: "what was there before",
  other: "something else",
  absent: "nothing (404)",
};

function decisionsTable(): string {
  const evidence = keysOf(EVIDENCE);
  const row = (kind: OperationKind) => [code(kind), ...evidence.map((found) => DECISIONS[kind][found])];
  return table(["open operation", ...evidence.map((found) => EVIDENCE[found])], keysOf(DECISIONS).map(row));
}

if (import.meta.main) {
  for (const page of pages) {
    writeFileSync(new URL(page.file, root), withGeneratedParts(page));
  }
}
