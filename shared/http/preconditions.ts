import type { Patient } from "fhir/r4";
import { alternativesOf, tokenOf } from "../fhir/search-token.ts";
import { type ParticleIdSystems, sourceIdentifiers } from "../mapping/source-identifiers.ts";
import { mayBeSsnIdentifier } from "../mapping/us-ssn.ts";
import type { IdentifierCondition } from "../registration/claims.ts";
import { GENERAL_PARAMETERS } from "./general-parameters.ts";
import { type FhirRequest, invalid, type Parameter, readParameters, requestFault } from "./request.ts";

/** `W/"3"` for version 3. */
export const etagOf = (version: number): string => `W/"${version}"`;

const ETAG = /^(?:W\/)?"([^"]*)"$/;

/**
 * Headers that make a write depend on what is there: RFC 9110, section 13.1, and
 * http://hl7.org/fhir/R4/http.html#ccreate
 */
const PRECONDITIONS = ["If-Match", "If-None-Match", "If-None-Exist", "If-Unmodified-Since"] as const;

/**
 * Before a write: what a header would forbid is not done because nobody looks at the header.
 *
 * @param known the preconditions of the interaction.
 * @throws AdapterError `invalid` for each other one.
 */
export function requirePreconditions(
  { headers }: FhirRequest,
  known: readonly (typeof PRECONDITIONS)[number][] = [],
): void {
  const others = PRECONDITIONS.filter((name) => headers[name.toLowerCase()] !== undefined && !known.includes(name));
  if (others.length > 0) {
    throw invalid(
      ...others.map((name) =>
        requestFault(`${name} is no condition of this interaction, which knows ${known.join(" and ") || "none"}.`),
      ),
    );
  }
}

/**
 * The version that If-Match names; `*` as it is.
 *
 * @throws AdapterError `invalid` when the header is not one entity tag.
 */
export function ifMatchOf({ headers }: FhirRequest): string | undefined {
  const header = headers["if-match"]?.trim();
  if (header === undefined || header === "*") {
    return header;
  }
  const version = ETAG.exec(header)?.[1];
  if (version === undefined) {
    throw invalid(requestFault('If-Match must be the ETag of one version, such as W/"3".'));
  }
  return version;
}

/**
 * Whether the update is to be done only where there is no patient yet: `If-None-Match: *`.
 *
 * @throws AdapterError `invalid` when the header is anything else.
 */
export function mustBeNew({ headers }: FhirRequest): boolean {
  const header = headers["if-none-match"]?.trim();
  if (header !== undefined && header !== "*") {
    throw invalid(requestFault("If-None-Match of an update must be *, for an update that only creates."));
  }
  return header === "*";
}

/** Whether If-None-Match names the version, so that the client has it already. */
export const hasVersion = ({ headers }: FhirRequest, version: number): boolean =>
  (headers["if-none-match"] ?? "").split(",").some((tag) => {
    const given = tag.trim();
    return given === "*" || ETAG.exec(given)?.[1] === String(version);
  });

/**
 * The identifier of `If-None-Exist: identifier=system|value`.
 *
 * @throws AdapterError `invalid` for any other condition, or as {@link requireCarried}.
 */
export function ifNoneExistOf(
  { headers }: FhirRequest,
  patient: Patient,
  systems: ParticleIdSystems,
): IdentifierCondition | undefined {
  const header = headers["if-none-exist"];
  if (header === undefined) {
    return undefined;
  }
  const condition = identifierCondition("If-None-Exist", readParameters(header.replace(/^[^?]*\?/, "")));
  requireCarried(patient, condition, systems);
  return condition;
}

/** What the query of a conditional write may hold beside the general parameters. */
export const CONDITION_PARAMETERS: readonly string[] = ["identifier"];

/**
 * The identifier of `PUT` or `DELETE /Patient?identifier=system|value`.
 *
 * @throws AdapterError `invalid` for any other condition.
 */
export const conditionOf = ({ query }: FhirRequest): IdentifierCondition =>
  identifierCondition(
    "The condition in the query",
    query.filter(([name]) => !GENERAL_PARAMETERS.includes(name)),
  );

function identifierCondition(what: string, parameters: readonly Parameter[]): IdentifierCondition {
  const [name, condition = ""] = parameters[0] ?? [];
  const tokens = alternativesOf(condition).map(tokenOf);
  const { system = "", value } = tokens[0] ?? { value: "" };
  if (parameters.length !== 1 || name !== "identifier" || tokens.length !== 1 || system === "" || value === "") {
    throw invalid(
      requestFault(
        `${what} must be identifier=system|value, with one identifier; write the bar as %7C in a URL, and a comma of the value as \\,.`,
      ),
    );
  }
  if (mayBeSsnIdentifier({ system })) {
    throw invalid(requestFault(`${what} cannot be a social security number. Use an identifier of your own.`));
  }
  return { system, value };
}

/**
 * The identifier of a condition is to be one that is recorded with the patient, or Particle's id of it.
 *
 * @throws AdapterError `invalid` when it is not: the next identical request would not find the patient.
 */
export function requireCarried(
  patient: Patient,
  { system, value }: IdentifierCondition,
  systems: ParticleIdSystems,
): void {
  const { identifiers, claimed } = sourceIdentifiers(patient, systems);
  const isRecorded = identifiers.some((identifier) => identifier.system === system && identifier.value === value);
  const isParticleId = (["patient_id", "particle_patient_id"] as const).some(
    (name) => systems[name] === system && claimed[name].some((id) => id.value === value),
  );
  if (!isRecorded && !isParticleId) {
    throw invalid({
      severity: "error",
      code: "value",
      expression: "Patient.identifier",
      diagnostics:
        "The Patient does not carry the identifier that the condition names, or carries it as a social security number or as absent, which is never recorded. Add it, or correct the condition.",
    });
  }
}
