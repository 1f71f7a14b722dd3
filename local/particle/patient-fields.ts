import * as v from "valibot";
import type { FieldError } from "./answer.ts";

// The vendor does not say which codes it knows: all of the USPS, with territories and military "states".
const stateCodes = new Set(
  (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR " +
    "PA RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI FM MH PW AA AE AP"
  ).split(" "),
);

type Issue = v.BaseIssue<unknown>;

// Vendors like to repeat the offending value: a caller that copies error texts into its log must notice it here.
const expected = (what: string) => (issue: Issue) => `must be ${what}, received ${issue.received}`;

const text = v.string((issue: Issue) =>
  issue.input === undefined || issue.input === null ? "is required" : expected("a string")(issue),
);
const requiredText = v.pipe(text, v.regex(/\S/, "is required"));

const isCalendarDate = (date: string): boolean => {
  const parsed = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
};

/** Absent, null and "" all mean that there is no value. */
const optional = <Schema extends v.GenericSchema<string, string>>(schema: Schema) =>
  v.optional(
    v.pipe(
      v.unknown(),
      v.transform((input) => (input === null || input === "" ? undefined : input)),
      v.optional(v.pipe(text, schema)),
    ),
  );

/**
 * The body of `POST /api/v1/patients` and how its values are kept: gender in upper case, the postal code without its
 * last four digits. Fields that the vendor's patient does not have (its own samples send `purpose_of_use`) are ignored.
 * Source: "Required Fields" of the Patients API page, and the field descriptions of its API reference.
 */
export const patientSchema = v.object(
  {
    given_name: requiredText,
    family_name: requiredText,
    date_of_birth: v.pipe(
      requiredText,
      v.regex(/^\d{4}-\d{2}-\d{2}$/, expected("YYYY-MM-DD")),
      v.check(isCalendarDate, expected("a day of the calendar")),
    ),
    gender: v.pipe(requiredText, v.toUpperCase(), v.picklist(["MALE", "FEMALE"], expected("MALE or FEMALE"))),
    postal_code: v.pipe(
      requiredText,
      v.regex(/^\d{5}(-\d{4})?$/, expected("five digits, or five and four")),
      v.transform((code) => code.slice(0, 5)),
    ),
    address_city: requiredText,
    address_state: v.pipe(
      requiredText,
      v.check((code) => stateCodes.has(code), expected("a two-letter state abbreviation")),
    ),
    // Two hundred is documented for the patient_id of the Documents API.
    patient_id: v.pipe(requiredText, v.maxLength(200, "must have at most 200 characters")),
    address_lines: v.optional(
      v.pipe(
        v.nullish(v.array(text, expected("an array of strings"))),
        v.transform((value) => value ?? undefined),
      ),
    ),
    ssn: optional(
      v.pipe(v.string(), v.regex(/^(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}$/, expected("a valid US SSN"))),
    ),
    email: optional(v.pipe(v.string(), v.regex(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, expected("a valid email address")))),
    telephone: optional(
      v.pipe(v.string(), v.regex(/^(\+?1[\s.-]?)?\(?\d{3}\)?[\s.-]?\d{3}[\s.-]?\d{4}$/, expected("a US telephone"))),
    ),
    consent: v.optional(
      v.pipe(
        v.nullish(
          v.array(
            v.object({ consent_date: requiredText, partner: requiredText, permission: requiredText }, "is required"),
            expected("an array"),
          ),
        ),
        v.transform((value) => value ?? undefined),
      ),
    ),
  },
  (issue: Issue) => (issue.path ? "is required" : "the body must be a JSON object"),
);

/** A patient as a caller submits it, its values in the form in which they are kept. */
export type SubmittedPatient = v.InferOutput<typeof patientSchema>;

/** Answers the patient, or all that is wrong with the body. */
export function readPatient(body: string): SubmittedPatient | { readonly errors: readonly FieldError[] } {
  let input: unknown;
  try {
    input = JSON.parse(body);
  } catch {
    return { errors: [{ field: "", message: "the body is not JSON" }] };
  }
  const result = v.safeParse(patientSchema, input, { abortPipeEarly: true });
  if (result.success) return result.output;
  return { errors: result.issues.map((issue) => ({ field: v.getDotPath(issue) ?? "", message: issue.message })) };
}
