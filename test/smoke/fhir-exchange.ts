import type { FhirResource, OperationOutcome, Patient } from "fhir/r4";
import type { Sign } from "./signed-request.ts";

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where there is none. */
  readonly resource: FhirResource | undefined;
  /** What makes it no answer of a FHIR server, whatever its status. */
  readonly malformed: string | undefined;
};

export type Send = (
  method: string,
  path: string,
  options?: { readonly resource?: Patient; readonly signed?: boolean },
) => Promise<Answer>;

/**
 * Sends to a FHIR server.
 *
 * @param root `[base]` without a slash at the end
 * @param unsigned headers of a request that nobody signs
 */
export const sender =
  (root: string, sign: Sign, unsigned: Readonly<Record<string, string>>): Send =>
  async (method, path, { resource, signed = true } = {}) => {
    const url = new URL(root + path);
    const body = resource && JSON.stringify(resource);
    const headers = {
      accept: "application/fhir+json",
      ...(body !== undefined && { "content-type": "application/fhir+json" }),
    };
    const response = await fetch(url, {
      method,
      headers: signed ? await sign({ method, url, headers, body }) : { ...headers, ...unsigned },
      ...(body !== undefined && { body }),
      signal: AbortSignal.timeout(35_000),
    });
    return { status: response.status, headers: response.headers, ...formOf(method, response, await response.text()) };
  };

const FHIR_JSON = "application/fhir+json";

function formOf(method: string, { status, headers }: Response, text: string): Pick<Answer, "resource" | "malformed"> {
  const mediaType = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  const resource = resourceIn(text);
  if (status === 204) {
    return { resource, malformed: undefined };
  }
  if (mediaType !== FHIR_JSON) {
    return { resource, malformed: `its Content-Type is ${mediaType ?? "missing"}, not ${FHIR_JSON}` };
  }
  const lacksResource = method !== "HEAD" && resource === undefined;
  return { resource, malformed: lacksResource ? "its body is no resource in JSON" : undefined };
}

function resourceIn(text: string): FhirResource | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null && "resourceType" in parsed
      ? (parsed as FhirResource)
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param faults what is wrong with an answer of the right status, each with whether it is so
 * @throws Error that says what was tried and what is wrong
 */
export function requireAnswer(
  what: string,
  answer: Answer,
  status: number,
  faults: Readonly<Record<string, boolean>> = {},
): void {
  if (answer.status !== status) {
    const [issue] = (answer.resource as Partial<OperationOutcome> | undefined)?.issue ?? [];
    const said = issue?.diagnostics ?? answer.malformed ?? "";
    throw new Error(`Failed: ${what}: ${answer.status}, not ${status} as it should be. ${said}`);
  }
  const [fault] = Object.keys(faults).filter((name) => faults[name]);
  const wrong = answer.malformed ?? fault;
  if (wrong !== undefined) {
    throw new Error(`Failed: ${what}: ${status}, as it should be, but ${wrong}.`);
  }
}

/** Null where there is none in the form of https://hl7.org/fhir/R4/http.html#versioning */
export function versionOf({ headers }: Answer): string | null {
  const etag = headers.get("etag");
  return etag !== null && /^W\/"[^"]+"$/.test(etag) ? etag : null;
}
