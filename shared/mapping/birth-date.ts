import { type Normalised, unchanged } from "./normalised.ts";

const FULL_DATE = /^\d{4}-\d\d-\d\d$/;
const PARTIAL_DATE = /^\d{4}(-\d\d)?$/;

const DAYS_OF_THE_MONTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isRealDate(date: string): boolean {
  const [year, month, day] = [Number(date.slice(0, 4)), Number(date.slice(5, 7)), Number(date.slice(8))];
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const lastDay = month === 2 && !isLeapYear ? 28 : (DAYS_OF_THE_MONTHS[month - 1] ?? 0);
  return day >= 1 && day <= lastDay;
}

/**
 * A full date that is not after `today` (both `YYYY-MM-DD`). A date without its day is never padded.
 *
 * @see http://hl7.org/fhir/R4/datatypes.html#date
 */
export function normaliseBirthDate(text: string, today: string): Normalised {
  if (PARTIAL_DATE.test(text)) {
    return { problem: "is not a full date" };
  }
  if (!FULL_DATE.test(text) || !isRealDate(text)) {
    return { problem: "is not a date" };
  }
  return text > today ? { problem: "is in the future" } : unchanged(text);
}
