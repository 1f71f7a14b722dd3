import { type FhirObject, readObject, readString } from "./fhir-element.ts";

/** http://hl7.org/fhir/R4/datatypes.html#dateTime: a year, a month, a day, or a time with its zone. */
const DATE_TIME = /^\d{4}(-\d\d(-\d\d(T\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?$/;
/** ECMAScript defines how milliseconds are read, and no longer fractions; R4 allows any number of digits. */
const BEYOND_MILLISECONDS = /(\.\d{3})\d+/;
const LEAP_SECOND = /:60(?=[.Z+-])/;
const MILLISECONDS_OF_A_DAY = 86_400_000;
const LENGTH_OF_A_DATE = 10;

export type PeriodStanding = "ended" | "current" | "not-begun";

function readBound(element: FhirObject, bound: "start" | "end"): string | undefined {
  const period = readObject(element, "period");
  const value = period && readString(period, bound);
  return value !== undefined && DATE_TIME.test(value) && !Number.isNaN(firstInstant(value)) ? value : undefined;
}

/** Epoch milliseconds of the first instant that the dateTime covers; dates are taken as UTC. */
function firstInstant(dateTime: string): number {
  return Date.parse(dateTime.replace(LEAP_SECOND, ":59").replace(BEYOND_MILLISECONDS, "$1"));
}

/**
 * How the `period` of an element stands on a UTC day. Periods include both ends; an end without a time covers its whole
 * day, month or year; a missing end means ongoing; no period counts as current.
 *
 * @param today `YYYY-MM-DD`
 * @see http://hl7.org/fhir/R4/datatypes.html#Period
 */
export function periodStanding(element: FhirObject, today: string): PeriodStanding {
  if (element["period"] === undefined) {
    return "current";
  }
  const end = readBound(element, "end");
  if (end !== undefined) {
    const ended =
      end.length <= LENGTH_OF_A_DATE ? end < today.slice(0, end.length) : firstInstant(end) < Date.parse(today);
    if (ended) {
      return "ended";
    }
  }
  const start = readBound(element, "start");
  return start !== undefined && firstInstant(start) >= Date.parse(today) + MILLISECONDS_OF_A_DAY
    ? "not-begun"
    : "current";
}

/** Epoch milliseconds of the first instant of `period.start`; undefined without a start. */
export function periodStart(element: FhirObject): number | undefined {
  const start = readBound(element, "start");
  return start === undefined ? undefined : firstInstant(start);
}
