import type { OperationOutcomeIssue } from "fhir/r4";
import { AdapterError, type Fault } from "../failure/failure.ts";
import { BUG, type RenderedFailure, renderFailure } from "../fhir/operation-outcome.ts";
import type { Ending } from "../http/interaction-end.ts";
import type { FhirRequest } from "../http/request.ts";

export const unprocessable = (...faults: readonly Fault[]): AdapterError =>
  new AdapterError({ kind: "unprocessable", faults }, `The Bundle cannot be processed: ${faults.length} faults.`);

/**
 * Told how every entry ended, by its place from 0. Of a transaction that failed, only of the entry for which it did: of
 * the others nothing stays.
 */
export type ReportEntry = (request: FhirRequest, index: number, ending: Ending) => void;

/** The failure of one entry of a Bundle. */
export class EntryError extends Error {
  readonly index: number;
  /** The interaction that failed; a patch is no part of its resource's elements. */
  readonly isPatch: boolean;

  constructor(index: number, isPatch: boolean, cause: unknown) {
    super(`Entry ${index} failed.`, { cause });
    this.index = index;
    this.isPatch = isPatch;
  }
}

/** A failure as the client sees it; what is no AdapterError is a bug. */
export const rendered = (error: unknown): RenderedFailure =>
  error instanceof AdapterError ? renderFailure(error.failure) : BUG;

/** `Patient.name[0]` of the entry's resource, as an element of the Bundle; the entry itself where none is named. */
export const expressionIn = (index: number, expression: string | undefined, isPatch = false): string => {
  const entry = `Bundle.entry[${index}]`;
  if (expression === undefined) {
    return entry;
  }
  if (expression.startsWith("Bundle.")) {
    return expression;
  }
  return isPatch ? `${entry}.resource` : `${entry}.resource${expression.replace(/^[A-Za-z]+/, "")}`;
};

/** The failure of a whole transaction because of one entry: its issues name elements of the Bundle. */
export function renderedInBundle({ index, isPatch, cause }: EntryError): RenderedFailure {
  const failure = rendered(cause);
  const issue = failure.outcome.issue.map(
    (one): OperationOutcomeIssue => ({ ...one, expression: [expressionIn(index, one.expression?.[0], isPatch)] }),
  );
  return { ...failure, outcome: { ...failure.outcome, issue } };
}
