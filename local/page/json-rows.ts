import { type FhirObject, isFhirObject } from "../../shared/mapping/fhir-element.ts";
import { stepsInto } from "../../shared/mapping/patient-leaves.ts";
import { mayBeSsnIdentifier } from "../../shared/mapping/us-ssn.ts";
import type { Row } from "./page-view.ts";
import { upwards } from "./path-upwards.ts";

/** More rows than this nobody reads, and a browser is slow to lay them out. */
const MOST_ROWS = 2000;

/** Narratives and photos may be as long as the Patient itself. */
const LONGEST_TEXT = 400;

type BareRow = Omit<Row, "mark" | "notes">;

export const masked = (text: string): string => text.replace(/\d/g, "*");

function shortened(text: string): string {
  return text.length <= LONGEST_TEXT
    ? text
    : `${text.slice(0, LONGEST_TEXT)}… (${text.length.toLocaleString("en")} characters)`;
}

/** Like mapping, without null and `resourceType`. @param value of parsed JSON, not nested too deeply for calls */
export function countLeaves(value: unknown): number {
  if (Array.isArray(value)) {
    return value.reduce<number>((sum, entry) => sum + countLeaves(entry), 0);
  }
  if (isFhirObject(value)) {
    return Object.entries(value).reduce<number>(
      (sum, [key, part]) => (key === "resourceType" ? sum : sum + countLeaves(part)),
      0,
    );
  }
  return value === null ? 0 : 1;
}

/** Parts of an object or array, each with its label and FHIRPath. */
function partsOf(value: FhirObject | readonly unknown[], expression: string) {
  return isFhirObject(value)
    ? stepsInto(value, expression).map(([label, step]) => ({
        label,
        path: `${expression}.${step}`,
        part: value[label],
      }))
    : value.map((part: unknown, index) => ({ label: `[${index}]`, path: `${expression}[${index}]`, part }));
}

/**
 * The JSON of a Patient as rows, in its order. What looks like a Social Security number of an identifier is masked. Of a
 * large Patient some parts are left out, never one of `kept` nor what holds one.
 *
 * @param value of parsed JSON, not nested too deeply for calls
 * @param kept FHIRPaths
 */
export function jsonRows(value: unknown, kept: Iterable<string>): BareRow[] {
  const needed = new Set([...kept].flatMap((expression) => [...upwards(expression)]));
  const rows: BareRow[] = [];

  const walk = (part: unknown, label: string, expression: string, depth: number, isSsn: boolean) => {
    if (!Array.isArray(part) && !isFhirObject(part)) {
      const text = JSON.stringify(part) ?? "";
      rows.push({ depth, kind: "value", label, text: shortened(isSsn ? masked(text) : text), expression });
      return;
    }
    const parts = partsOf(part, expression);
    const kind = Array.isArray(part) ? "array" : "object";
    rows.push({ depth, kind, label, text: parts.length === 0 ? "empty" : "", expression });
    const hidesValue =
      isFhirObject(part) && /^Patient\.identifier\[\d+\]$/.test(expression) && mayBeSsnIdentifier(part);
    let leftOut = 0;
    for (const { label: name, path, part: inner } of parts) {
      if (rows.length >= MOST_ROWS && !needed.has(path)) {
        leftOut += countLeaves(inner);
      } else {
        walk(inner, shortened(name), path, depth + 1, hidesValue && name === "value");
      }
    }
    if (leftOut > 0) {
      const text = `${leftOut.toLocaleString("en")} more leaves, none of them sent or faulty, are left out here`;
      rows.push({ depth: depth + 1, kind: "rest", label: "…", text, expression });
    }
  };

  walk(value, "Patient", "Patient", 0, false);
  return rows;
}
