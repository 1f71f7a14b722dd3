import type { Patient } from "fhir/r4";
import { type Field, structureOf } from "../../shared/fhir/structure.ts";

/** A text that is nowhere else, and the element of the Patient that it stands in. */
export type Mark = {
  readonly path: string;
  /** In the forms that it may take on its way, in lower case. */
  readonly forms: readonly string[];
};

export type MarkedPatient = {
  readonly patient: Patient;
  readonly marks: readonly Mark[];
  /** Leaves without a mark, by their JSON path: of these elements and types no value can be one. */
  readonly unmarked: readonly string[];
};

type Json = Record<string, unknown>;

/** Such as `Qzabxcdk`: letters alone, so that nothing that takes digits out takes it out; and valid as base64, too. */
const WORD = /qz[a-z]{2}x[a-z]{2}k/g;
/** What the other forms look like. Ids in hex or base64 hold short runs of digits, but none that stand alone. */
const NUMBERS = [
  /(?<![\da-z])\d{4}-\d\d-\d\d(?=t\d\d:|[^\da-z]|$)/g,
  /(?<![\da-z])\(?\d{3}[-) ]+\d{3}[- ]\d{4}(?![\da-z])/g,
  /(?<![\da-z])\d{3}-\d\d-\d{4}(?![\da-z])/g,
  /(?<![\da-z])\d{5,10}(?![\da-z])/g,
];

/** What the references of a Patient may be to; its link alone is to people. */
const targetOf = (path: string): string => (/^link\[0\]\.other\.\w+$/.test(path) ? "Patient" : "Organization");
const letters = (n: number): string => String.fromCharCode(97 + (Math.floor(n / 26) % 26), 97 + (n % 26));
const isoDay = (epochDay: number): string => new Date(epochDay * 86_400_000).toISOString().slice(0, 10);
/** 1921 and 2121: birth dates and starts have been, ends are to come. */
const [PAST, FUTURE] = [-17_897, 55_152];
/** More than the dates of one Patient, so that no two people share one. */
const DAYS = 60;

/** What a leaf holds where it must be something of its own, for the Patient to be one that Particle takes. */
const FIXED: Readonly<Record<string, unknown>> = {
  "identifier[0].use": "usual",
  "identifier[1].use": "usual",
  "identifier[1].system": "http://hl7.org/fhir/sid/us-ssn",
  "name[0].use": "official",
  "name[1].use": "old",
  "telecom[0].system": "phone",
  "telecom[1].system": "email",
  "telecom[2].system": "other",
  "contact[0].telecom[0].system": "phone",
  "telecom.use": "home",
  "address[0].use": "home",
  "address[0].type": "physical",
  "address[0].state": "WY",
  "address[0].country": "US",
  active: true,
  "link[0].type": "seealso",
};

/** Elements that no Patient here has, each with its reason. */
const LEFT_OUT: readonly RegExp[] = [
  // They have a Patient refused, which the canary does with marks of their own.
  /^implicitRules$/,
  /(^|\.)modifierExtension$/,
  // The id of a Patient is recorded, and that of an identifier's or link's target is a reference.
  /^id$/,
  // Contained resources are of any type; one is written out below.
  /^contained$/,
  // Another number, of which Particle takes one.
  /^identifier\[1\]\.(type|assigner|period|id|extension)$/,
  // What is said of an absent end is enough for a period that has ended.
  /^name\[1\]\.period$/,
  // A reference in an identifier in a reference goes on without end.
  /identifier\.assigner\.identifier$/,
];

/** Extensions hold values of 50 types, and any element may have some: these stand for all. */
const EXTENDED = /^(extension|(name|telecom|address|contact|photo)\[0\]\.extension|communication\[0\]\.extension)$/;
const EXTENDED_PRIMITIVES = ["_birthDate", "_gender", "name[0]._family", "address[0]._city", "telecom[0]._value"];
const EXTENSION_VALUES = ["String", "Code", "Markdown", "Uri", "Date", "Integer", "HumanName", "Address", "Identifier"];

/**
 * A Patient, synthetic in every letter, made of the definition that the validator has: every element that a Patient of
 * R4 can have, down to references in identifiers in references, and in each leaf that can hold one a mark of its own.
 *
 * @param n from 1 to 300, other marks for each
 */
