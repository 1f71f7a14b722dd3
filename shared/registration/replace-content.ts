import { AdapterError } from "../failure/failure.ts";
import { type CanonicalDemographics, canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { Demographics } from "../mapping/demographics.ts";
import type { ParticleCall } from "../particle/particle-gateway.ts";
import type { Begin, Content, Digest, Mapping } from "../store/mapping-store.ts";
import { type ClaimIntent, claimsKept, claimWrites, heldClaims, requireAffordable } from "./claims.ts";
import { contentOf, type Intent } from "./intent.ts";
import type { IdentityField, KeyedHash } from "./keyed-hash.ts";
import { type Called, carryOut } from "./operation.ts";
import type { OverlayReason } from "./overlay-reasons.ts";
import type { Registered } from "./registered.ts";
import type { Registration } from "./registration.ts";
import type { OpenMapping } from "./transitions.ts";

/** Other content for a patient that was registered before. */
export type Replacement = {
  readonly kind: "update" | "revive";
  readonly intent: Intent;
  /** What the operation is to make of the mapping. */
  readonly intended: Content;
  /** What has to be written to begin it. */
  readonly writes: Pick<Begin, "claims" | "unclaimed" | "indexKeys">;
  /** The body has no SSN and Particle holds one. */
  readonly keepsSsn: boolean;
};

export function replacementOf(
  registration: Registration,
  hash: KeyedHash,
  mapping: Mapping,
  intent: Intent,
  claims: readonly ClaimIntent[],
): Replacement {
  const kind = mapping.state === "deleted" ? "revive" : "update";
  const content = contentOf(registration, hash, intent, mapping);
  const keptSsn = kind === "update" && intent.canonical.ssn === undefined ? mapping.sent?.fields["ssn"] : undefined;
  const sent = keptSsn === undefined ? content.sent : withSsn(content.sent, keptSsn);
  const taken = claims.filter(({ key }) => !mapping.claims.includes(key));
  requireAffordable(taken);
  return {
    kind,
    intent,
    intended: {
      ...content,
      ...(sent && { sent }),
      claims: heldClaims(claims, claimsKept(hash, mapping.claims, intent.identifiers)),
    },
    writes: {
      ...claimWrites(taken, mapping.id),
      indexKeys: content.indexKeys.filter((key) => !mapping.indexKeys.includes(key)),
    },
    // After a drift nobody knows whether Particle holds one.
    keepsSsn: keptSsn !== undefined || (kind === "update" && intent.canonical.ssn === undefined && !mapping.sent),
  };
}

const withSsn = (digest: Digest | undefined, ssn: string): Digest | undefined =>
  digest && { ...digest, fields: { ...digest.fields, ssn } };

/** Identity fields that differ, where they are so many that these look like the demographics of another person. */
export function overlaidFields(
  hash: KeyedHash,
  digest: Digest,
  canonical: CanonicalDemographics,
): readonly IdentityField[] {
  const fields = hash.changedIdentityFields(digest, canonical);
  return fields.length >= 2 ? fields : [];
}

/** The same for an update of a patient. After a drift, what Particle was found to hold is what counts. */
export function suspectedOverlay(
  hash: KeyedHash,
  { sent, echo }: Mapping,
  { canonical }: Intent,
): readonly IdentityField[] {
  const known = sent ?? echo;
  return known ? overlaidFields(hash, known, canonical) : [];
}

/**
 * Two or more identity fields at once look like another person, and Particle would refuse or mix them.
 *
 * @throws AdapterError `overlay-suspected` unless a reason is given.
 */
export function guardOverlay(hash: KeyedHash, mapping: Mapping, intent: Intent, reason?: OverlayReason): void {
  const fields = suspectedOverlay(hash, mapping, intent);
  if (fields.length > 0 && reason === undefined) {
    throw new AdapterError(
      { kind: "overlay-suspected", fields },
      `An update changes ${fields.length} identity fields at once and gives no Overlay-Reason.`,
    );
  }
}

/** Sends the content of a replacement whose operation has begun, and completes it. */
export async function sendReplacement(
  registration: Registration,
  hash: KeyedHash,
  next: OpenMapping,
  { kind, intent, keepsSsn }: Replacement,
): Promise<Registered> {
  const { mapping, patient } = await carryOut(registration, next, (deadline) =>
    put(registration, hash, next.patient_id, intent, keepsSsn, { deadline }),
  );
  return {
    outcome: kind === "revive" ? "created" : "updated",
    mapping,
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
