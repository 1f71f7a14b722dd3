import { readFileSync, writeFileSync } from "node:fs";
import { type Interaction, routes } from "../../shared/http/routes.ts";
import { DECISIONS, type Decision, type Evidence, MOVES, VISIBILITY } from "../../shared/registration/states.ts";
import { neededPermissions } from "../../shared/sign-in/require-allowed.ts";
import type { OperationKind, State } from "../../shared/store/mapping-store.ts";
import * as mapping from "./mapping-docs.ts";
import { code, table } from "./markdown-table.ts";
import { ACTIONS, toParticleDefinition } from "./to-particle-definition.ts";

/**
 * Writes the parts of the pages that follow from the code, each between `<!-- generated: name -->` and
 * `<!-- end of name -->`: `node test/support/generate-docs.ts`.
 */
type Page = { readonly file: string; readonly parts: Readonly<Record<string, () => string>> };

export const pages: readonly Page[] = [
  { file: "README.md", parts: { mapping: mapping.mappingTable, choices: mapping.choicesTable } },
  {
    file: "docs/mapping.md",
    parts: {
      fields: mapping.fieldsTable,
      choices: mapping.choicesTable,
      examples: mapping.examplesTable,
      patient: mapping.messyPatient,
      report: mapping.messyReport,
      reasons: mapping.reasonsTable,
      normalisations: mapping.normalisationsTable,
      weights: mapping.weightsTable,
    },
  },
  { file: "docs/clients.md", parts: { routes: routesTable, scopes: scopesTable, actions: actionsTable } },
  {
    file: "docs/registration.md",
    parts: { moves: movesDiagram, visibility: visibilityTable, decisions: decisionsTable },
  },
];

/** Files that follow from the code as a whole. */
export const files: readonly { readonly file: string; readonly text: () => string }[] = [
  {
    file: "docs/operation-definitions/Patient-to-particle.json",
    text: () => `${JSON.stringify(toParticleDefinition, null, 2)}\n`,
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

const keysOf = <Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] => Object.keys(record) as Key[];

function routesTable(): string {
  const lines = Map.groupBy(routes, ({ path, interaction }) => JSON.stringify([path, interaction]));
  const rows = [...lines.values()].map((group) => [
    code(group.map(({ method }) => method).join(", ")),
    code(group[0]?.path ?? ""),
    group[0]?.interaction ?? "",
  ]);
  return table(["method", "path", "FHIR interaction"], rows);
}

function actionsTable(): string {
  return table(
    ["`action`", "the PUT would be answered"],
    Object.entries(ACTIONS).map(([action, answer]) => [code(action), answer]),
  );
}

/** Interactions that may have a condition: If-None-Exist, or `?identifier=` in place of an id. */
const WITH_CONDITION: readonly Interaction[] = ["create", "update", "delete"];

function scopesTable(): string {
  const scopes = (needed: readonly string[]) => needed.map((letters) => code(`system/Patient.${letters}`)).join(" or ");
  const interactions = new Set(routes.filter(({ open }) => !open).map(({ interaction }) => interaction));
  const rows = [...interactions]
    .filter((interaction) => interaction !== "transaction")
    .map((interaction) => [
      interaction,
      scopes(neededPermissions(interaction, false)),
      WITH_CONDITION.includes(interaction) ? scopes(neededPermissions(interaction, true)) : "",
    ]);
  return table(["interaction", "takes", "with a condition"], rows);
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
  for (const { file, text } of files) {
    writeFileSync(new URL(file, root), text());
  }
}
