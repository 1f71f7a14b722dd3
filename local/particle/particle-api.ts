import type { IncomingHttpHeaders } from "node:http";
import { type Answer, jsonAnswer, refusal, textAnswer } from "./answer.ts";
import { isOverlay, overlayMessage } from "./overlay.ts";
import { echoPatient } from "./patient-echo.ts";
import { readPatient } from "./patient-fields.ts";
import { listPage } from "./patient-list.ts";
import type { PatientRecord, PatientRecords } from "./patient-records.ts";
import type { Switches } from "./switches.ts";
import type { Tokens } from "./tokens.ts";

export type ApiRequest = {
  readonly method: string;
  /** As it was sent: percent-encoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  /** Undefined when it was too large to be kept. */
  readonly body: string | undefined;
};

/** `committed` when the request changed what is held. */
export type Outcome = { readonly answer: Answer; readonly committed: boolean };

/** Does what the request asks for, at once and indivisibly; called once. */
export type CarryOut = () => Outcome;

type Knowledge = {
  readonly records: PatientRecords;
  readonly tokens: Tokens;
  readonly switches: () => Switches;
  /** Epoch milliseconds. */
  readonly clock: () => number;
};

type Operation = (request: ApiRequest, knowledge: Knowledge, patient_id: string) => Outcome;

const unchanged = (answer: Answer): Outcome => ({ answer, committed: false });
const changed = (answer: Answer): Outcome => ({ answer, committed: true });

const savePatient: Operation = ({ body }, { records, switches }) => {
  const now = switches();
  if (body === undefined) return unchanged(refusal(now.errorBody, 413, "The body is too large."));
  // The media type is not looked at: the vendor's own samples send JSON with curl's default type, a form.
  const patient = readPatient(body);
  if ("errors" in patient) {
    const { errors } = patient;
    const faults = errors.map(({ field, message }) => (field ? `${field} ${message}` : message));
    const message = `Invalid request: ${faults.join("; ")}`;
    return unchanged(refusal(now.errorBody, now.validationStatus, message, { errors }));
  }
  const before = records.get(patient.patient_id);
  if (before && isOverlay(before, patient, now.overlayThreshold)) {
    return unchanged(refusal(now.errorBody, now.overlayStatus, overlayMessage));
  }
  return changed(jsonAnswer(200, echoPatient(records.put(patient), now)));
};

const patientNotFound = (switches: Switches): Outcome =>
  unchanged(refusal(switches.errorBody, 404, "Patient not found."));

const isVisible = (record: PatientRecord, switches: Switches, now: number): boolean =>
  switches.notFoundAfterWriteMs === 0 || now >= record.written_at + switches.notFoundAfterWriteMs;

const getPatient: Operation = (_request, { records, switches, clock }, patient_id) => {
  const now = switches();
  const record = records.get(patient_id);
  if (!record || !isVisible(record, now, clock())) return patientNotFound(now);
  return unchanged(jsonAnswer(200, echoPatient(record, now)));
};

const deleted = "delete successful";
const deleteAnswers = {
  string: jsonAnswer(200, deleted),
  text: textAnswer(200, deleted),
  object: jsonAnswer(200, { message: deleted }),
} as const satisfies Record<Switches["deleteBody"], Answer>;

const deletePatient: Operation = (_request, { records, switches }, patient_id) =>
  records.delete(patient_id) ? changed(deleteAnswers[switches().deleteBody]) : patientNotFound(switches());

const listPatients: Operation = ({ query }, { records, switches }) => {
  const token = new URLSearchParams(query).get("continuation_token") || undefined;
  const page = listPage(records, token, switches());
  if (page) return unchanged(jsonAnswer(200, page));
  return unchanged(refusal(switches().errorBody, 400, "continuation_token is not valid"));
};

/** Paths below `/api/v1` and `/api/v2` that are of the Patients API; the group is the patient_id as it was sent. */
const patientsPath = /^\/api\/v[12]\/patients(?:\/([^/]+))?$/;

const collectionOperations = new Map<string, Operation>([
  ["GET", listPatients],
  ["POST", savePatient],
]);
const patientOperations = new Map<string, Operation>([
  ["GET", getPatient],
  ["DELETE", deletePatient],
]);

/** The token in the header, in one of the accepted forms. */
function tokenOf(authorization: string | undefined, forms: Switches["authorizationForms"]): string | undefined {
  const [, bearer, raw] = /^(?:Bearer +(\S+)|(\S+))$/i.exec(authorization ?? "") ?? [];
  return (forms.includes("bearer") ? bearer : undefined) ?? (forms.includes("raw") ? raw : undefined);
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

const header = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value.join(", ") : value;

/** The documented API: `GET /auth` and the Patients API, under both of its versions. */
export class ParticleApi {
  readonly #knowledge: Knowledge;

  constructor(knowledge: Knowledge) {
    this.#knowledge = knowledge;
  }

  #refuse(status: number, message: string, headers?: Readonly<Record<string, string>>): CarryOut {
    const answer = refusal(this.#knowledge.switches().errorBody, status, message, headers ? { headers } : {});
    return () => unchanged(answer);
  }

  /** Checks who asks and for what. Nothing is decided about patients before the result is called. */
  async admit(request: ApiRequest): Promise<CarryOut> {
    if (request.path === "/auth") {
      return request.method === "GET" ? this.#auth(request.headers) : this.#methodNotAllowed(["GET"]);
    }
    const match = patientsPath.exec(request.path);
    if (!match) return this.#refuse(404, "Not found.");

    const { tokens, switches } = this.#knowledge;
    const token = tokenOf(request.headers.authorization, switches().authorizationForms);
    if (token === undefined || !(await tokens.accepts(token))) return this.#refuse(401, "Unauthorized.");

    const [, encodedId] = match;
    const operations = encodedId === undefined ? collectionOperations : patientOperations;
    const operation = operations.get(request.method);
    if (!operation) return this.#methodNotAllowed([...operations.keys()]);

    const patient_id = decode(encodedId ?? "");
    if (patient_id === undefined) return this.#refuse(400, "The path is not valid.");
    return () => operation(request, this.#knowledge, patient_id);
  }

  #methodNotAllowed(allowed: readonly string[]): CarryOut {
    return this.#refuse(405, "Method not allowed.", { allow: allowed.join(", ") });
  }

  async #auth(headers: IncomingHttpHeaders): Promise<CarryOut> {
    const { tokens, switches } = this.#knowledge;
    const { clientId, clientSecret, scopeRequired, tokenTtlSeconds } = switches();
    if (headers["client-id"] !== clientId || headers["client-secret"] !== clientSecret) {
      return this.#refuse(401, "Unauthorized.");
    }
    const scope = header(headers["scope"]);
    if (scopeRequired && !scope) return this.#refuse(400, "scope is required");
    const token = await tokens.issue(clientId, scope, tokenTtlSeconds);
    return () => unchanged(textAnswer(200, token));
  }
}
