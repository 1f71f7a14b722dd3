import type { OperationOutcome } from "fhir/r4";
import type { Failure, Fault, IssueCode, Remark } from "../failure/failure.ts";
import { boundedIssues } from "./bounded-issues.ts";

type Kind = Failure["kind"];
type Of<K extends Kind> = Extract<Failure, { kind: K }>;

/** How one kind of failure is answered. */
type Presentation<K extends Kind> = {
  readonly status: number;
  /** One issue for each; what says no more than its kind has a single one. */
  readonly issues: (failure: Of<K>) => readonly Fault[];
};

const issue = (code: IssueCode, diagnostics: string): (() => readonly Fault[]) => {
  const faults = [{ severity: "error", code, diagnostics }] as const;
  return () => faults;
};

const NOT_FOUND: Readonly<Record<Of<"not-found">["reason"], string>> = {
  patient: "There is no Patient with this id.",
  version:
    "This version cannot be read: Particle keeps only the current one. Read the Patient without _history for its current version.",
  path: "There is nothing at this path. See /metadata for what this server does.",
  "absent-at-particle":
    "The Patient is registered, but Particle does not hold it any more. PUT it again to register it anew.",
};

/** The one place where a failure becomes a status: a new kind does not compile until it has a row. */
const PRESENTATIONS: { readonly [K in Kind]: Presentation<K> } = {
  invalid: { status: 400, issues: ({ faults }) => faults },
  unprocessable: { status: 422, issues: ({ faults }) => faults },
  "too-large": {
    status: 413,
    issues: ({ limitBytes }) => [
      { severity: "error", code: "too-long", diagnostics: `The body is larger than ${limitBytes} bytes. Send less.` },
    ],
  },
  "unsupported-media-type": {
    status: 415,
    issues: issue(
      "not-supported",
      "The body must be application/fhir+json (or application/json) in UTF-8, of FHIR version 4.0, not compressed; a form only at _search.",
    ),
  },
  "not-acceptable": {
    status: 406,
    issues: issue("not-supported", "This server answers application/fhir+json of FHIR version 4.0 and nothing else."),
  },
  "not-found": {
    status: 404,
    issues: ({ reason }) => [{ severity: "error", code: "not-found", diagnostics: NOT_FOUND[reason] }],
  },
  deleted: {
    status: 410,
    issues: issue("deleted", "The Patient was deleted. PUT to the same id registers it again."),
  },
  "method-not-allowed": {
    status: 405,
    issues: ({ allow }) => [
      {
        severity: "error",
        code: "not-supported",
        diagnostics: `This method is not supported here. Allowed: ${allow.join(", ")}.`,
      },
    ],
  },
  "version-conflict": {
    status: 412,
    issues: issue(
      "conflict",
      "If-Match does not name the current version. Read the Patient again, and repeat the change on what it says now.",
    ),
  },
  "already-there": {
    status: 412,
    issues: issue(
      "conflict",
      "If-None-Match: * asks for a Patient that is not there yet, and it is there. Read it; to change it, send the header If-Match.",
    ),
  },
  "multiple-matches": {
    status: 412,
    issues: issue("multiple-matches", "The condition matches several Patients. Use one that matches at most one."),
  },
  duplicate: {
    status: 409,
    issues: ({ holder }) => [
      { severity: "error", code: "duplicate", diagnostics: `Patient/${holder} holds this identity. Update that one.` },
    ],
  },
  "overlay-suspected": {
    status: 409,
    issues: ({ fields }) => [
      {
        severity: "error",
        code: "business-rule",
        diagnostics: `The update changes ${fields.join(", ")} at once, which looks like another person. If it is the same person, repeat it with the header Overlay-Reason: correction, name-change or verified-same-person. If another person was overwritten, DELETE and then PUT with that header, too; Particle drops the patient's documents then.`,
      },
    ],
  },
  "particle-overlay": {
    status: 409,
    issues: issue(
      "business-rule",
      "Particle takes these demographics for another person than the one that it holds. Check them; if they are right, DELETE the Patient and then PUT it again, with the header Overlay-Reason where several identity fields change. Particle drops the patient's documents then.",
    ),
  },
  "in-flight": {
    status: 409,
    issues: issue(
      "lock-error",
      "Another request is changing this Patient. Repeat this one after the time in Retry-After.",
    ),
  },
  "particle-rejected": {
    status: 422,
    issues: ({ refused, words = "no reason is given here." }) => [
      { severity: "error", code: "business-rule", diagnostics: `Particle refused the ${refused}: ${words}` },
    ],
  },
  unauthenticated: {
    status: 401,
    issues: issue("login", "Sign in: the request carries no credentials that are valid now."),
  },
  forbidden: {
    status: 403,
    issues: ({ scopes }) => [
      {
        severity: "error",
        code: "forbidden",
        diagnostics: `The scopes of the token do not allow this. It takes ${scopes.join(" or ")}.`,
      },
    ],
  },
  "particle-throttled": {
    status: 429,
    issues: issue("throttled", "Particle limits the rate of requests. Repeat this one after the time in Retry-After."),
  },
  "particle-unintelligible": {
    status: 502,
    issues: issue("transient", "Particle's answer could not be understood. Repeat the identical request."),
  },
  "particle-unavailable": {
    status: 503,
    issues: issue(
      "transient",
      "Particle cannot be reached or failed. Repeat the identical request after the time in Retry-After.",
    ),
  },
  "particle-refuses-token": {
    status: 503,
    issues: issue(
      "transient",
      "Particle does not accept this server's token, which its operators have to mend. Repeat the request after the time in Retry-After.",
    ),
  },
  "store-unavailable": {
    status: 503,
    issues: issue(
      "transient",
      "The server's own storage does not answer. Repeat the identical request after the time in Retry-After.",
    ),
  },
  "outcome-unknown": {
    status: 504,
    issues: issue(
      "timeout",
      "Nobody knows yet whether Particle carried the request out. Repeat the identical request after the time in Retry-After: nothing is done twice.",
    ),
  },
};

