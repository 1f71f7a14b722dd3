import type { Patient } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import { canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { Demographics } from "../mapping/demographics.ts";
import type { ParticleCall } from "../particle/particle-gateway.ts";
import type { Conflict, Content, Digest, Mapping } from "../store/mapping-store.ts";
import {
  type ClaimIntent,
  claimsKept,
  claimWrites,
  conditionClaim,
  decisiveClaim,
  type IdentifierCondition,
  kindOfClaim,
  uniqueClaims,
} from "./claims.ts";
import { beginCreate, type Registered } from "./create-patient.ts";
import { inFlight, settled } from "./decide.ts";
import { deletePatient } from "./delete-patient.ts";
import { holderOf, isPresent } from "./find-match.ts";
import { contentOf, hasContent, type Intent, intentOf } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { type Called, carryOut, newOperation } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
import { requireVersion } from "./require-version.ts";
import { replacePatient, resolvesDuplicate } from "./resolve-duplicate.ts";
import { opened } from "./transitions.ts";

/** Codes of the `Overlay-Reason` header: why several identity fields change at once. */
export const OVERLAY_REASONS = ["correction", "name-change", "verified-same-person"] as const;

export type OverlayReason = (typeof OVERLAY_REASONS)[number];

export type UpdateRequest = {
  readonly id: string;
  readonly patient: Patient;
  /** The version that the client believes to be current; `*` = any that exists. */
  readonly ifMatch?: string;
  /** Calls Particle although nothing has changed. */
  readonly force?: boolean;
  readonly overlayReason?: OverlayReason;
  /** The identifier under which no patient was found: nobody else may come to hold it meanwhile. */
  readonly condition?: IdentifierCondition;
};

const ROUNDS = 5;

/**
 * Makes Particle hold what the Patient says: creates it under an id that was never used, revives a deleted one with its
 * old patient_id, resolves a duplicate, and does nothing where nothing has changed.
 *
 * @returns undefined when somebody else came to hold the identifier of the condition.
 * @throws AdapterError `unprocessable`, `version-conflict`, `overlay-suspected`, `duplicate`, `in-flight`, or what the
 *   gateway and the store throw.
 */
export async function tryUpdatePatient(
  registration: Registration,
  request: UpdateRequest,
  task: Task,
): Promise<Registered | undefined> {
  const hash = await registration.keyedHash();
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = await settled(registration, request.id, task);
    requireVersion(mapping, request.ifMatch);
    const attempt =
      mapping && isPresent(mapping) && resolvesDuplicate(request.patient)
        ? await replacePatient(registration, mapping, request.patient, task)
        : await register(registration, hash, mapping, request, task);
    if (!("conflict" in attempt)) {
      return attempt;
    }
    if ((await yieldTo(registration, request, attempt.conflict, task)) === "lost") {
      return undefined;
    }
  }
  throw inFlight(1);
}

/** As {@link tryUpdatePatient}, where the request has no condition. */
export async function updatePatient(
  registration: Registration,
  request: Omit<UpdateRequest, "condition">,
  task: Task,
): Promise<Registered> {
  const registered = await tryUpdatePatient(registration, request, task);
  if (!registered) {
    throw inFlight(1);
  }
  return registered;
}

type Attempt = Registered | { readonly conflict: Conflict };

async function register(
  registration: Registration,
  hash: KeyedHash,
  mapping: Mapping | undefined,
  request: UpdateRequest,
  task: Task,
): Promise<Attempt> {
  const intent = intentOf(registration, request.patient, mapping);
  const claims = [
    ...(request.condition ? [conditionClaim(hash, request.condition)] : []),
    ...uniqueClaims(hash, intent.identifiers, registration.settings.uniqueIdentifierSystems),
  ];
  if (mapping === undefined || mapping.state === "abandoned") {
    return beginCreate(registration, hash, intent, claims, mapping ?? { id: request.id }, task);
  }
  if (hasContent(hash, mapping, intent) && !request.force) {
    return { outcome: "unchanged", mapping, demographics: intent.demographics, report: intent.report };
  }
  guardOverlay(hash, mapping, intent, request.overlayReason);
  return replaceContent(registration, hash, mapping, intent, claims, task);
}

