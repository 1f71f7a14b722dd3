import type { Fault, Remark } from "../failure/failure.ts";
import { SizeBudget } from "./size-budget.ts";

/**
 * Of one OperationOutcome: a batch may have 100 entries with one each, pretty-printed, and Lambda answers at most 6 MB.
 * https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 */
const MOST_CHARACTERS = 45_000;

/** What pretty-printed JSON within JSON needs around the text of an issue, and around one of its expressions. */
const AROUND_ISSUE = 280;
const AROUND_EXPRESSION = 28;

const sizeOfExpression = (expression: string): number => expression.length + AROUND_EXPRESSION;

const sizeOfIssue = (issue: Fault | Remark): number =>
  issue.diagnostics.length +
  AROUND_ISSUE +
  ("expressions" in issue || issue.expression === undefined ? 0 : sizeOfExpression(issue.expression));

/**
 * The issues, as far as one answer can hold them; where some are left out, one more says how many. Errors go first then:
 * what is wrong must not look like something that is merely remarked upon.
 */
export function boundedIssues(issues: readonly (Fault | Remark)[]): readonly (Fault | Remark)[] {
  const whole = take(issues);
  if (whole.leftOut === 0) {
    return whole.bounded;
  }
  const { bounded, leftOut } = take([...issues.filter(isError), ...issues.filter((issue) => !isError(issue))]);
  return [...bounded, remarkOnRest(leftOut)];
}

const isError = ({ severity }: Fault | Remark): boolean => severity === "error";

type Taken = { readonly bounded: readonly (Fault | Remark)[]; readonly leftOut: number };

function take(issues: readonly (Fault | Remark)[]): Taken {
  const budget = new SizeBudget(MOST_CHARACTERS);
  const bounded = issues.flatMap((issue): (Fault | Remark)[] => {
    if (!("expressions" in issue)) {
      return [...budget.take([issue], sizeOfIssue)];
    }
    // The sentence counts with the first of its elements: without any it says nothing.
    const [first = ""] = issue.expressions;
    const expressions = budget.take(
      issue.expressions,
      (expression) => sizeOfExpression(expression) + (expression === first ? sizeOfIssue(issue) : 0),
    );
    return expressions.length === 0 ? [] : [{ ...issue, expressions }];
  });
  return { bounded, leftOut: budget.leftOut };
}

const remarkOnRest = (count: number): Fault => ({
  severity: "information",
  code: "informational",
  diagnostics: `${count} more elements or issues are not named here, for the answer would become too large.`,
});
