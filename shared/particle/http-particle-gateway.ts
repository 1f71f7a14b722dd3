import { AdapterError } from "../failure/failure.ts";
import type { Demographics } from "../mapping/demographics.ts";
import { type Reading, readListAnswer, readPatientAnswer } from "./answers.ts";
import { createHttpExchange } from "./http-exchange.ts";
import type { ParticleCall, ParticleGateway, ParticlePatient, Written } from "./particle-gateway.ts";
import { createSendToParticle, type Effects, type ObserveAttempt, realEffects } from "./send-to-particle.ts";
import type { TokenSource } from "./token-source.ts";

export type ParticleSettings = {
  /** Such as `https://api.particlehealth.com`; plain http for loopback addresses. */
  readonly baseUrl: string;
  /** The path segment after `/api/`. */
  readonly apiVersion: "v1" | "v2";
  /** What stands before the token in the Authorization header; empty for the raw token. */
  readonly authorizationPrefix: string;
  /** Milliseconds that one attempt may take, from waiting for a connection to the end of the answer. */
  readonly attemptTimeoutMs: number;
};

/**
 * The Patients API over HTTP (https://docs.particlehealth.com/docs/patients-api). Network errors, 5xx, 412 and 429 are
 * repeated while the deadline allows it; POST is an upsert by `patient_id`, so a repeat is safe.
 *
 * @param observe told of every attempt.
 */
export function createParticleGateway(
  settings: ParticleSettings,
  tokens: TokenSource,
  effects: Effects = realEffects,
  observe?: ObserveAttempt,
): ParticleGateway {
  const patients = `/api/${settings.apiVersion}/patients`;
  const send = createSendToParticle(createHttpExchange(settings.baseUrl), settings, tokens, effects, observe);

  return {
    async putPatient(patient_id, demographics, { deadline }) {
      // Checked although POST has the id in its body: what cannot be named in a path could never be deleted.
      requireNameable(patient_id);
      const operation = {
        name: "putPatient",
        request: { method: "POST", path: patients, body: JSON.stringify({ ...demographics, patient_id }) },
        writes: true,
        refusable: "demographics",
        mayBeAbsent: false,
        sent: { values: valuesOf(demographics), opaque: [patient_id] },
      } as const;
      const answer = await send(operation, deadline);
      return { ...patientNamed(patient_id, readPatientAnswer(answer.body), operation), ...writtenBy(answer) };
    },

    async getPatient(patient_id, { deadline }) {
      const operation = {
        name: "getPatient",
        request: { method: "GET", path: `${patients}/${requireNameable(patient_id)}` },
        writes: false,
        refusable: undefined,
        mayBeAbsent: true,
        sent: { values: [], opaque: [patient_id] },
      } as const;
      const answer = await send(operation, deadline);
      return isAbsent(answer.status) ? undefined : patientNamed(patient_id, readPatientAnswer(answer.body), operation);
    },

    async deletePatient(patient_id, { deadline }) {
      // The body of a success is documented as a text and seen as an object; the status says enough.
      const answer = await send(
        {
          name: "deletePatient",
          request: { method: "DELETE", path: `${patients}/${requireNameable(patient_id)}` },
          writes: true,
          refusable: "deletion",
          mayBeAbsent: true,
          sent: { values: [], opaque: [patient_id] },
        },
        deadline,
      );
      return writtenBy(answer);
    },

    listPatientIds: (continuation_token, call) => pagesFrom(continuation_token, call),
  };

  async function* pagesFrom(start: string | undefined, { deadline }: ParticleCall) {
    const seen = new Set<string>();
    let token = start;
    do {
      const operation = {
        name: "listPatientIds",
        request: { method: "GET", path: token === undefined ? patients : `${patients}?${query(token)}` },
        writes: false,
        refusable: token === undefined ? undefined : "page",
        mayBeAbsent: false,
        sent: { values: [], opaque: token === undefined ? [] : [token] },
      } as const;
      if (token !== undefined) {
        seen.add(token);
      }
      const { patient_ids, continuation_token } = understood(
        readListAnswer((await send(operation, deadline)).body),
        operation,
      );
      token = continuation_token !== undefined && !seen.has(continuation_token) ? continuation_token : undefined;
      yield { patient_ids, ...(token !== undefined && { continuation_token: token }) };
    } while (token !== undefined);
  }
}

const writtenBy = ({ unsettled }: Written): Written => (unsettled ? { unsettled } : {});

function query(continuation_token: string): string {
  return new URLSearchParams({ continuation_token }).toString();
}

function isAbsent(status: number): boolean {
  return status === 404 || status === 410;
}

/**
 * The id as a path segment. "." and ".." mean another path to every server and proxy, percent-encoded or not.
 *
 * @throws AdapterError `particle-rejected`, before anything is sent
 */
function requireNameable(patient_id: string): string {
  if (patient_id === "" || patient_id === "." || patient_id === ".." || !patient_id.isWellFormed()) {
    throw new AdapterError(
      { kind: "particle-rejected", refused: "demographics", words: "the patient_id cannot be named in a path" },
      "A patient_id that cannot be named in a path was not sent.",
    );
  }
  return encodeURIComponent(patient_id);
}

function valuesOf(demographics: Demographics): string[] {
  return Object.values(demographics).flat();
}

type Asked = { readonly name: string; readonly writes: boolean };

function understood<Value>(reading: Reading<Value>, operation: Asked): Value {
  if (!reading.understood) {
    throw unintelligible(operation, `unexpected ${reading.faults}`);
  }
  return reading.value;
}

function patientNamed(patient_id: string, reading: Reading<ParticlePatient>, operation: Asked): ParticlePatient {
  const patient = understood(reading, operation);
  if (patient.patient_id !== patient_id) {
    throw unintelligible(operation, "another patient_id");
  }
  return patient;
}

function unintelligible({ name, writes }: Asked, what: string): AdapterError {
  const message = `${name}: Particle answered a success that is not understood (${what}).`;
  return new AdapterError({ kind: "particle-unintelligible" }, message, { outcomeUnknown: writes });
}
