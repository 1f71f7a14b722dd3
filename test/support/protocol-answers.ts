import { isDeepStrictEqual } from "node:util";
import { AdapterError } from "../../shared/failure/failure.ts";
import { canonicalDemographics } from "../../shared/mapping/canonical-demographics.ts";
import { patientToParticle } from "../../shared/mapping/patient-to-particle.ts";
import type { KeyedHash } from "../../shared/registration/keyed-hash.ts";
import type { Registered } from "../../shared/registration/registered.ts";
import { VISIBILITY } from "../../shared/registration/states.ts";
import type { Mapping } from "../../shared/store/mapping-store.ts";
import type { Interleaved } from "./interleaved-registration.ts";
import { ONE, type ProtocolRequest, REQUESTS } from "./protocol-requests.ts";
import type { Harness } from "./registration-harness.ts";

export type Answer = { readonly registered: Registered | undefined } | { readonly error: AdapterError };

/** Failures that are an answer to the request as such, and not to the moment at which it came. */
const REFUSALS = ["duplicate", "multiple-matches", "particle-overlay", "overlay-suspected", "unprocessable", "invalid"];

/** The AdapterError is an answer, every other error a bug. */
export async function answerOf(work: Promise<Registered | undefined>): Promise<Answer> {
  try {
    return { registered: await work };
  } catch (error) {
    if (error instanceof AdapterError) {
      return { error };
    }
    throw error;
  }
}

/** Why a success is not true: nobody may be told of work that did not happen. */
export function unfounded(
  { recorded, commits }: Interleaved,
  hash: KeyedHash,
  { patient, does }: ProtocolRequest,
  { outcome, mapping }: Registered,
): string[] {
  if (!recorded.some((state) => isDeepStrictEqual(contentOf(state), contentOf(mapping)))) {
    return ["its mapping was never recorded."];
  }
  if (outcome === "existing" || outcome === "repeated") {
    return VISIBILITY[mapping.state] === "present" ? [] : [`the patient is ${mapping.state}.`];
  }
  if (mapping.state !== (does === "replace" ? "replaced" : "registered") || mapping.operation) {
    return [`the mapping is ${mapping.state}.`];
  }
  if (does === "replace") {
    return [];
  }
  const { sent, patient_id } = mapping;
  const isThere = commits.some(
    ({ patient_id: committed, demographics }) =>
      committed === patient_id &&
      demographics !== undefined &&
      sent !== undefined &&
      hash.exactlySameContent(sent, canonicalDemographics(demographics)),
  );
  if (!isThere) {
    return ["Particle never held what the mapping says was sent."];
  }
  const asked = patient && patientToParticle(patient, { today: "2026-11-22" }).demographics;
  return asked && sent && !hash.sameContent(sent, canonicalDemographics(asked)) ? ["it sent something else."] : [];
}

/** Of two who complete the same operation, the second answers with a time of its own. */
const contentOf = ({ lastUpdated: _, ...content }: Mapping) => content;

/** Why a deletion that was answered as done is not done: nothing was deleted meanwhile, and something was there. */
export function undeleted(
  { store: { contents } }: Harness,
  since: readonly Mapping[],
  before: ReadonlyMap<string, Mapping>,
  request: ProtocolRequest,
): string[] {
  const isThere = ({ id, state }: Mapping) =>
    state === "registered" &&
    before.get(id)?.state === "registered" &&
    contents.mappings.get(id)?.state === "registered";
  const target = request === REQUESTS.deleteOne ? before.get(ONE) : undefined;
  return target && isThere(target) && !since.some(({ id, state }) => id === target.id && state === "deleted")
    ? ["the patient was there all the time."]
    : [];
}

/** Whether it says something about the patient, whatever becomes of its open operation. */
const isAnswerable = ({ state, operation }: Mapping): boolean => !operation || VISIBILITY[state] === "present";

/** Why an answer cannot be, with nobody else around and nothing that fails. */
export function unexpected(
  { store, settings }: Harness,
  name: string,
  { does }: ProtocolRequest,
  answer: Answer,
): string[] {
  if ("registered" in answer) {
    return [];
  }
  const { failure } = answer.error;
  if (failure.kind === "duplicate") {
    const holder = store.contents.mappings.get(failure.holder);
    // A patient_id that the data names stays with its FHIR id, also when nobody was registered under it.
    const mayHold = holder?.state === "abandoned" ? settings.patientIdSystem : holder && isAnswerable(holder);
    return !mayHold ? [`${name} was refused in favour of ${failure.holder}, who is ${holder?.state ?? "nobody"}.`] : [];
  }
  const isBusy = [...store.contents.mappings.values()].some(({ operation }) => operation !== undefined);
  if (does === "read" && isBusy && failure.kind === "not-found") {
    return []; // What is being deleted at Particle is not found there any more.
  }
  const isGone = failure.kind === "deleted" || (failure.kind === "not-found" && failure.reason === "patient");
  return (does === "patch" && isGone) || (does !== "recover" && REFUSALS.includes(failure.kind))
    ? []
    : [`${name} was answered ${JSON.stringify(failure)}.`];
}
