import type { Binary, Bundle, BundleEntry, OperationOutcome, Patient } from "fhir/r4";
import { preferencesOf } from "../../shared/http/negotiation.ts";
import type { FhirRequest } from "../../shared/http/request.ts";
import type { FhirResponse } from "../../shared/http/response.ts";

export const BASE = "https://adapter.example/fhir";

/** POST [base] with this body, as the function sees it. */
export function bundleRequest(
  body: unknown,
  { deadline, headers = {} }: { readonly deadline: number; readonly headers?: FhirRequest["headers"] },
): FhirRequest {
  return {
    method: "POST",
    base: BASE,
    route: "/",
    pathParameters: {},
    query: [],
    headers: { "content-type": "application/fhir+json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    preferences: preferencesOf(headers["prefer"]),
    signedIn: { by: "iam", caller: "caller" },
    principal: "arn:aws:iam::111122223333:user/caller",
    requestId: "request",
    deadline,
  };
}

export const bundleOf = (type: "batch" | "transaction", entry: readonly BundleEntry[]): Bundle => ({
  resourceType: "Bundle",
  type,
  ...(entry.length > 0 && { entry: [...entry] }),
});

type Request = NonNullable<BundleEntry["request"]>;

export const post = (resource: Patient, more: Partial<Request> & { fullUrl?: string } = {}): BundleEntry => {
  const { fullUrl, ...request } = more;
  return {
    ...(fullUrl !== undefined && { fullUrl }),
    resource,
    request: { method: "POST", url: "Patient", ...request },
  };
};

export const put = (resource: Patient, more: Partial<Request> = {}): BundleEntry => ({
  resource,
  request: { method: "PUT", url: `Patient/${resource.id}`, ...more },
});

export const get = (url: string, more: Partial<Request> = {}): BundleEntry => ({
  request: { method: "GET", url, ...more },
});

export const remove = (url: string): BundleEntry => ({ request: { method: "DELETE", url } });

export function patch(id: string, operations: unknown, more: Partial<Request> = {}): BundleEntry {
  const resource: Binary = {
    resourceType: "Binary",
    contentType: "application/json-patch+json",
    data: Buffer.from(JSON.stringify(operations)).toString("base64"),
  };
  return { resource, request: { method: "PATCH", url: `Patient/${id}`, ...more } };
}

/** The entries of a batch-response or a transaction-response. */
export function entriesOf({ resource }: Pick<FhirResponse, "resource">): BundleEntry[] {
  if (resource?.resourceType !== "Bundle") {
    throw new Error(`It is ${JSON.stringify(resource)}.`);
  }
  return resource.entry ?? [];
}

export const statusesOf = (response: Pick<FhirResponse, "resource">): (string | undefined)[] =>
  entriesOf(response).map((entry) => entry.response?.status);

/** Code and expression of each issue. */
export const issuesOf = (outcome: unknown): [string, string | undefined][] =>
  (outcome as OperationOutcome).issue.map(({ code, expression }) => [code, expression?.[0]]);