async function replaceContent(
  registration: Registration,
  hash: KeyedHash,
  mapping: Mapping,
  intent: Intent,
  claims: readonly ClaimIntent[],
  task: Task,
): Promise<Attempt> {
  const kind = mapping.state === "deleted" ? "revive" : "update";
  const content = contentOf(registration, hash, intent, mapping);
  const keptSsn = kind === "update" && intent.canonical.ssn === undefined ? mapping.sent?.fields["ssn"] : undefined;
  const sent = keptSsn === undefined ? content.sent : withSsn(content.sent, keptSsn);
  const held = new Set([...claimsKept(hash, mapping.claims, intent.identifiers), ...claims.map(({ key }) => key)]);
  const intended: Content = { ...content, ...(sent && { sent }), claims: [...held] };
  const next = opened(mapping, kind, intended, newOperation(registration, task));
  const conflict = await registration.store.begin({
    next,
    prior: mapping,
    ...claimWrites(
      claims.filter(({ key }) => !mapping.claims.includes(key)),
      mapping.id,
    ),
    indexKeys: content.indexKeys.filter((key) => !mapping.indexKeys.includes(key)),
    now: registration.now(),
  });
  if (conflict) {
    return { conflict };
  }
  const { mapping: current, patient } = await carryOut(registration, next, (deadline) =>
    put(registration, hash, mapping.patient_id, intent, keptSsn !== undefined, { deadline }),
  );
  return {
    outcome: kind === "revive" ? "created" : "updated",
    mapping: current,
    report: intent.report,
    ...(patient && { demographics: patient.demographics }),
  };
}

/** Clients never see the SSN, so a body without one keeps the one that Particle holds. */
async function put(
  { particle }: Registration,
  hash: KeyedHash,
  patient_id: string,
  { demographics }: Intent,
  keepsSsn: boolean,
  call: ParticleCall,
): Promise<Called> {
  if (!keepsSsn) {
    return { patient: await particle.putPatient(patient_id, demographics, call) };
  }
  const ssn = (await particle.getPatient(patient_id, call))?.demographics.ssn;
  const whole: Demographics = ssn === undefined ? demographics : { ...demographics, ssn };
  const patient = await particle.putPatient(patient_id, whole, call);
  return { patient, sent: hash.digest(canonicalDemographics(whole)) };
}

const withSsn = (digest: Digest | undefined, ssn: string): Digest | undefined =>
  digest && { ...digest, fields: { ...digest.fields, ssn } };

/** Two or more identity fields at once look like another person, and Particle would refuse or mix them. */
function guardOverlay(hash: KeyedHash, { sent }: Mapping, { canonical }: Intent, reason?: OverlayReason): void {
  const fields = sent ? hash.changedIdentityFields(sent, canonical) : [];
  if (fields.length >= 2 && reason === undefined) {
    throw new AdapterError(
      { kind: "overlay-suspected", fields },
      `An update changes ${fields.length} identity fields at once and gives no Overlay-Reason.`,
    );
  }
}

/**
 * What to do about somebody in the way: try again, or give the condition up as `lost`. A registration that was abandoned
 * blocks nobody.
 *
 * @throws AdapterError `duplicate` when another patient holds a unique identifier or the patient_id.
 */
async function yieldTo(
  registration: Registration,
  { id }: UpdateRequest,
  conflict: Conflict,
  task: Task,
): Promise<"again" | "lost"> {
  if (conflict.kind === "mapping") {
    return "again";
  }
  const held = conflict.kind === "claims" ? decisiveClaim(conflict.claims) : conflict;
  const holder = held && (await holderOf(registration, held.id, task));
  if (!holder || holder.id === id) {
    return "again";
  }
  if (holder.state === "abandoned") {
    await deletePatient(registration, { id: holder.id }, task);
    return "again";
  }
  if (conflict.kind === "claims" && held && "key" in held && kindOfClaim(held) === "IF-NONE-EXIST") {
    return isPresent(holder) ? "lost" : "again";
  }
  throw new AdapterError({ kind: "duplicate", holder: holder.id }, "Another patient holds a unique identity.");
}
