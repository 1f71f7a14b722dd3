import type { LossReason, UnusedReason } from "./mapping-report.ts";

/** Why an entry (a name, address, telecom or identifier) was not used, as a sentence goes on after "because". */
export const LOST_BECAUSE: Readonly<Record<LossReason, string>> = {
  "data-absent": "it, or the entry that it is in, carries a data-absent-reason",
  old: "the use of the entry is old or maiden",
  anonymous: "the use of the entry is anonymous",
  "unknown-use": "the use of the entry is none that R4 defines for it",
  ended: "the period of the entry ended before today (UTC)",
  incomplete: "the entry lacks a part that Particle requires and the one used has",
  abroad: "the address is outside of the United States",
  "no-value": "the entry has no value",
  unusable: "the value of the entry has no form that Particle accepts",
  "less-preferred-system": "a phone is preferred to an sms",
  "less-preferred-rank": "the one used has a lower rank",
  "less-preferred-use": "the use of the one used is preferred",
  "less-preferred-type": "a physical address is preferred to a postal one",
  "not-begun": "the period of the entry has not begun",
  "earlier-start": "the period of the one used starts later",
  "same-value": "the one used says the same",
  "tie-decided-by-order": "nothing prefers either to the other, and the first in the order of the Patient is used",
};

/** Why a leaf of a Patient fed no field of Particle, likewise. */
export const UNUSED_BECAUSE: Readonly<Record<UnusedReason, string>> = {
  ...LOST_BECAUSE,
  faulty: "what is there cannot be used, and the Patient is refused for it",
  "decided-only": "it decided what is used, or whether the Patient can be registered, and is not carried itself",
  "middle-name": "Particle holds the first given name only",
  blank: "nothing but blanks is there",
  identifier: "Particle holds no identifier but the SSN",
  "someone-else": "it is about a contact of the patient",
  "not-carried": "Particle has no field for it",
};
