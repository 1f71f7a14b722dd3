import type { Fault } from "../failure/failure.ts";
import { FaultList } from "./fault-list.ts";
import { isJsonObject } from "./invariants.ts";
import { scanJson } from "./scan-json.ts";
import { isResourceType } from "./structure.ts";

/** Line and column count from 1. */
function position(text: string, offset: number): string {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/);
  return `line ${lines.length}, column ${(lines.at(-1) ?? "").length + 1}`;
}

/** The first step of a FHIRPath into the value. */
function rootOf(value: unknown): string {
  const type = isJsonObject(value) ? value["resourceType"] : undefined;
  return isResourceType(type) ? type : "Resource";
}

/**
 * Reads the JSON of a body. A byte order mark in front of it is tolerated. Refused beyond what JSON itself refuses: two
 * properties of one name in one object (readers differ in which of them they take) and nesting over 64 deep.
 *
 * @returns the value, or what is wrong: the line and column where the text stops being JSON, or the FHIRPath of each
 * repeated property. The value may have an own property `__proto__`, which is harmless where nobody assigns it on.
 */
export function parseJson(text: string): { readonly value: unknown } | { readonly faults: Fault[] } {
  const source = text.startsWith("\ufeff") ? text.slice(1) : text;
  if (source.trim() === "") {
    return { faults: [{ severity: "error", code: "structure", diagnostics: "The body is empty: send JSON." }] };
  }
  const { problem, duplicates } = scanJson(source);
  if (problem) {
    const diagnostics = `The body cannot be read as JSON: ${problem.rule} (${position(source, problem.offset)}).`;
    return { faults: [{ severity: "error", code: "structure", diagnostics }] };
  }
  const value: unknown = JSON.parse(source);
  if (duplicates.length === 0) return { value };
  const faults = new FaultList(rootOf(value));
  for (const steps of duplicates) faults.add("structure", "Give the property once: its name is repeated.", ...steps);
  return { faults: faults.all() };
}
