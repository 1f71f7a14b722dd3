import fc from "fast-check";
import type { ElementDefinition } from "./r4-definitions.ts";
import { readValueSets, structureDefinitions } from "./r4-definitions.ts";

/**
 * Valid Patients of R4 in all their breadth, straight from the official definitions: any elements, extensions of any
 * type, extensions of primitives, with what the invariants ask for put right afterwards.
 */
type Json = Record<string, unknown>;

const ucum = "http://unitsofmeasure.org";
const pad = (value: number, length = 2) => String(value).padStart(length, "0");
const day = fc
  .record({ month: fc.integer({ min: 1, max: 12 }), day: fc.integer({ min: 1, max: 28 }) })
  .map((date) => `${pad(date.month)}-${pad(date.day)}`);
const year = fc.integer({ min: 1, max: 9999 }).map((value) => pad(value, 4));
const date = fc.oneof(
  year,
  fc.tuple(year, fc.integer({ min: 1, max: 12 })).map(([y, month]) => `${y}-${pad(month)}`),
  fc.tuple(year, day).map(([y, monthDay]) => `${y}-${monthDay}`),
  fc.constantFrom("2000-02-29", "2024-02-29", "1999-12-31", "0001-01-01"),
);
const time = fc.constantFrom("00:00:00", "23:59:59.999", "12:30:60");
const zone = fc.constantFrom("Z", "+00:00", "-05:00", "+14:00", "+13:59");
const instant = fc
  .tuple(year, day, time, zone)
  .map(([y, monthDay, clock, offset]) => `${y}-${monthDay}T${clock}${offset}`);
const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((value) => value.isWellFormed() && !/[^\t\n\r -\ufffc]|\ufffd/.test(value));
const token = fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/);
const uri = fc.oneof(
  fc.constantFrom("http://example.org/a#b", "urn:oid:1.2.3", "relative/path", "mailto:a@example.org"),
  token,
);
const whole = (min: number) => fc.integer({ min, max: 2_147_483_647 });

const primitives: Record<string, fc.Arbitrary<unknown>> = {
  base64Binary: fc.constantFrom("AAAA", "SGVu cmlj", "SGVucmljaw==", "SGVucmk=\n"),
  boolean: fc.boolean(),
  canonical: uri,
  code: fc.oneof(token, fc.constantFrom("a b", "<=", "ä")),
  date,
  dateTime: fc.oneof(date, instant),
  decimal: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
  id: token,
  instant,
  integer: whole(-2_147_483_648),
  markdown: text,
  oid: fc.constantFrom("urn:oid:0.0", "urn:oid:2.16.840.1.113883.4.1"),
  positiveInt: whole(1),
  string: fc.oneof(text, fc.constantFrom("Henrick", " outer blanks ", "a < b", "<unknown>", "line\r\nbreak\t\u00a0")),
  time,
  unsignedInt: whole(0),
  uri,
  url: uri,
  uuid: fc.uuid().map((value) => `urn:uuid:${value}`),
  xhtml: fc.constantFrom(
    '<div xmlns="http://www.w3.org/1999/xhtml">Henrick</div>',
    '<div xmlns="http://www.w3.org/1999/xhtml" lang="en"><p class=\'x\'>A<br/>&amp; <b>B</b></p><!-- c --></div>',
    '<div xmlns="http://www.w3.org/1999/xhtml"><img src="data:image/png;base64,AAAA" alt="a"/><a href="#x">x</a></div>',
  ),
};

/** What the invariants of a type ask for. */
const repairs: Record<string, (value: Json) => Json> = {
  Age: (value) => ({ ...value, value: 3, code: "a", system: ucum }),
  Attachment: (value) => ({ ...value, contentType: "text/plain" }),
  ContactPoint: (value) => ({ ...value, system: "phone" }),
  Count: (value) => ({ ...value, value: 3, code: "1", system: ucum }),
  "DataRequirement.codeFilter": ({ searchParam: _, _searchParam, ...value }) => ({ ...value, path: "a" }),
  "DataRequirement.dateFilter": ({ searchParam: _, _searchParam, ...value }) => ({ ...value, path: "a" }),
  Distance: (value) => ({ ...value, value: 3, code: "m", system: ucum }),
  Duration: (value) => ({ ...value, value: 3, code: "s", system: ucum }),
  Expression: (value) => ({ ...value, expression: "a" }),
  Patient: (value) => ({ resourceType: "Patient", ...value }),
  "Patient.contact": (value) => ({ ...value, organization: { display: "A" } }),
  Period: (value) => ({ ...value, start: "1999-05", end: "2021-01-01T10:00:00Z" }),
  Quantity: (value) => ({ ...value, system: ucum }),
  Range: (value) => ({ ...value, low: { value: 1 }, high: { value: 2 } }),
  Ratio: (value) => ({ ...value, numerator: { value: 1 }, denominator: { value: 2 } }),
  Reference: (value) => ({ ...value, reference: "Organization/1" }),
  "Timing.repeat": () => ({ duration: 1, durationUnit: "h", period: 2, periodMax: 3, periodUnit: "d", when: ["HS"] }),
  TriggerDefinition: () => ({ type: "named-event", name: "a" }),
};

