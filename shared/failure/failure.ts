/**
 * Codes of http://hl7.org/fhir/R4/valueset-issue-type.html that this adapter uses.
 */
export type IssueCode =
  | "structure"
  | "required"
  | "value"
  | "invariant"
  | "code-invalid"
  | "extension"
  | "business-rule"
  | "too-long"
  | "too-costly"
  | "not-supported"
  | "not-found"
  | "deleted"
  | "conflict"
  | "multiple-matches"
  | "duplicate"
  | "lock-error"
  | "login"
  | "forbidden"
  | "throttled"
  | "transient"
  | "timeout"
  | "exception"
  | "informational";

/**
 * One thing that is wrong with (or worth saying about) what a client sent. Never holds a value of the input.
 * Becomes one `OperationOutcome.issue`.
 */
export type Fault = {
  readonly severity: "error" | "warning" | "information";
  readonly code: IssueCode;
  /** FHIRPath of the element, such as `Patient.name[1].family`; absent when the fault is of no element. */
  readonly expression?: string;
  /** A sentence that says what is wrong and what to do about it. */
  readonly diagnostics: string;
};

/** Something worth saying about several elements at once; like a {@link Fault}, without a value of the input. */
export type Remark = Omit<Fault, "expression"> & { readonly expressions: readonly string[] };

/** What Particle may refuse of a caller's; a page is a continuation token. */
export type Refusable = "demographics" | "deletion" | "page";

/**
 * Everything that can go wrong on the way from a request to its answer, as one closed union: adding a kind does not
 * compile until it has its row in the table of `shared/fhir/operation-outcome.ts`.
 */
export type Failure =
  /** The body is not JSON, is another resource, or breaks R4: 400. */
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] }
  /** Valid FHIR that cannot be registered with Particle: 422. */
  | { readonly kind: "unprocessable"; readonly faults: readonly Fault[] }
  | { readonly kind: "too-large"; readonly limitBytes: number }
  | { readonly kind: "unsupported-media-type" }
  | { readonly kind: "not-acceptable" }
  | { readonly kind: "not-found"; readonly reason: "patient" | "version" | "path" | "absent-at-particle" }
  | { readonly kind: "deleted" }
  | { readonly kind: "method-not-allowed"; readonly allow: readonly string[] }
  /** If-Match names another version than the current one. */
  | { readonly kind: "version-conflict" }
  /** If-None-Match asks for a patient that is not there yet, and it is there. */
  | { readonly kind: "already-there" }
  | { readonly kind: "multiple-matches" }
  /** Another patient holds the identity; `holder` is the FHIR id of that patient. */
  | { readonly kind: "duplicate"; readonly holder: string }
  /** Two or more identity fields change at once: it looks like another person. Names Particle's fields, no values. */
  | { readonly kind: "overlay-suspected"; readonly fields: readonly string[] }
  /** Particle itself says that the demographics are of another person than those it holds under the patient_id. */
  | { readonly kind: "particle-overlay" }
  /** Another write on the same patient or claim is under way. */
  | { readonly kind: "in-flight"; readonly retryAfterSeconds: number }
  /**
   * Particle's definitive refusal. `words` are Particle's own, of which only those are left that say nothing about
   * anybody; absent where none are, and where no demographics were sent that they could be about.
   */
  | { readonly kind: "particle-rejected"; readonly refused: Refusable; readonly words?: string }
  | { readonly kind: "unauthenticated" }
  /** `scopes`: any one of these would do. */
  | { readonly kind: "forbidden"; readonly scopes: readonly string[] }
  | { readonly kind: "particle-throttled"; readonly retryAfterSeconds: number }
  /** Particle's answer does not have the documented shape. */
  | { readonly kind: "particle-unintelligible"; readonly retryAfterSeconds?: number }
  | { readonly kind: "particle-unavailable"; readonly retryAfterSeconds: number }
  /** Particle refuses our token, also after it was read again. */
  | { readonly kind: "particle-refuses-token"; readonly retryAfterSeconds: number }
  /** The adapter's own table or secrets do not answer. */
  | { readonly kind: "store-unavailable"; readonly retryAfterSeconds: number }
  /** The time is over and nobody knows whether Particle carried the request out. */
  | { readonly kind: "outcome-unknown"; readonly retryAfterSeconds: number };

type AdapterErrorOptions = ErrorOptions & {
  /** True when Particle may have carried the request out although it failed here. */
  readonly outcomeUnknown?: boolean;
  /** FHIR ids of the patients that the request may have changed all the same. */
  readonly patients?: readonly string[];
};

/**
 * Carries a {@link Failure} to the edge. The message is for operators: it reaches the log and never the caller, and
 * holds no demographics.
 */
export class AdapterError extends Error {
  override readonly name = "AdapterError";
  readonly failure: Failure;
  readonly outcomeUnknown: boolean;
  readonly patients: readonly string[];

  constructor(failure: Failure, message: string, options: AdapterErrorOptions = {}) {
    super(message, options);
    this.failure = failure;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
    this.patients = options.patients ?? [];
  }
}
