import type { Choice, Ranking } from "../../shared/mapping/entry-choices.ts";
import { NO_USE } from "../../shared/mapping/entry-choices.ts";
import type { UnusedReason } from "../../shared/mapping/mapping-report.ts";
import type { NormalisationKind } from "../../shared/mapping/normalised.ts";
import { UNUSED_BECAUSE } from "../../shared/mapping/unused-reasons.ts";

const LABELS: Readonly<Record<UnusedReason, string>> = {
  "data-absent": "marked as absent",
  old: "old",
  anonymous: "anonymous",
  "unknown-use": "unknown use",
  ended: "period ended",
  incomplete: "incomplete",
  abroad: "abroad",
  "no-value": "no value",
  unusable: "unusable",
  "less-preferred-system": "sms beside a phone",
  "less-preferred-rank": "higher rank",
  "less-preferred-use": "less preferred use",
  "less-preferred-type": "postal",
  "not-begun": "not begun",
  "earlier-start": "earlier start",
  "same-value": "same value",
  "tie-decided-by-order": "tie: came second",
  faulty: "faulty",
  "decided-only": "decides only",
  "middle-name": "middle name",
  blank: "blank",
  identifier: "identifier",
  "someone-else": "someone else",
  "not-carried": "no such field",
};

/** A label of a few words, and the whole of it as a sentence. */
export function reasonInWords(reason: UnusedReason): { readonly label: string; readonly sentence: string } {
  const because = UNUSED_BECAUSE[reason];
  return { label: LABELS[reason], sentence: `${because.charAt(0).toUpperCase()}${because.slice(1)}.` };
}

export const NORMALISATIONS: Readonly<Record<NormalisationKind, string>> = {
  "blanks-trimmed": "outer blanks trimmed",
  "characters-composed": "accents composed",
  "scheme-removed": "scheme removed",
  "extension-set-aside": "extension set aside",
  "country-code-removed": "country code removed",
  "punctuation-changed": "punctuation changed",
  "plus-four-dropped": "last four digits dropped",
  "state-name-abbreviated": "name of the state abbreviated",
  "letter-case-changed": "case of letters changed",
};

export const TITLES: Readonly<Record<Choice["name"], string>> = {
  patient: "Birth date and gender",
  name: "Name",
  address: "Address",
  phone: "Phone",
  email: "E-mail",
  ssn: "Social Security number",
};

const RANKED_BY: Readonly<Record<Ranking, string>> = {
  system: "phone before sms",
  rank: "lower rank",
  use: "use",
  type: "physical before postal",
  period: "begun before not begun",
  start: "latest start",
};

/** How the entry that feeds the fields is chosen, in a sentence or two; undefined where there is nothing to choose. */
export function ruleInWords({ element, uses, rankedBy, admits }: Choice): string | undefined {
  if (element === undefined) {
    return undefined;
  }
  const order = uses.map((equal) => equal.map((use) => (use === NO_USE ? "none" : use)).join(" = ")).join(" > ");
  // An e-mail address has no second system to be preferred to.
  const rankings = rankedBy.filter((ranking) => ranking !== "system" || admits({ system: "sms" }));
  return `All of it comes from one entry of Patient.${element}. Complete before incomplete, then ${rankings
    .map((ranking) => RANKED_BY[ranking])
    .join(", ")}. Use: ${order}; no other.`;
}
