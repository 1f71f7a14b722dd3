import type { InvariantKey } from "./patient-definition.generated.ts";
import { primitiveRefusal } from "./primitive-formats.ts";

/** An object of parsed JSON. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Invariant = {
  /** Also true where a part is malformed in a way that has its own fault. */
  readonly holds: (value: JsonObject, contained: ReadonlyMap<string, unknown>) => boolean;
  readonly remedy: string;
};

/** These need more than the element that carries them, and are checked where that is at hand. */
type CheckedElsewhere = "dom-2" | "dom-3" | "dom-4" | "dom-5" | "txt-1" | "txt-2";

const ucum = "http://unitsofmeasure.org";

/** Whether an element is there: its value, or (for a primitive) only its extensions. */
const has = (value: JsonObject, name: string) => value[name] !== undefined || value[`_${name}`] !== undefined;
function hasChoice(value: JsonObject, base: string): boolean {
  for (const name in value) if (name.startsWith(base) || name.startsWith(`_${base}`)) return true;
  return false;
}

/** Not negative where it is a number at all. */
const isNotNegative = (value: unknown) => typeof value !== "number" || value >= 0;

/** The bounds in milliseconds of what a dateTime may mean: a date has no time zone, and zones reach from -12 to +14 h. */
function moments(value: string): readonly [first: number, last: number] {
  const first = Date.parse(value);
  if (value.length > 10) return [first, first];
  const next = new Date(first);
  if (value.length === 4) next.setUTCFullYear(next.getUTCFullYear() + 1);
  else if (value.length === 7) next.setUTCMonth(next.getUTCMonth() + 1);
  else next.setUTCDate(next.getUTCDate() + 1);
  return [first - 14 * 3_600_000, next.getTime() + 12 * 3_600_000];
}

/** start ≤ end wherever the two can be compared at all. */
function isOrdered(start: unknown, end: unknown): boolean {
  if (primitiveRefusal("dateTime", start) || primitiveRefusal("dateTime", end)) return true;
  if (typeof start !== "string" || typeof end !== "string") return true;
  if (start.length <= 10 && end.length <= 10) {
    const shared = Math.min(start.length, end.length);
    return start.slice(0, shared) <= end.slice(0, shared);
  }
  return !(moments(start)[0] > moments(end)[1]);
}

/** low ≤ high where both are of one unit. */
function isRange(low: unknown, high: unknown): boolean {
  if (!isJsonObject(low) || !isJsonObject(high)) return true;
  const sameUnit = ["unit", "system", "code"].every((name) => low[name] === high[name]);
  const [least, most] = [low["value"], high["value"]];
  return !sameUnit || typeof least !== "number" || typeof most !== "number" || least <= most;
}

/** code.exists() or value.empty(), and a system that is UCUM if there is one. */
const isMeasuredInUcum = (value: JsonObject) =>
  (has(value, "code") || !has(value, "value")) && (!has(value, "system") || value["system"] === ucum);

