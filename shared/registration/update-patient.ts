import type { Patient } from "fhir/r4";
import { AdapterError } from "../failure/failure.ts";
import { canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { Demographics } from "../mapping/demographics.ts";
import type { ParticleCall } from "../particle/particle-gateway.ts";
import type { Content, Digest, Mapping, OperationKind } from "../store/mapping-store.ts";
import { claimsKept } from "./claims.ts";
import { createPatientWithId, type Registered } from "./create-patient.ts";
import { inFlight, settled } from "./decide.ts";
import { contentOf, type Intent, intentOf, sameIdentifiers } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { carryOut, newOperation } from "./operation.ts";
import type { Registration, Task } from "./registration.ts";
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
};

const ROUNDS = 5;

/**
 * Makes Particle hold what the Patient says: creates it under an id that was never used, revives a deleted one with its
 * old patient_id, and does nothing where nothing has changed.
 *
 * @throws AdapterError `unprocessable`, `version-conflict`, `overlay-suspected`, `in-flight`, or what the gateway and
 *   the store throw.
 */
export async function updatePatient(
  registration: Registration,
  request: UpdateRequest,
  task: Task,
): Promise<Registered> {
  const hash = await registration.keyedHash();
  for (let round = 0; round < ROUNDS; round += 1) {
    const mapping = await settled(registration, request.id, task);
    const intent = intentOf(registration, request.patient, mapping);
    requireVersion(mapping, request.ifMatch);
    const registered =
      mapping === undefined || mapping.state === "abandoned"
        ? await createPatientWithId(registration, hash, request.id, mapping, intent, task)
        : await replace(registration, hash, mapping, request, intent, task);
    if (registered) {
      return registered;
    }
  }
  throw inFlight(1);
}

/** @throws AdapterError `version-conflict` when `ifMatch` is not the version of what exists. */
export function requireVersion(mapping: Mapping | undefined, ifMatch: string | undefined): void {
  const current = mapping && mapping.version > 0 ? String(mapping.version) : undefined;
  const matches = ifMatch === "*" ? current !== undefined && mapping?.state !== "deleted" : ifMatch === current;
  if (ifMatch !== undefined && !matches) {
    throw new AdapterError({ kind: "version-conflict" }, "If-Match names another version than the current one.");
  }
}

async function replace(
  registration: Registration,
  hash: KeyedHash,
  mapping: Mapping,
  request: UpdateRequest,
  intent: Intent,
  task: Task,
): Promise<Registered | undefined> {
  const kind: OperationKind = mapping.state === "deleted" ? "revive" : "update";
  const { report, canonical, identifiers } = intent;
  const unchanged =
    mapping.state === "registered" &&
    mapping.sent !== undefined &&
    hash.sameContent(mapping.sent, canonical) &&
    sameIdentifiers(mapping.identifiers, identifiers);
  if (unchanged && !request.force) {
    return { outcome: "unchanged", mapping, demographics: intent.demographics, report };
  }
  guardOverlay(hash, mapping, intent, request.overlayReason);

  const content = contentOf(registration, hash, intent, mapping);
  const keptSsn = kind === "update" && canonical.ssn === undefined ? mapping.sent?.fields["ssn"] : undefined;
  const sent = keptSsn === undefined ? content.sent : withSsn(content.sent, keptSsn);
  const claims = claimsKept(hash, mapping.claims, identifiers);
  const intended: Content = { ...content, ...(sent && { sent }), claims };
  const next = opened(mapping, kind, intended, newOperation(registration, task));
  const conflict = await registration.store.begin({
    next,
    prior: mapping,
    claims: [],
    unclaimed: [],
    indexKeys: content.indexKeys.filter((key) => !mapping.indexKeys.includes(key)),
    now: registration.now(),
  });
  if (conflict) {
    return undefined;
  }
  const { mapping: current, patient } = await carryOut(registration, next, async (deadline) => {
    const call = { deadline };
    const put = (demographics: Demographics) =>
      registration.particle.putPatient(mapping.patient_id, demographics, call);
    if (keptSsn === undefined) {
      return { patient: await put(intent.demographics) };
    }
    const demographics = await withHeldSsn(registration, mapping.patient_id, intent.demographics, call);
    return { patient: await put(demographics), sent: hash.digest(canonicalDemographics(demographics)) };
  });
  return {
    outcome: kind === "revive" ? "created" : "updated",
    mapping: current,
    report,
    ...(patient && { demographics: patient.demographics }),
  };
}

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

/** Clients never see the SSN, so a body without one keeps the one that Particle holds. */
async function withHeldSsn(
  { particle }: Registration,
  patient_id: string,
  demographics: Demographics,
  call: ParticleCall,
): Promise<Demographics> {
  const held = await particle.getPatient(patient_id, call);
  const ssn = held?.demographics.ssn;
  return ssn === undefined ? demographics : { ...demographics, ssn };
}

const withSsn = (digest: Digest | undefined, ssn: string): Digest | undefined =>
  digest && { ...digest, fields: { ...digest.fields, ssn } };
