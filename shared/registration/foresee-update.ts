import type { Patient } from "fhir/r4";
import { IDENTITY_FIELDS, identityForm } from "../mapping/canonical-demographics.ts";
import { unknownMeaning } from "../mapping/obstacles.ts";
import type { Mapping } from "../store/mapping-store.ts";
import { hasContent, type Intent, identifiersForm } from "./intent.ts";
import type { IdentityField, KeyedHash } from "./keyed-hash.ts";
import { isPresent } from "./matching.ts";
import type { ContentRules, Registration } from "./registration.ts";
import { suspectedOverlay } from "./replace-content.ts";
import { resolvesDuplicate } from "./resolve-duplicate.ts";

/**
 * What an update would do, by the digests of what was sent before: `refuse` it for what the Patient says, `create` or
 * `revive` the patient, do `nothing`, `update` it, `replace` it by the one that its link names, suspect an overlay, or
 * find an operation `in-flight`, whose outcome decides.
 */
export type ForeseenAction =
  | "refuse"
  | "create"
  | "revive"
  | "nothing"
  | "update"
  | "replace"
  | "overlay-suspected"
  | "in-flight";

/**
 * What is other than before: an identity field by Particle's name; `identifier`, of those recorded; `other`, for the
 * remaining fields and for letter case, which can be told only where no identity field but the SSN changes; `unknown`,
 * where Particle holds what was not sent from here.
 */
export type ForeseenChange = IdentityField | "identifier" | "other" | "unknown";

export type Foreseen = { readonly action: ForeseenAction; readonly changes: readonly ForeseenChange[] };

/** What foreseeing needs: it can neither send nor write. */
export type Foreseeing = ContentRules &
  Pick<Registration, "keyedHash"> & { readonly store: Pick<Registration["store"], "find"> };

const only = (action: ForeseenAction): Foreseen => ({ action, changes: [] });

/**
 * What `updatePatient` would do now, in the same order of its questions. Particle is not asked, so what it has been
 * told by others, and what it would refuse, is not seen; neither is who holds an identifier that must be unique.
 *
 * @param intent undefined where the Patient cannot be registered.
 */
export async function foreseeUpdate(
  { keyedHash, now }: Foreseeing,
  mapping: Mapping | undefined,
  patient: Patient,
  intent: Intent | undefined,
): Promise<Foreseen> {
  if (mapping?.operation !== undefined || mapping?.transaction !== undefined) {
    return only("in-flight");
  }
  const isUnsettled = (mapping?.unsettledUntil ?? 0) > now();
  if (mapping && isPresent(mapping) && resolvesDuplicate(patient)) {
    return only(unknownMeaning(patient).length > 0 ? "refuse" : isUnsettled ? "in-flight" : "replace");
  }
  if (intent === undefined) {
    return only("refuse");
  }
  if (mapping === undefined || mapping.state === "abandoned") {
    return only("create");
  }
  const hash = await keyedHash();
  if (hasContent(hash, mapping, intent)) {
    return only("nothing");
  }
  const overlay = suspectedOverlay(hash, mapping, intent);
  if (overlay.length > 0) {
    return { action: "overlay-suspected", changes: overlay };
  }
  if (isUnsettled) {
    return only("in-flight");
  }
  return mapping.state === "deleted" ? only("revive") : { action: "update", changes: changesOf(hash, mapping, intent) };
}

function changesOf(hash: KeyedHash, mapping: Mapping, { canonical, identifiers }: Intent): ForeseenChange[] {
  const { sent } = mapping;
  const recorded: ForeseenChange[] =
    identifiersForm(mapping.identifiers) === identifiersForm(identifiers) ? [] : ["identifier"];
  if (sent === undefined) {
    return ["unknown", ...recorded];
  }
  const changed = hash.changedIdentityFields(sent, canonical);
  const isNew = (field: IdentityField) =>
    sent.fields[field] === undefined && identityForm(field, canonical) !== undefined;
  const fields = IDENTITY_FIELDS.filter((field) => changed.includes(field) || isNew(field));
  // One digest is of everything but the SSN: it tells of the rest where none of the identity fields explains it.
  const { ssn: _, ...withoutSsn } = canonical;
  const isOther = fields.every((field) => field === "ssn") && !hash.sameContent(sent, withoutSsn);
  return [...fields, ...(isOther ? (["other"] as const) : []), ...recorded];
}
