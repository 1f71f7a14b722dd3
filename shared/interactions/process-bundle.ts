import { requireParameters } from "../http/general-parameters.ts";
import { requirePreconditions } from "../http/preconditions.ts";
import { type FhirRequest, invalid, type Respond, requestFault } from "../http/request.ts";
import type { Registration } from "../registration/registration.ts";
import { bundleRequestOf } from "./bundle-request.ts";
import type { ReportEntry } from "./entry-failure.ts";
import { LONGEST_KEY } from "./entry-request.ts";
import { processBatch } from "./process-batch.ts";
import { processTransaction } from "./process-transaction.ts";

/**
 * POST [base] with a batch or a transaction: http://hl7.org/fhir/R4/http.html#transaction. Each entry is answered as the
 * request that it stands for.
 *
 * @param report told how every entry ended.
 */
export const bundleInteraction =
  (registration: Registration, report: ReportEntry): Respond =>
  async (request) => {
    requireParameters(request);
    requirePreconditions(request);
    requireKey(request);
    const { type, entries } = bundleRequestOf(request);
    const process = { batch: processBatch, transaction: processTransaction }[type];
    return process(registration, request, entries, report);
  };

function requireKey({ headers }: FhirRequest): void {
  const key = headers["idempotency-key"]?.trim();
  if (key !== undefined && (key === "" || key.length > LONGEST_KEY)) {
    throw invalid(requestFault(`The Idempotency-Key of a Bundle must have 1 to ${LONGEST_KEY} characters.`));
  }
}
