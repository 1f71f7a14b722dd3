import { normaliseGender } from "./administrative-gender.ts";
import { normaliseBirthDate } from "./birth-date.ts";
import type { DemographicField } from "./demographics.ts";
import { ADDRESS, type Choice, EMAIL, NAME, PATIENT, PHONE, SSN } from "./entry-choices.ts";
import { type FhirObject, isDataAbsent, readList, readRawString } from "./fhir-element.ts";
import { composed, type Normalised } from "./normalised.ts";
import { isBlank } from "./outer-blanks.ts";
import { normaliseEmail, normalisePhone } from "./telecom-value.ts";
import { normaliseState, normaliseZip } from "./us-address.ts";
import { normaliseSsn } from "./us-ssn.ts";

/** A string of an entry, as it was sent. */
type Leaf = { readonly path: string; readonly raw: string };

function only(path: string): (entry: FhirObject) => readonly Leaf[] {
  return (entry) => {
    const raw = readRawString(entry, path);
    return raw === undefined ? [] : [{ path, raw }];
  };
}

function each(path: string): (entry: FhirObject) => readonly Leaf[] {
  return (entry) => {
    const companions = readList(entry, `_${path}`);
    return readList(entry, path).flatMap((raw, index) =>
      typeof raw === "string" && !isBlank(raw) && !isDataAbsent(companions[index])
        ? [{ path: `${path}[${index}]`, raw }]
        : [],
    );
  };
}

/**
 * The first given name. A first entry that is null or marked as absent says that the person has a first name which is
 * not told: the next one is a middle name then, and does not stand in for it.
 */
function firstGiven(entry: FhirObject): readonly Leaf[] {
  const given = readList(entry, "given");
  const isAbsent = readList(entry, "_given").map(isDataAbsent);
  const first = given.findIndex((raw, index) => typeof raw !== "string" || !isBlank(raw) || isAbsent[index]);
  const raw = given[first];
  return typeof raw === "string" && !isAbsent[first] ? [{ path: `given[${first}]`, raw }] : [];
}

/** How one field of Particle is made of the chosen entry. */
export type FieldRule = {
  readonly field: DemographicField;
  readonly choice: Choice;
  /** The element of the entry that a fault points to. */
  readonly element: string;
  /** Reads the strings that feed the field; several only where Particle takes a list. */
  readonly read: (entry: FhirObject) => readonly Leaf[];
  /** @param text without outer blanks, not empty @param today `YYYY-MM-DD`, UTC */
  readonly normalise: (text: string, today: string) => Normalised;
  readonly need: "required" | "optional";
  /** What to do about a value that is missing or that cannot be used. */
  readonly advice?: string;
};

/**
 * From FHIR to Particle, field by field. Read a line as: the field is made of this element of that choice, in this form;
 * Particle requires it or not; and this is what to tell a sender who got it wrong.
 *
 * @see "Required Fields" of the vendor's Patients API page.
 */
export const DEMOGRAPHIC_RULES: readonly FieldRule[] = [
  {
    field: "given_name",
    choice: NAME,
    element: "given",
    read: firstGiven,
    normalise: composed,
    need: "required",
    advice: "Particle requires the first name: send it as the first given. A name is never split out of text.",
  },
  {
    field: "family_name",
    choice: NAME,
    element: "family",
    read: only("family"),
    normalise: composed,
    need: "required",
    advice: "Particle requires the last name: send it as family. A name is never split out of text.",
  },
  {
    field: "date_of_birth",
    choice: PATIENT,
    element: "birthDate",
    read: only("birthDate"),
    normalise: normaliseBirthDate,
    need: "required",
    advice: "Particle requires the full date of birth: send it as YYYY-MM-DD. It is never padded.",
  },
  {
    field: "gender",
    choice: PATIENT,
    element: "gender",
    read: only("gender"),
    normalise: normaliseGender,
    need: "required",
    advice: "Particle requires a gender and knows male and female only: send one of them. It is never guessed.",
  },
  {
    field: "postal_code",
    choice: ADDRESS,
    element: "postalCode",
    read: only("postalCode"),
    normalise: normaliseZip,
    need: "required",
    advice: "Particle requires a ZIP code: send 5 digits, or 5 and 4 with a hyphen. It is never padded.",
  },
  {
    field: "address_city",
    choice: ADDRESS,
    element: "city",
    read: only("city"),
    normalise: composed,
    need: "required",
    advice: "Particle requires the city: send it as city. An address is never split out of text.",
  },
  {
    field: "address_state",
    choice: ADDRESS,
    element: "state",
    read: only("state"),
    normalise: normaliseState,
    need: "required",
    advice: "Particle requires the state: send its two-letter USPS code or its full name.",
  },
  {
    field: "address_lines",
    choice: ADDRESS,
    element: "line",
    read: each("line"),
    normalise: composed,
    need: "optional",
  },
  {
    field: "ssn",
    choice: SSN,
    element: "value",
    read: only("value"),
    normalise: normaliseSsn,
    need: "optional",
    advice: "The patient is registered without it.",
  },
  {
    field: "telephone",
    choice: PHONE,
    element: "value",
    read: only("value"),
    normalise: normalisePhone,
    need: "optional",
    advice: "It is passed over.",
  },
  {
    field: "email",
    choice: EMAIL,
    element: "value",
    read: only("value"),
    normalise: normaliseEmail,
    need: "optional",
    advice: "It is passed over.",
  },
];
