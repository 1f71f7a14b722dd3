import { AdapterError, type Failure } from "../failure/failure.ts";
import { BUG, renderFailure } from "../fhir/operation-outcome.ts";
import { OVERLAY_REASONS, type OverlayReason } from "../registration/overlay-reasons.ts";
import { isResourceId } from "./path.ts";
import type { FhirRequest } from "./request.ts";
import type { FhirResponse, WriteOutcome } from "./response.ts";
import { routeOf } from "./routes.ts";

/** How a request ended, or an entry of a Bundle. Holds no patient data: ids are those of FHIR. */
export type InteractionEnd = {
  readonly requestId: string;
  readonly principal: string;
  readonly method: string;
  /** The route with its placeholders. */
  readonly route: string;
  /** Place of the entry in its Bundle, from 0; absent for a request. */
  readonly entry?: number;
  readonly status: number;
  /** Whom it was about, as far as that is known. */
  readonly patients: readonly string[];
  /** Of a write that succeeded. */
  readonly outcome?: WriteOutcome;
  readonly failure?: Failure["kind"] | "bug";
  /** The operator's message of the failure. */
  readonly reason?: string;
  /** Why the client says that several identity fields change at once. */
  readonly overlayReason?: OverlayReason;
};

type Asked = Pick<FhirRequest, "requestId" | "principal" | "method" | "route" | "pathParameters" | "headers">;

/** An answer, or what was thrown instead of one. */
export type Ending = { readonly response: FhirResponse } | { readonly error: unknown };

export function interactionEnd(request: Asked, ending: Ending, entry?: number): InteractionEnd {
  const { requestId, principal, method, route } = request;
  const overlayReason = OVERLAY_REASONS.find((known) => known === request.headers["overlay-reason"]?.trim());
  return {
    requestId,
    principal,
    method,
    route,
    ...(entry !== undefined && { entry }),
    ...("error" in ending ? failed(request, ending.error) : answered(request, ending.response)),
    ...(overlayReason && { overlayReason }),
  };
}

type Result = Pick<InteractionEnd, "status" | "patients" | "outcome" | "failure" | "reason">;

function answered(request: Asked, { status, about }: FhirResponse): Result {
  return {
    status,
    patients: about?.patients ?? patientIn(request),
    ...(about?.outcome !== undefined && { outcome: about.outcome }),
  };
}

function failed(request: Asked, error: unknown): Result {
  if (!(error instanceof AdapterError)) {
    return { status: BUG.status, patients: patientIn(request), failure: "bug" };
  }
  const { failure, patients, message } = error;
  return {
    status: renderFailure(failure).status,
    patients: [...new Set([...patientIn(request), ...patients])],
    failure: failure.kind,
    reason: message,
  };
}

/**
 * The id in the path, also of a patient that is not there: who tried to read it is what an auditor may want to know.
 * What cannot be an id could be anything, and `$validate` looks no id up, so that one says nothing of a patient.
 */
function patientIn({ method, route, pathParameters: { id } }: Asked): readonly string[] {
  const isLookedUp = routeOf(method, route)?.interaction !== "$validate";
  return id !== undefined && isLookedUp && isResourceId(id) ? [id] : [];
}
