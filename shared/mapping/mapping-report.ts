import type { Fault } from "../failure/failure.ts";
import type { DemographicField } from "./demographics.ts";
import type { Normalisation } from "./normalised.ts";

/** Why a name, address, telecom or identifier that could have fed a field of Particle did not. */
export type LossReason =
  /** It carries a data-absent-reason. */
  | "data-absent"
  /** `use` is `old` or `maiden`. */
  | "old"
  | "anonymous"
  /** Its `use` is none that R4 defines for it. */
  | "unknown-use"
  /** Its period has ended. */
  | "ended"
  /** It lacks a part that Particle requires and a rival has. */
  | "incomplete"
  /** An address outside of the United States. */
  | "abroad"
  /** It has no value. */
  | "no-value"
  /** Its value has no form that Particle accepts. */
  | "unusable"
  /** An `sms` beside a `phone`. */
  | "less-preferred-system"
  | "less-preferred-rank"
  | "less-preferred-use"
  /** A postal address beside a physical one. */
  | "less-preferred-type"
  /** Its period has not begun, a rival's has. */
  | "not-begun"
  | "earlier-start"
  /** It ranks with the one used and says the same. */
  | "same-value"
  /** It ranks with the one used and says something else: the first in the sender's order was used. */
  | "tie-decided-by-order";

export type Rival = {
  /** FHIRPath, such as `Patient.name[1]`. */
  readonly expression: string;
  readonly reason: LossReason;
};

/** What fed one field of Particle. Values of an SSN are masked. */
export type FieldReport = {
  readonly field: DemographicField;
  /** Name of the rule that chose the source. */
  readonly rule: string;
  /** FHIRPath of each element that fed the field, such as `Patient.name[1].family`; empty when none did. */
  readonly sources: readonly string[];
  readonly rivals: readonly Rival[];
  readonly normalisations: readonly Normalisation[];
};

/** How the fields of Particle came about, one entry for each of them, and what a sender should know about it. */
export type MappingReport = {
  readonly fields: readonly FieldReport[];
  readonly warnings: readonly Fault[];
};

/** Why a leaf of the Patient fed no field of Particle. */
export type UnusedReason =
  /** Its entry lost. */
  | LossReason
  /** What is there cannot be used, and the Patient is refused for it. */
  | "faulty"
  /** It decided which entry is used, or whether the Patient can be registered. */
  | "decided-only"
  | "middle-name"
  /** Nothing but blanks. */
  | "blank"
  /** Part of an identifier that is not labelled as an SSN: Particle holds no other. */
  | "identifier"
  /** About a contact of the patient. */
  | "someone-else"
  /** Particle has no field for it. */
  | "not-carried";

export type UnusedLeaf = {
  /** FHIRPath, such as `Patient.maritalStatus.coding[0].code`. */
  readonly expression: string;
  readonly reason: UnusedReason;
};
