import type { Patient } from "fhir/r4";
import { DEMOGRAPHIC_RULES } from "./demographic-rules.ts";
import type { LossReason, UnusedLeaf, UnusedReason } from "./mapping-report.ts";
import { isBlank } from "./outer-blanks.ts";
import { type Leaf, leavesOf } from "./patient-leaves.ts";
import type { MappingResult } from "./patient-to-particle.ts";

const ENTRY = /^Patient\.\w+\[\d+\]/;
const EXTENSION = /(?:^|\.)(?:extension|modifierExtension)\[\d+\]/;

/** The elements that decide, by the element of Patient whose entries they are in. */
const DECIDING: ReadonlyMap<string | undefined, ReadonlySet<string | undefined>> = new Map(
  DEMOGRAPHIC_RULES.map(({ choice }) => [choice.element, new Set(choice.decidedBy)] as const),
);

/** The entry of a list of the Patient that an element is in, such as `Patient.name[1]`. */
function entryOf(expression: string): string | undefined {
  return ENTRY.exec(expression)?.[0];
}

function entriesOf(expressions: Iterable<string | undefined>): ReadonlySet<string | undefined> {
  return new Set([...expressions].flatMap((expression) => entryOf(expression ?? "") ?? []));
}

/**
 * The leaves of a Patient that fed no field of Particle, each with why: together with the sources of the report, every
 * leaf is listed exactly once. `resourceType` is no element and in neither list.
 */
export function unusedLeaves(patient: Patient, { report, faults }: MappingResult): UnusedLeaf[] {
  const sources = new Set(report.fields.flatMap((field) => field.sources));
  const faulty = new Set(faults.map(({ expression }) => expression));
  const lost = new Map<string, LossReason>(
    report.fields.flatMap(({ rivals }) => rivals.map(({ expression, reason }) => [expression, reason] as const)),
  );
  const fedBy = entriesOf(sources);
  const refusedFor = entriesOf(faulty);

  const reasonOf = ({ expression, value, element, isAbsent }: Leaf): UnusedReason => {
    const entry = entryOf(expression);
    const loss = entry === undefined ? undefined : lost.get(entry);
    const inEntry = entry === undefined ? "" : expression.slice(entry.length + 1);
    const part = /^\w+/.exec(inEntry)?.[0];
    const isRefused = DECIDING.has(element) && refusedFor.has(entry) && !fedBy.has(entry);
    if (faulty.has(expression) || (entry !== undefined && faulty.has(entry)) || isRefused) {
      return "faulty";
    }
    if (loss !== undefined) {
      return loss;
    }
    if (typeof value === "string" && isBlank(value)) {
      return "blank";
    }
    if (isAbsent) {
      return "data-absent";
    }
    if (element === "contact") {
      return "someone-else";
    }
    if (EXTENSION.test(expression)) {
      return "not-carried";
    }
    if (fedBy.has(entry) && DECIDING.get(element)?.has(part)) {
      return "decided-only";
    }
    if (element === "name" && part === "given") {
      return "middle-name";
    }
    if (element === "identifier") {
      return "identifier";
    }
    return element === "active" || (element === "link" && part === "type") ? "decided-only" : "not-carried";
  };

  return [...leavesOf(patient)]
    .filter(({ expression }) => !sources.has(expression))
    .map((leaf) => ({ expression: leaf.expression, reason: reasonOf(leaf) }));
}
