import { randomUUID } from "node:crypto";
import type { Bundle, OperationOutcome, Patient, Resource } from "fhir/r4";
import type { Sign } from "./signed-request.ts";

export type SmokeTest = {
  /** `[base]`, with or without a slash at the end. */
  readonly base: string;
  readonly sign: Sign;
  /** Headers of the request that must be refused because nobody signed it. */
  readonly unsigned: Readonly<Record<string, string>>;
  /** Whether to leave out what registers a patient. */
  readonly readOnly: boolean;
  /** Called with what has been found to work. */
  readonly passed: (what: string) => void;
};

const SYSTEM = "https://smoke-test.example/fhir/sid/run";

type Answer = { readonly status: number; readonly headers: Headers; readonly resource: Resource | undefined };

/**
 * Whether a deployed API does what it is for: registers the made-up person of Particle's documentation under an
 * identifier of this run, reads, updates, finds and deletes it.
 *
 * @throws Error that says what did not work; what was registered is deleted all the same
 */
export async function smokeTest({ base, sign, unsigned, readOnly, passed }: SmokeTest): Promise<void> {
  const root = base.replace(/\/$/, "");

  async function send(method: string, path: string, resource?: Patient, signed = true): Promise<Answer> {
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
    const text = await response.text();
    return { status: response.status, headers: response.headers, resource: text === "" ? undefined : JSON.parse(text) };
  }

  const check = (what: string, answer: Answer, status: number, holds = true) => {
    if (answer.status !== status || !holds) {
      const [issue] = (answer.resource as OperationOutcome | undefined)?.issue ?? [];
      throw new Error(`Failed: ${what}: ${answer.status}, not ${status} as it should be. ${issue?.diagnostics ?? ""}`);
    }
    passed(what);
  };

  const metadata = await send("GET", "/metadata");
  check("says what it can do", metadata, 200, metadata.resource?.resourceType === "CapabilityStatement");
  const refused = await send("GET", `/Patient/${randomUUID()}`, undefined, false);
  check("refuses who is not signed in, in FHIR", refused, 401, refused.resource?.resourceType === "OperationOutcome");
  const unknown = await send("GET", `/Patient/${randomUUID()}`);
  check("knows no patient that nobody registered", unknown, 404);
  if (readOnly) {
    return;
  }

  const run = randomUUID();
  const patient: Patient = {
    resourceType: "Patient",
    identifier: [{ system: SYSTEM, value: run }],
    name: [{ family: "Testingson", given: ["Henrick"] }],
    gender: "male",
    birthDate: "1957-03-23",
    address: [{ line: ["123 Mulberry Court"], city: "Roxbury", state: "MA", postalCode: "12345" }],
  };
  const created = await send("POST", "/Patient", patient);
  check("registers a patient", created, 201);
  const id = created.resource?.id ?? "";
  const path = `/Patient/${id}`;
  try {
    const location = created.headers.get("location") ?? "";
    check("says where it is", created, 201, location.startsWith(`${root}${path}/_history/`));

    const read = await send("GET", path);
    check("reads it", read, 200, (read.resource as Patient).name?.[0]?.family === "Testingson");

    const updated = await send("PUT", path, { ...patient, id });
    const sameVersion = updated.headers.get("etag") === created.headers.get("etag");
    check("takes an update without a change for none", updated, 200, sameVersion);

    const found = await send("GET", `/Patient?identifier=${encodeURIComponent(`${SYSTEM}|${run}`)}`);
    const ids = ((found.resource as Bundle).entry ?? []).map(({ resource }) => resource?.id);
    check("finds it by its identifier", found, 200, ids.length === 1 && ids[0] === id);
  } finally {
    const deleted = await send("DELETE", path);
    check("deletes it", deleted, 204);
  }
  check("knows that it was deleted", await send("GET", path), 410);
}
