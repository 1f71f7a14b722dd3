import { type Choice, NO_USE, type Ranking } from "./entry-choices.ts";
import { type FhirObject, isDataAbsent, readString } from "./fhir-element.ts";
import { periodStanding, periodStart } from "./fhir-period.ts";
import type { LossReason } from "./mapping-report.ts";

/** The `use`s that mean: not this one, not any more. */
const USES_NEVER_CHOSEN: ReadonlyMap<string, LossReason> = new Map([
  ["old", "old"],
  ["maiden", "old"],
  ["anonymous", "anonymous"],
]);

/**
 * Why an entry cannot be chosen, whatever its rivals are; undefined when it can.
 *
 * @param today `YYYY-MM-DD`, UTC
 * @see http://hl7.org/fhir/R4/conformance-rules.html#isModifier `use` is a modifier: it may not be ignored.
 */
export function disqualification(choice: Choice, entry: FhirObject, today: string): LossReason | undefined {
  if (choice.element === undefined) {
    return undefined;
  }
  if (isDataAbsent(entry)) {
    return "data-absent";
  }
  const use = readString(entry, "use") ?? NO_USE;
  if (!choice.uses.some((uses) => uses.includes(use))) {
    return USES_NEVER_CHOSEN.get(use) ?? "unknown-use";
  }
  return periodStanding(entry, today) === "ended" ? "ended" : undefined;
}

/** For each ranking: why a rival loses by it, and its number. */
export const RANKINGS: Readonly<
  Record<
    Ranking,
    { readonly reason: LossReason; readonly of: (entry: FhirObject, choice: Choice, today: string) => number }
  >
> = {
  system: { reason: "less-preferred-system", of: (entry) => (readString(entry, "system") === "sms" ? 1 : 0) },
  rank: {
    reason: "less-preferred-rank",
    of: (entry) => {
      const rank = entry["rank"];
      return typeof rank === "number" && !isDataAbsent(entry["_rank"]) ? rank : Number.POSITIVE_INFINITY;
    },
  },
  use: {
    reason: "less-preferred-use",
    of: (entry, choice) => {
      const use = readString(entry, "use") ?? NO_USE;
      return choice.uses.findIndex((uses) => uses.includes(use));
    },
  },
  type: { reason: "less-preferred-type", of: (entry) => (readString(entry, "type") === "postal" ? 1 : 0) },
  period: {
    reason: "not-begun",
    of: (entry, _, today) => (periodStanding(entry, today) === "not-begun" ? 1 : 0),
  },
  start: {
    reason: "earlier-start",
    of: (entry) => -(periodStart(entry) ?? Number.NEGATIVE_INFINITY),
  },
};
