import type { Patient } from "fhir/r4";
import type { Fault } from "../../shared/failure/failure.ts";
import { patientFaults } from "../../shared/http/patient-body.ts";
import { DEMOGRAPHIC_RULES } from "../../shared/mapping/demographic-rules.ts";
import { type MappingResult, patientToParticle } from "../../shared/mapping/patient-to-particle.ts";
import { unusedLeaves } from "../../shared/mapping/unused-leaves.ts";
import { countLeaves, jsonRows, masked } from "./json-rows.ts";
import type { FieldView, GroupView, Mark, MarkKind, Note, PageView, Row } from "./page-view.ts";
import { upwards } from "./path-upwards.ts";
import { NORMALISATIONS, reasonInWords, ruleInWords, TITLES } from "./words.ts";

type Conditions = {
  /** UTC, `YYYY-MM-DD` */
  readonly today: string;
  /** Whether faults in elements that feed no demographic are tolerated. */
  readonly handling: "strict" | "lenient";
};

/** More of them than this are counted and not listed. */
const MOST_LISTED = 12;

/** What becomes of a Patient, by the same rules as when it is registered. @param value of parsed JSON */
export function viewOfPatient(value: unknown, { today, handling }: Conditions): PageView {
  const structure = patientFaults(value, { validation: handling });
  const isValid = structure.every(({ severity }) => severity !== "error");
  // Mapping presumes a valid Patient.
  const patient = value as Patient;
  const result = isValid ? patientToParticle(patient, { today }) : undefined;
  const errors = [...structure.filter(({ severity }) => severity === "error"), ...(result?.faults ?? [])];
  const said = [...structure, ...(result?.faults ?? []), ...(result?.report.warnings ?? [])];

  const fields = fieldsOf(result);
  const groups = groupsOf(result);
  const marks = result === undefined ? new Map<string, Mark>() : marksOf(patient, result, fields);
  const listed = groups.flatMap(({ rivals }) => rivals);
  const bare = jsonRows(value, [
    ...fields.flatMap(({ sources }) => sources),
    ...listed.map(({ expression }) => expression),
    ...said.map(({ expression = "Patient" }) => expression),
  ]);

  const notes = notesAt(
    said,
    bare.map(({ expression }) => expression),
  );
  const lost = new Map(
    listed.map(({ expression, label, sentence }) => [expression, { kind: "dropped", label, sentence } as const]),
  );
  const known = { value: marks, object: lost, array: lost, rest: undefined };
  const rows = bare.map((row): Row => {
    const own = notes.get(row.expression) ?? [];
    // Two properties may be one element (`birthDate` and `_birthDate`): what is said of it is said once.
    notes.delete(row.expression);
    const mark = result === undefined ? markOfInvalid(row, own) : known[row.kind]?.get(row.expression);
    return { ...row, ...(mark !== undefined && { mark }), notes: own };
  });

  return {
    outcome: result === undefined ? "invalid" : errors.length === 0 ? "mapped" : "refused",
    rows,
    fields,
    groups,
    faults: errors,
    counts: {
      ...(result === undefined ? countInvalid(value, rows) : countMarks(marks)),
      errors: errors.length,
      warnings: said.length - errors.length,
    },
  };
}

/** Null only aligns lists, and `resourceType` is no element. */
const isLeaf = ({ kind, label, text }: Pick<Row, "kind" | "label" | "text">): boolean =>
  kind === "value" && text !== "null" && label !== "resourceType";

const NOT_MAPPED: Mark = {
  kind: "not-mapped",
  label: "not mapped",
  sentence: "The Patient is not valid FHIR R4, so nothing of it is mapped.",
};

const NOT_VALID: Mark = { kind: "faulty", label: "faulty", sentence: "This is not valid FHIR R4." };

function markOfInvalid(row: Pick<Row, "kind" | "label" | "text">, notes: readonly Note[]): Mark | undefined {
  const isFaulty = notes.some(({ severity, about }) => severity === "error" && about === undefined);
  return isFaulty ? NOT_VALID : isLeaf(row) ? NOT_MAPPED : undefined;
}