const codesOf = readValueSets();
const lastName = (path: string) => path.slice(path.lastIndexOf(".") + 1);
const lastPart = (url: string) => url.slice(url.lastIndexOf("/") + 1);
const capitalised = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

/** The members that one element of a type becomes: its name, and for a primitive sometimes its twin. */
function members(element: ElementDefinition, elements: readonly ElementDefinition[], budget: number) {
  const types = (element.type ?? []).filter((type) => type.code !== "Resource");
  const [only] = types;
  if (!only) return undefined;
  const isList = element.max === "*";
  const name = lastName(element.path).replace("[x]", "");
  const hasChildren = elements.some((other) => other.path.startsWith(`${element.path}.`));
  const isChoice = element.path.endsWith("[x]");
  const shallow = types.filter((type) => type.code in primitives);
  const offered = budget > 0 || shallow.length === 0 ? types : shallow;
  return fc.constantFrom(...offered).chain((type) => {
    const key = isChoice ? name + capitalised(type.code) : name;
    const system = type.code.startsWith("http://hl7.org/fhirpath/");
    if (system) return (name === "url" ? uri : token).map((value): Json => ({ [key]: value }));
    const primitive = primitives[type.code];
    if (!primitive) {
      const whole = hasChildren ? objectOf(element.path, elements, budget - 1) : typed(type.code, budget - 1);
      const targets = (type.targetProfile ?? []).map(lastPart).filter((name) => name !== "Resource");
      const entry =
        targets.length === 0
          ? whole
          : fc
              .tuple(whole, fc.constantFrom(...targets), fc.constantFrom("", "https://example.org/fhir/"))
              .map(([reference, target, base]) => ({ ...reference, reference: `${base}${target}/1` }));
      return (isList ? fc.array(entry, { minLength: 1, maxLength: 2 }) : entry).map(
        (value): Json => ({ [key]: value }),
      );
    }
    const set = element.binding?.strength === "required" ? element.binding.valueSet?.replace(/^.*\/|\|.*$/g, "") : "";
    const codes = codesOf(set ?? "");
    const value = codes ? fc.constantFrom(...codes) : primitive;
    if (type.code === "xhtml") return value.map((div): Json => ({ [key]: div }));
    const twin = fc.constantFrom<Json | null>(
      { id: "e" },
      { extension: [{ url: "http://example.org/e", valueCode: "a" }] },
      null,
    );
    if (!isList) return fc.tuple(value, twin).map(([v, t]): Json => (t ? { [key]: v, [`_${key}`]: t } : { [key]: v }));
    const absent = { extension: [{ url: "http://example.org/e", valueBoolean: false }] };
    return fc.oneof(
      fc.array(value, { minLength: 1, maxLength: 3 }).map((values): Json => ({ [key]: values })),
      fc.tuple(value, twin).map(([v, t]): Json => ({ [key]: [v, null], [`_${key}`]: [t, absent] })),
    );
  });
}

function objectOf(path: string, elements: readonly ElementDefinition[], budget: number): fc.Arbitrary<Json> {
  const children = elements.filter(
    (element) => element.path.startsWith(`${path}.`) && !element.path.slice(path.length + 1).includes("."),
  );
  const isExtension = path === "Extension";
  const parts = children
    .filter((element) => !isExtension || lastName(element.path) !== "extension")
    .map((element) => {
      const isNeeded = element.min > 0 || (isExtension && element.path.endsWith("[x]"));
      const present = !isNeeded && budget <= 0 ? undefined : members(element, elements, budget);
      if (!present) return fc.constant<Json>({});
      return isNeeded
        ? present
        : fc.oneof({ weight: 3, arbitrary: fc.constant<Json>({}) }, { weight: 2, arbitrary: present });
    });
  return (
    fc
      .tuple(...parts)
      .map((all) => (repairs[path] ?? ((value: Json) => value))(Object.assign({}, ...all)))
      // ele-1: an empty element, or one with an id alone, gets an extension.
      .map((value) => {
        const isEmpty = Object.keys(value).every((name) => name === "id");
        return isEmpty ? { ...value, extension: [{ url: "http://example.org/e", valueString: "a" }] } : value;
      })
  );
}

function typed(name: string, budget: number): fc.Arbitrary<Json> {
  const definition = structureDefinitions().get(name);
  if (!definition) throw new Error(`no definition of ${name}`);
  return objectOf(name, definition.snapshot.element, budget);
}

export const validPatient: fc.Arbitrary<Json> = typed("Patient", 3);
