import { changed, type Normalised } from "./normalised.ts";

const US_COUNTRY_NAMES = new Set(["US", "USA", "UNITED STATES", "UNITED STATES OF AMERICA"]);

/** USPS Publication 28, appendix B: states, DC, territories, freely associated states and armed forces. */
const STATE_NAMES: Readonly<Record<string, readonly string[]>> = {
  AL: ["Alabama"],
  AK: ["Alaska"],
  AZ: ["Arizona"],
  AR: ["Arkansas"],
  CA: ["California"],
  CO: ["Colorado"],
  CT: ["Connecticut"],
  DE: ["Delaware"],
  DC: ["District of Columbia"],
  FL: ["Florida"],
  GA: ["Georgia"],
  HI: ["Hawaii"],
  ID: ["Idaho"],
  IL: ["Illinois"],
  IN: ["Indiana"],
  IA: ["Iowa"],
  KS: ["Kansas"],
  KY: ["Kentucky"],
  LA: ["Louisiana"],
  ME: ["Maine"],
  MD: ["Maryland"],
  MA: ["Massachusetts"],
  MI: ["Michigan"],
  MN: ["Minnesota"],
  MS: ["Mississippi"],
  MO: ["Missouri"],
  MT: ["Montana"],
  NE: ["Nebraska"],
  NV: ["Nevada"],
  NH: ["New Hampshire"],
  NJ: ["New Jersey"],
  NM: ["New Mexico"],
  NY: ["New York"],
  NC: ["North Carolina"],
  ND: ["North Dakota"],
  OH: ["Ohio"],
  OK: ["Oklahoma"],
  OR: ["Oregon"],
  PA: ["Pennsylvania"],
  RI: ["Rhode Island"],
  SC: ["South Carolina"],
  SD: ["South Dakota"],
  TN: ["Tennessee"],
  TX: ["Texas"],
  UT: ["Utah"],
  VT: ["Vermont"],
  VA: ["Virginia"],
  WA: ["Washington"],
  WV: ["West Virginia"],
  WI: ["Wisconsin"],
  WY: ["Wyoming"],
  AS: ["American Samoa"],
  GU: ["Guam"],
  MP: ["Northern Mariana Islands", "Commonwealth of the Northern Mariana Islands"],
  PR: ["Puerto Rico", "Commonwealth of Puerto Rico"],
  VI: ["Virgin Islands", "US Virgin Islands", "United States Virgin Islands"],
  FM: ["Federated States of Micronesia", "Micronesia"],
  MH: ["Marshall Islands", "Republic of the Marshall Islands"],
  PW: ["Palau", "Republic of Palau"],
  AA: ["Armed Forces Americas", "Armed Forces of the Americas"],
  AE: ["Armed Forces Europe"],
  AP: ["Armed Forces Pacific"],
};

/** From the code and from each name, in upper case, to the code. */
const STATE_CODES = new Map(
  Object.entries(STATE_NAMES).flatMap(([code, names]) =>
    [code, ...names].map((name) => [name.toUpperCase(), code] as const),
  ),
);

const ZIP = /^(\d{5})(?:-?\d{4})?$/;

/** Upper case, blanks collapsed, without the periods of an abbreviation: `D.C.` is DC, and `U.S.A.` is USA. */
function spelledPlainly(text: string): string {
  return withoutPeriods(text).replace(/\s+/g, " ").toUpperCase();
}

function withoutPeriods(text: string): string {
  return text.replaceAll(".", "");
}

/** Whether a country, without outer blanks, names the United States. */
export function isUnitedStates(country: string): boolean {
  return US_COUNTRY_NAMES.has(spelledPlainly(country));
}

/** A USPS code or the full name of a state, in any case, as the two-letter code. */
export function normaliseState(text: string): Normalised {
  const plain = spelledPlainly(text);
  const code = STATE_CODES.get(plain);
  if (code === undefined) {
    return { problem: "is not a USPS state code or the full name of a state" };
  }
  if (plain !== code) {
    return changed("state-name-abbreviated", text, code);
  }
  const letters = withoutPeriods(text);
  const steps = [
    ...changed("punctuation-changed", text, letters).steps,
    ...changed("letter-case-changed", letters, code).steps,
  ];
  return { value: code, steps };
}

/** `NNNNN`, `NNNNN-NNNN` or `NNNNNNNNN` as its first five digits. Nothing is padded or repaired. */
export function normaliseZip(text: string): Normalised {
  const zip = ZIP.exec(text)?.[1];
  if (zip === undefined) {
    return { problem: "is not a ZIP code of 5 digits, 9 digits or 5 and 4 digits with a hyphen" };
  }
  return changed("plus-four-dropped", text, zip);
}