/** What a failure is to the client. */
export type RenderedFailure = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly outcome: OperationOutcome;
};

export function renderFailure(failure: Failure): RenderedFailure {
  const { status, issues } = presentationOf(failure);
  return { status, headers: headersOf(failure), outcome: operationOutcome(issues) };
}

function presentationOf<K extends Kind>(failure: Of<K>): { status: number; issues: readonly Fault[] } {
  const presentation: Presentation<K> = PRESENTATIONS[failure.kind as K];
  return { status: presentation.status, issues: presentation.issues(failure) };
}

const headersOf = (failure: Failure): Record<string, string> => ({
  ...("retryAfterSeconds" in failure &&
    failure.retryAfterSeconds !== undefined && { "Retry-After": String(failure.retryAfterSeconds) }),
  ...("allow" in failure && { Allow: failure.allow.join(", ") }),
});

/** A bug: its cause goes to the log and never to the caller. */
export const BUG: RenderedFailure = {
  status: 500,
  headers: {},
  outcome: operationOutcome([
    {
      severity: "error",
      code: "exception",
      diagnostics: "The server failed. Its operators find the cause by X-Request-Id.",
    },
  ]),
};

/**
 * As many of the issues as an answer can hold. http://hl7.org/fhir/R4/operationoutcome.html: the sentence always in
 * `diagnostics`, the element in `expression`.
 */
export function operationOutcome(issues: readonly (Fault | Remark)[]): OperationOutcome {
  return {
    resourceType: "OperationOutcome",
    issue: boundedIssues(issues).map((issue) => {
      const { severity, code, diagnostics } = issue;
      const expression = expressionsOf(issue);
      return { severity, code, diagnostics, ...(expression && { expression: [...expression] }) };
    }),
  };
}

function expressionsOf(issue: Fault | Remark): readonly string[] | undefined {
  return "expressions" in issue ? issue.expressions : issue.expression === undefined ? undefined : [issue.expression];
}