/** http://hl7.org/fhir/R4: each rule is in the table of constraints of the type that carries it. */
const rules: Record<Exclude<InvariantKey, CheckedElsewhere>, Invariant> = {
  "age-1": {
    holds: (age) => {
      const { value } = age;
      return isMeasuredInUcum(age) && (typeof value !== "number" || value > 0);
    },
    remedy: "Give the age a positive value and a UCUM code of time.",
  },
  "att-1": {
    holds: (attachment) => !has(attachment, "data") || has(attachment, "contentType"),
    remedy: "Give the attachment with data a contentType.",
  },
  "cnt-3": {
    holds: (count) => {
      const { value, code } = count;
      return (
        isMeasuredInUcum(count) &&
        (code === undefined || code === "1") &&
        (typeof value !== "number" || Number.isInteger(value))
      );
    },
    remedy: 'Give the count a whole number and the UCUM code "1".',
  },
  "cpt-2": {
    holds: (contactPoint) => !has(contactPoint, "value") || has(contactPoint, "system"),
    remedy: "Give the contact point with a value a system, such as phone or email.",
  },
  "dis-1": { holds: isMeasuredInUcum, remedy: "Give the distance a UCUM code of length." },
  "drq-1": {
    holds: (filter) => has(filter, "path") !== has(filter, "searchParam"),
    remedy: "Give either a path or a searchParam, not both.",
  },
  "drq-2": {
    holds: (filter) => has(filter, "path") !== has(filter, "searchParam"),
    remedy: "Give either a path or a searchParam, not both.",
  },
  "drt-1": {
    holds: (duration) => !has(duration, "code") || (duration["system"] === ucum && has(duration, "value")),
    remedy: "Give the duration with a code a value and the UCUM system.",
  },
  "exp-1": {
    holds: (expression) => has(expression, "expression") || has(expression, "reference"),
    remedy: "Give an expression or a reference.",
  },
  "ext-1": {
    holds: (extension) => has(extension, "extension") !== hasChoice(extension, "value"),
    remedy: "Give the extension either a value or extensions of its own, not both and not neither.",
  },
  "pat-1": {
    holds: (contact) => ["name", "telecom", "address", "organization"].some((name) => has(contact, name)),
    remedy: "Give the contact a name, a telecom, an address or an organization.",
  },
  "per-1": {
    holds: (period) => isOrdered(period["start"], period["end"]),
    remedy: "Let the period end after it starts.",
  },
  "qty-3": {
    holds: (quantity) => !has(quantity, "code") || has(quantity, "system"),
    remedy: "Give the quantity with a code a system.",
  },
  "rat-1": {
    holds: (ratio) =>
      has(ratio, "numerator") === has(ratio, "denominator") && (has(ratio, "numerator") || has(ratio, "extension")),
    remedy: "Give the ratio both a numerator and a denominator.",
  },
  "ref-1": {
    holds: ({ reference }, contained) =>
      typeof reference !== "string" ||
      !reference.startsWith("#") ||
      reference === "#" ||
      contained.has(reference.slice(1)),
    remedy: "Contain the resource that the reference with # names, or refer to another.",
  },
  "rng-2": {
    holds: ({ low, high }) => isRange(low, high),
    remedy: "Let low be at most high.",
  },
  "tim-1": {
    holds: (repeat) => !has(repeat, "duration") || has(repeat, "durationUnit"),
    remedy: "Give the duration a durationUnit.",
  },
  "tim-2": {
    holds: (repeat) => !has(repeat, "period") || has(repeat, "periodUnit"),
    remedy: "Give the period a periodUnit.",
  },
  "tim-4": { holds: ({ duration }) => isNotNegative(duration), remedy: "Give a duration that is not negative." },
  "tim-5": { holds: ({ period }) => isNotNegative(period), remedy: "Give a period that is not negative." },
  "tim-6": {
    holds: (repeat) => !has(repeat, "periodMax") || has(repeat, "period"),
    remedy: "Give the periodMax a period.",
  },
  "tim-7": {
    holds: (repeat) => !has(repeat, "durationMax") || has(repeat, "duration"),
    remedy: "Give the durationMax a duration.",
  },
  "tim-8": {
    holds: (repeat) => !has(repeat, "countMax") || has(repeat, "count"),
    remedy: "Give the countMax a count.",
  },
  "tim-9": {
    holds: (repeat) => {
      const { when } = repeat;
      if (!has(repeat, "offset")) return true;
      return Array.isArray(when) ? !when.some((code) => ["C", "CM", "CD", "CV"].includes(code)) : has(repeat, "when");
    },
    remedy: "Give the offset a when, other than C, CM, CD and CV.",
  },
  "tim-10": {
    holds: (repeat) => !has(repeat, "timeOfDay") || !has(repeat, "when"),
    remedy: "Give either timeOfDay or when, not both.",
  },
  "trd-1": {
    holds: (trigger) => !has(trigger, "data") || !hasChoice(trigger, "timing"),
    remedy: "Give either timing or data, not both.",
  },
  "trd-2": {
    holds: (trigger) => !has(trigger, "condition") || has(trigger, "data"),
    remedy: "Give the condition data.",
  },
  "trd-3": {
    holds: (trigger) => {
      const { type } = trigger;
      if (type === "named-event") return has(trigger, "name");
      if (type === "periodic") return hasChoice(trigger, "timing");
      return typeof type !== "string" || !type.startsWith("data-") || has(trigger, "data");
    },
    remedy: "Give a named event a name, a periodic one timing, one of data its data.",
  },
};

/** By key; those that are checked elsewhere have none. */
export const invariants: Readonly<Partial<Record<InvariantKey, Invariant>>> = rules;
