import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bundle, Patient } from "fhir/r4";
import { type Answer, requireAnswer, type Send, sender, versionOf } from "./fhir-exchange.ts";
import type { Sign } from "./signed-request.ts";

export type SmokeTest = {
  /** `[base]`, with or without a slash at the end. */
  readonly base: string;
  readonly sign: Sign;
  /** Headers of the request that must be refused because nobody signed it. */
  readonly unsigned: Readonly<Record<string, string>>;
  /** Whether to leave out what registers a patient. */
  readonly readOnly: boolean;
  /** Where a patient needs an identifier that becomes its `patient_id`: the system of it. */
  readonly patientIdSystem: string | undefined;
  /**
   * For how long to try to delete what was registered, in milliseconds. By default an outcome that is unknown is decided
   * 80 seconds after its request.
   *
   * @default two minutes
   */
  readonly patienceMs?: number;
  /** Called with what has been found to work. */
  readonly passed: (what: string) => void;
};

const SYSTEM = "https://smoke-test.example/fhir/sid/run";

type Check = (...given: Parameters<typeof requireAnswer>) => void;

/**
 * Whether a deployed API does what it is for: registers the made-up person of Particle's documentation under an
 * identifier of this run, reads, updates, finds and deletes it. Read-only, it asks Particle for the first entry of its
 * list, by HEAD: nothing of a real patient comes here.
 *
 * @throws Error that says what did not work, or AggregateError where the deletion did not work either, the first error
 *   first; what was registered is deleted all the same, however the server answered
 */
export async function smokeTest(test: SmokeTest): Promise<void> {
  const { base, sign, unsigned, readOnly, passed, patienceMs = 120_000 } = test;
  const root = base.replace(/\/$/, "");
  const send = sender(root, sign, unsigned);
  const check: Check = (what, ...given) => {
    requireAnswer(what, ...given);
    passed(what);
  };

  const metadata = await send("GET", "/metadata");
  check("says what it can do", metadata, 200, {
    "it is no CapabilityStatement": metadata.resource?.resourceType !== "CapabilityStatement",
  });
  const refused = await send("GET", `/Patient/${randomUUID()}`, { signed: false });
  check("refuses who is not signed in, in FHIR", refused, 401, isNoOutcome(refused));
  const unknown = await send("GET", `/Patient/${randomUUID()}`);
  check("knows no patient that nobody registered", unknown, 404, isNoOutcome(unknown));
  check("reaches Particle", await send("HEAD", "/Patient?_count=1"), 200);
  if (readOnly) {
    return;
  }

  const run = randomUUID();
  const search = `/Patient?identifier=${encodeURIComponent(`${SYSTEM}|${run}`)}`;
  const failures: unknown[] = [];
  let path: string | undefined;
  try {
    path = await registerAndRead(root, send, check, { search, patient: madeUpPatient(run, test.patientIdSystem), run });
  } catch (error) {
    failures.push(error);
  }
  try {
    check("deletes it", await deleteFound(send, search, patienceMs), 204);
    const found = await send("GET", search);
    check("finds it no more", found, 200, { "it is still there": idsIn(found).length > 0 });
    if (path !== undefined) {
      const gone = await send("GET", path);
      check("knows that it was deleted", gone, 410, isNoOutcome(gone));
    }
  } catch (error) {
    failures.push(error);
  }
  if (failures.length > 1) {
    throw new AggregateError(failures, failures.map(messageOf).join("\n"));
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isNoOutcome = ({ resource }: Answer) => ({
  "it is no OperationOutcome": resource?.resourceType !== "OperationOutcome",
});

const idsIn = ({ resource }: Answer): readonly (string | undefined)[] =>
  ((resource as Partial<Bundle> | undefined)?.entry ?? []).map((entry) => entry.resource?.id);

const madeUpPatient = (run: string, patientIdSystem: string | undefined): Patient => ({
  resourceType: "Patient",
  identifier: [
    { system: SYSTEM, value: run },
    ...(patientIdSystem === undefined ? [] : [{ system: patientIdSystem, value: `smoke-test-${run}` }]),
  ],
  name: [{ family: "Testingson", given: ["Henrick"] }],
  gender: "male",
  birthDate: "1957-03-23",
  address: [{ line: ["123 Mulberry Court"], city: "Roxbury", state: "MA", postalCode: "12345" }],
});

type Run = { readonly run: string; readonly search: string; readonly patient: Patient };

/** @returns the path of the patient */
async function registerAndRead(root: string, send: Send, check: Check, { run, search, patient }: Run): Promise<string> {
  const isOther = (answer: Answer, id: string | undefined) => {
    const { id: given, identifier, birthDate, name } = (answer.resource ?? {}) as Partial<Patient>;
    return {
      "it has no id, or another one": given === undefined || (id !== undefined && given !== id),
      "it lacks the identifier of this run": !identifier?.some(
        ({ system, value }) => system === SYSTEM && value === run,
      ),
      "it has another birth date": birthDate !== patient.birthDate,
      "it has another family name": name?.[0]?.family !== patient.name?.[0]?.family,
      "it has no ETag of a version": versionOf(answer) === null,
    };
  };

  const created = await send("POST", "/Patient", { resource: patient });
  check("registers a patient", created, 201, isOther(created, undefined));
  const id = created.resource?.id ?? "";
  const path = `/Patient/${id}`;
  const location = created.headers.get("location") ?? "";
  check("says where it is", created, 201, {
    "its Location is not that of the patient": !location.startsWith(`${root}${path}/_history/`),
  });

  const read = await send("GET", path);
  check("reads it", read, 200, isOther(read, id));

  const updated = await send("PUT", path, { resource: { ...patient, id } });
  check("takes an update without a change for none", updated, 200, {
    ...isOther(updated, id),
    "it made a version": versionOf(updated) !== versionOf(created),
  });

  const found = await send("GET", search);
  const [first, ...others] = idsIn(found);
  check("finds it by its identifier", found, 200, {
    "it found somebody else, or nobody": first !== id || others.length > 0,
  });
  return path;
}

/**
 * By the identifier of the run: the answer to the registration may have held no id, or never have come. What is in flight,
 * throttled or broken for a while is asked again when the server says so.
 */
async function deleteFound(send: Send, search: string, patienceMs: number): Promise<Answer> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    const outcome = await send("DELETE", search).then(
      (answer) => ({ answer, wait: answer.status === 409 || answer.status === 429 || answer.status >= 500 }),
      (error: unknown) => ({ error, wait: true }),
    );
    const waitMs = "answer" in outcome ? retryAfterMs(outcome.answer) : RETRY_MS;
    if (outcome.wait && Date.now() + waitMs < giveUpAt) {
      await sleep(waitMs);
    } else if ("answer" in outcome) {
      return outcome.answer;
    } else {
      throw outcome.error;
    }
  }
}

/** Also where a server asks for no pause at all. */
const RETRY_MS = 500;

function retryAfterMs({ headers }: Answer): number {
  const seconds = headers.get("retry-after");
  return seconds !== null && /^\d+$/.test(seconds) ? Math.max(Number(seconds) * 1_000, RETRY_MS) : RETRY_MS;
}