function fieldsOf(result: MappingResult | undefined): FieldView[] {
  return DEMOGRAPHIC_RULES.map(({ field, need }) => {
    const report = result?.report.fields.find((entry) => entry.field === field);
    const sources = report?.sources ?? [];
    const values = [result?.demographics?.[field] ?? []].flat();
    const absence =
      result === undefined
        ? "not mapped"
        : sources.length > 0
          ? "held back"
          : need === "required"
            ? "✕ nothing that can be used"
            : "not sent: nothing feeds it";
    return {
      field,
      need,
      values: field === "ssn" ? values.map(masked) : values,
      sources,
      steps: (report?.normalisations ?? []).map(({ kind, before, after }) => ({
        label: NORMALISATIONS[kind],
        before,
        after,
      })),
      ...(values.length === 0 && { absence }),
    };
  });
}

function groupsOf(result: MappingResult | undefined): GroupView[] {
  return [...Map.groupBy(DEMOGRAPHIC_RULES, ({ choice }) => choice)].map(([choice, rules]) => {
    const report = result?.report.fields.find(({ field }) => field === rules[0]?.field);
    const rivals = report?.rivals ?? [];
    const rule = ruleInWords(choice);
    return {
      name: choice.name,
      title: TITLES[choice.name],
      ...(rule !== undefined && { rule }),
      fields: rules.map((each) => DEMOGRAPHIC_RULES.indexOf(each)),
      rivals: rivals.slice(0, MOST_LISTED).map(({ expression, reason }) => ({ expression, ...reasonInWords(reason) })),
      furtherRivals: Math.max(0, rivals.length - MOST_LISTED),
    };
  });
}

/** What became of each leaf, by its FHIRPath. */
function marksOf(patient: Patient, result: MappingResult, fields: readonly FieldView[]): Map<string, Mark> {
  const isSent = result.faults.length === 0;
  const fed = fields.flatMap(({ field, sources }, index) =>
    sources.map((expression): [string, Mark] => [
      expression,
      isSent
        ? { kind: "sent", field: index, label: field, sentence: `Sent to Particle as ${field}.` }
        : {
            kind: "held-back",
            field: index,
            label: field,
            sentence: `Would be sent as ${field}, but the Patient is refused.`,
          },
    ]),
  );
  const unused = unusedLeaves(patient, result).map(({ expression, reason }): [string, Mark] => [
    expression,
    { kind: reason === "faulty" ? "faulty" : "dropped", ...reasonInWords(reason) },
  ]);
  return new Map([...fed, ...unused]);
}

type Counts = Record<MarkKind, number> & { leaves: number };

const NO_COUNTS: Counts = { leaves: 0, sent: 0, "held-back": 0, dropped: 0, faulty: 0, "not-mapped": 0 };

function countMarks(marks: ReadonlyMap<string, Mark>): Counts {
  const counts = { ...NO_COUNTS, leaves: marks.size };
  for (const { kind } of marks.values()) {
    counts[kind] += 1;
  }
  return counts;
}

function countInvalid(value: unknown, rows: readonly Row[]): Counts {
  const leaves = countLeaves(value);
  const faulty = rows.filter((row) => isLeaf(row) && row.mark?.kind === "faulty").length;
  return { ...NO_COUNTS, leaves, faulty, "not-mapped": leaves - faulty };
}

/** Each fault at the element that it names, or at what would hold it where that is not there. */
function notesAt(faults: readonly Fault[], expressions: readonly string[]): Map<string, Note[]> {
  const present = new Set(expressions);
  const notes = new Map<string, Note[]>();
  for (const { severity, diagnostics, expression = "Patient" } of faults) {
    const place = [...upwards(expression)].find((path) => present.has(path)) ?? "Patient";
    const note = { severity, diagnostics, ...(place !== expression && { about: expression }) };
    notes.set(place, [...(notes.get(place) ?? []), note]);
  }
  return notes;
}
