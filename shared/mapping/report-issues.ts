import type { Fault, Remark } from "../failure/failure.ts";
import { identityStrength, identityStrengthIssue } from "./identity-strength.ts";
import type { FieldReport } from "./mapping-report.ts";
import type { PatientReport } from "./patient-report.ts";
import { unusedLeaves } from "./unused-leaves.ts";
import { LOST_BECAUSE, UNUSED_BECAUSE } from "./unused-reasons.ts";

/** What a sender should know about a Patient that can be registered. */
export const remarksOf = ({ warnings, patient, demographics }: PatientReport): readonly Fault[] => [
  ...warnings,
  identityStrengthIssue(identityStrength(patient, demographics)),
];

/**
 * The whole report as issues: what a sender should know; what each field of Particle is made of; what lost, and what fed
 * nothing, each element once for every reason. Names paths, rules and kinds, never values; a path ends before a name that
 * R4 does not know.
 */
export function reportIssues(report: PatientReport): readonly (Fault | Remark)[] {
  return [
    ...remarksOf(report),
    ...report.fields.filter(({ sources }) => sources.length > 0).map(fieldIssue),
    ...rivalIssues(report.fields),
    ...unusedIssues(report),
  ];
}

const information = (diagnostics: string, expressions: readonly string[]): Remark => ({
  severity: "information",
  code: "informational",
  diagnostics,
  expressions,
});

function fieldIssue({ field, rule, sources, normalisations }: FieldReport): Remark {
  const [first, ...others] = sources;
  const source = others.length === 0 ? first : `${sources.length} elements`;
  const kinds = new Set(normalisations.map(({ kind }) => kind));
  const how = kinds.size === 0 ? "as it is" : [...kinds].join(", ");
  return information(`${field} is made of ${source} (rule ${rule}; ${how}).`, sources);
}

/** Fields that are fed by one rule have the same rivals. */
function rivalIssues(fields: readonly FieldReport[]): Remark[] {
  const rules = new Map(fields.map(({ rule, rivals }) => [rule, rivals] as const));
  return [...rules].flatMap(([rule, rivals]) =>
    [...Map.groupBy(rivals, ({ reason }) => reason)].map(([reason, lost]) =>
      information(
        `Not used by the rule ${rule} (${reason}), because ${LOST_BECAUSE[reason]}.`,
        lost.map(({ expression }) => expression),
      ),
    ),
  );
}

function unusedIssues(report: PatientReport): Remark[] {
  const unused = unusedLeaves(report.patient, { report, faults: [] });
  return [...Map.groupBy(unused, ({ reason }) => reason)].map(([reason, leaves]) =>
    information(`Fed no field of Particle (${reason}), because ${UNUSED_BECAUSE[reason]}.`, [
      ...new Set(leaves.map(({ expression }) => expression)),
    ]),
  );
}