export function markedPatient(n: number): MarkedPatient {
  const marks: Mark[] = [];
  const unmarked: string[] = [];
  const mark = (path: string, text: string, ...others: string[]): string => {
    marks.push({ path, forms: [text, ...others].map((form) => form.toLowerCase()) });
    return text;
  };
  const word = (path: string) => mark(path, `Qz${letters(n)}x${letters(marks.length)}k`);
  let days = 0;
  const day = (path: string) => {
    days += 1;
    const text = isoDay((path.endsWith(".end") ? FUTURE : PAST) + n * DAYS + days);
    return mark(path, text, text.replaceAll("-", ""));
  };
  const number = (path: string) => Number(mark(path, String(7_000_000 + n * 1_000 + marks.length)));
  const phone = (path: string, area: string) => {
    const line = String(1_000 + n);
    return mark(path, `${area}-555-${line}`, `(${area}) 555-${line}`, `${area} 555 ${line}`, `${area}555${line}`);
  };

  /** Leaves whose form is not that of their type. */
  const ownForm: Readonly<Record<string, (path: string) => unknown>> = {
    "identifier[1].value": (path) => mark(path, `219-09-${9_000 + n}`, `21909${9_000 + n}`),
    "telecom[0].value": (path) => phone(path, "307"),
    "telecom[1].value": (path) => `${word(path)}@synthetic.example`,
    "contact[0].telecom[0].value": (path) => phone(path, "406"),
    // Above every port that an address of this machine can have.
    "address[0].postalCode": (path) => mark(path, String(82_000 + n)),
    "contact[0].address.postalCode": (path) => mark(path, String(83_000 + n)),
    "managingOrganization.reference": () => "#organization",
    "text.div": (path) => `<div xmlns="http://www.w3.org/1999/xhtml">${word(path)}</div>`,
  };

  const BY_TYPE: Readonly<Record<string, (path: string) => unknown>> = {
    uri: (path) => `https://synthetic.example/${word(path)}`,
    date: day,
    dateTime: day,
    instant: (path) => `${day(path)}T00:00:00Z`,
    integer: number,
    positiveInt: number,
    unsignedInt: number,
  };

  function leaf(path: string, field: Field): unknown {
    const own = ownForm[path] ?? ownForm[path.replace(/\[\d+\]$/, "")];
    if (own) {
      return own(path);
    }
    const fixed = FIXED[path] ?? (/^telecom\[\d\]\.use$/.test(path) ? FIXED["telecom.use"] : undefined);
    if (fixed !== undefined || field.codes || field.primitive === "boolean") {
      unmarked.push(path);
      return fixed ?? (field.codes ? [...field.codes][0] : true);
    }
    if (/(^|\.)type$/.test(path)) {
      unmarked.push(path);
      return targetOf(path);
    }
    if (path.endsWith(".reference")) {
      return `${targetOf(path)}/${word(path)}`;
    }
    return (
      BY_TYPE[field.primitive === "url" || field.primitive === "canonical" ? "uri" : `${field.primitive}`] ?? word
    )(path);
  }

  const howMany = (path: string): number =>
    ["telecom", "identifier", "name", "given", "line"].includes(path.split(".").at(-1) ?? "")
      ? ({ telecom: 3, identifier: 2, name: 2, "contact[0].telecom": 1 }[path] ?? 2)
      : 1;

  const madeOf = (path: string, field: Field): unknown => {
    const one = (at: string) => (field.primitive ? leaf(at, field) : elementOf(field.type, at));
    return field.many ? Array.from({ length: howMany(path) }, (_, index) => one(`${path}[${index}]`)) : one(path);
  };

  let extensions = 0;
  const extension = (path: string): Json => {
    extensions += 1;
    const type = `value${EXTENSION_VALUES[(n + extensions) % EXTENSION_VALUES.length]}`;
    const field = structureOf("Extension").fields.get(type);
    return { url: BY_TYPE["uri"]?.(`${path}.url`), ...(field && { [type]: madeOf(`${path}.${type}`, field) }) };
  };

  function elementOf(type: string, path: string): Json {
    const made: Json = {};
    const chosen = new Map<string, Field>();
    for (const [name, field] of structureOf(type).fields) {
      const at = path === "" ? name : `${path}.${name}`;
      if (LEFT_OUT.some((pattern) => pattern.test(at))) {
        continue;
      }
      if (name === field.twin) {
        if (EXTENDED_PRIMITIVES.includes(at)) made[name] = { extension: [extension(`${at}.extension[0]`)] };
      } else if (field.element === "extension") {
        if (EXTENDED.test(at)) made[name] = [extension(`${at}[0]`)];
      } else if (field.choice) {
        // The type that can hold a mark.
        if (field.primitive !== "boolean") chosen.set(field.element, field);
      } else {
        made[name] = madeOf(at, field);
      }
    }
    for (const field of chosen.values()) {
      made[field.jsonName] = madeOf(path === "" ? field.jsonName : `${path}.${field.jsonName}`, field);
    }
    return made;
  }

  const patient = elementOf("Patient", "");
  const contained = { resourceType: "Organization", id: "organization", name: word("contained.name") };
  return { patient: { resourceType: "Patient", ...patient, contained: [contained] } as Patient, marks, unmarked };
}

/** The marks that stand in a text, by the element that they come from. */
export function marksIn(text: string, pathByForm: ReadonlyMap<string, string>): string[] {
  const lower = text.toLowerCase();
  const found = [WORD, ...NUMBERS].flatMap((shape) => lower.match(shape) ?? []);
  return [...new Set(found.flatMap((form) => pathByForm.get(form) ?? []))];
}
