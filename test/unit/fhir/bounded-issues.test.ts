import { describe, expect, it } from "vitest";
import type { Fault, Remark } from "../../../shared/failure/failure.ts";
import { boundedIssues } from "../../../shared/fhir/bounded-issues.ts";
import { operationOutcome } from "../../../shared/fhir/operation-outcome.ts";

const fault = (index: number): Fault => ({
  severity: "warning",
  code: "business-rule",
  expression: `Patient.name[${index}]`,
  diagnostics: "A sentence about it.",
});
const remark = (expressions: readonly string[]): Remark => ({
  severity: "information",
  code: "informational",
  diagnostics: "A sentence about several.",
  expressions,
});
const paths = (count: number) => Array.from({ length: count }, (_, index) => `Patient.name[0].given[${index}]`);

describe("issues of one outcome", () => {
  it("are left as they are where an answer can hold them", () => {
    const issues = [fault(0), remark(paths(300)), fault(1)];
    expect(boundedIssues(issues)).toEqual(issues);
  });

  it("are cut where they are too many, with how many are missing", () => {
    const issues = [fault(0), remark(paths(2_000)), remark(["Patient.id"]), fault(1)];
    const [first, cut, last, ...more] = boundedIssues(issues);
    const named = cut && "expressions" in cut ? cut.expressions : [];
    expect([first, more]).toEqual([fault(0), []]);
    expect(named).toEqual(paths(2_000).slice(0, named.length));
    expect(named.length).toBeGreaterThan(500);
    expect(last?.diagnostics).toMatch(new RegExp(`^${2_000 - named.length + 2} more `));
  });

  it("are errors first where some are left out", () => {
    const error: Fault = { ...fault(9_000), severity: "error" };
    const bounded = boundedIssues([...paths(9_000).map((_, at) => fault(at)), error]);
    expect(bounded.slice(0, 2)).toEqual([error, fault(0)]);
  });

  it("fit a hundred times into one answer of Lambda, also where they are pretty-printed", () => {
    for (const issues of [paths(9_000).map((_, at) => fault(at)), [remark(paths(9_000))]]) {
      const outcome = operationOutcome(issues);
      // In a Bundle an outcome is four levels deeper; the answer is JSON within JSON.
      const pretty = JSON.stringify({ entry: [{ response: { outcome } }] }, null, 2);
      expect(JSON.stringify(pretty).length * 100).toBeLessThan(5 * 1024 * 1024);
    }
  });
});
