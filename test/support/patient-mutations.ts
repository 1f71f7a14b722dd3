import { type Place, places, put, valueAt } from "./json-places.ts";

type Json = Record<string, unknown>;

/** Picks one of some; the same sequence of picks makes the same mutation. */
type Pick = <T>(some: readonly T[]) => T;

/** Changes a Patient in place, and says whether it did: not every one has a place for every change. */
type Change = (patient: Json, pick: Pick) => boolean;

/** Changes that do the same in different ways. */
export type Mutation = readonly Change[];

/** At one of the places that fit. */
function somewhere(
  fits: (value: unknown, place: Place) => boolean,
  damage: (place: Place, value: unknown) => void,
): Mutation {
  const change: Change = (patient, pick) => {
    // Which type of resource it is, is no fault of an element.
    const fitting = places(patient).filter((place) => place.key !== "resourceType" && fits(valueAt(place), place));
    if (fitting.length === 0) return false;
    const place = pick(fitting);
    damage(place, valueAt(place));
    return true;
  };
  return [change];
}

const anywhere = (value: unknown): Mutation =>
  somewhere(
    () => true,
    (place) => put(place, value),
  );

/** In place of what the Patient has there. */
const having = (...variants: readonly Json[]): Mutation =>
  variants.map((members) => (patient) => {
    Object.assign(patient, members);
    return true;
  });

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const div = (content: string) => ({
  text: { status: "generated", div: `<div xmlns="http://www.w3.org/1999/xhtml">${content}</div>` },
});
const contained = (...resources: readonly Json[]) => ({
  contained: resources,
  managingOrganization: { reference: "#a" },
});
const organization = { resourceType: "Organization", id: "a", name: "A" };
const extended = (value: Json) => ({ extension: [{ url: "http://example.org/e", ...value }] });
const ofOtherType = (value: unknown) =>
  typeof value === "string" ? 7 : typeof value === "number" ? String(value) : "true";

const values: readonly unknown[] = [
  "",
  " ",
  "a",
  "a b",
  "2020",
  "2020-02-30",
  "2020-01-01T10:00:00Z",
  "0",
  "#a",
  "<b>",
  "\ud800",
  "\u0001",
  "http://a/b",
  0,
  -1,
  1.5,
  1,
  3e9,
  1e300,
  true,
  false,
  null,
  {},
  [],
  [null],
  [[]],
  ["a"],
  [{}],
  { id: "a" },
  { a: 1 },
  { value: 1 },
  { url: "a" },
  { extension: [{ url: "a", valueCode: "b" }] },
  [{ url: "a", valueCode: "b" }],
  { reference: "A/1" },
];

/** What makes any Patient invalid, by name. */
export const faults: Readonly<Record<string, Mutation>> = {
  "a value of another JSON type": somewhere(
    (value) => typeof value !== "object",
    (place, value) => put(place, ofOtherType(value)),
  ),
  "an unknown element": somewhere(isObject, (_place, value) => {
    (value as Json)["noSuchElement"] = "a";
  }),
  "an element of Patient in another case": having({ Gender: "male" }, { birthdate: "1957-03-23" }),
  "an empty string": anywhere(""),
  "an empty object": anywhere({}),
  "an empty array": anywhere([]),
  "an array in an array": anywhere([["a"]]),
  "null for an element": somewhere(
    (_value, { parent }) => !Array.isArray(parent),
    (place) => put(place, null),
  ),
  "one value in place of an array": somewhere(Array.isArray, (place, value) =>
    put(place, (value as unknown[])[0] ?? 1),
  ),
  "an array in place of one value": somewhere(
    (value, { parent }) => !Array.isArray(value) && !Array.isArray(parent),
    (place, value) => put(place, [value]),
  ),
  "a control character": somewhere(
    (value) => typeof value === "string",
    (place) => put(place, "a\u0001"),
  ),
  "half of a surrogate pair": somewhere(
    (value) => typeof value === "string",
    (place) => put(place, "a\ud800"),
  ),
  "a malformed id": having({ name: [{ id: "a b", family: "A" }] }, { id: "a b" }, { id: "a".repeat(65) }, { id: "ä" }),
  "a code outside its value set": having(
    { gender: "man" },
    { name: [{ use: "Official", family: "A" }] },
    { telecom: [{ system: "tel", value: "1" }] },
    { address: [{ use: "mobile", city: "A" }] },
    { address: [{ type: "home", city: "A" }] },
    { identifier: [{ use: "main", value: "1" }] },
    { link: [{ other: { display: "A" }, type: "same" }] },
  ),
  "a code with blanks at its ends": having({ language: " en" }, { language: "en  US" }),
  "a day that does not exist": having({ birthDate: "1957-02-30" }, { birthDate: "1900-02-29" }),
  "a month that does not exist": having({ birthDate: "1957-13-01" }, { birthDate: "1957-00" }),
  "a date of another form": having({ birthDate: "1957-3-23" }, { birthDate: "57-03-23" }, { birthDate: "03/23/1957" }),
  "a time in a date": having({ birthDate: "1957-03-23T10:00:00Z" }),
  "a time without its zone": having(
    { meta: { lastUpdated: "2020-01-01T10:00:00" } },
    { deceasedBoolean: undefined, _deceasedBoolean: undefined, deceasedDateTime: "2020-01-01T10:00:00" },
  ),
  "a time without its seconds": having({ meta: { lastUpdated: "2020-01-01T10:00Z" } }),
  "a time that does not exist": having(
    { meta: { lastUpdated: "2020-01-01T24:00:00Z" } },
    { meta: { lastUpdated: "2020-01-01T10:60:00Z" } },
  ),
  "a uri with blanks": having(
    { implicitRules: "http://example.org/a b" },
    { identifier: [{ system: "a b", value: "1" }] },
  ),
  "an OID or a UUID of another form": having(
    extended({ valueOid: "2.16.840" }),
    extended({ valueUuid: "c757873d-ec9a-4326-a141-556f43239520" }),
  ),
  "base64 of another form": having({ photo: [{ contentType: "image/png", data: "A" }] }),
  "a number out of range": having(
    { telecom: [{ rank: 0 }] },
    { telecom: [{ rank: 1.5 }] },
    { deceasedBoolean: undefined, multipleBirthInteger: 3e9 },
    { photo: [{ size: -1 }] },
  ),
  "an extension without its url": having({ extension: [{ valueCode: "a" }] }),
  "a missing required element": having(
    { link: [{ other: { display: "A" } }] },
    { link: [{ type: "refer" }] },
    { communication: [{ preferred: true }] },
    { text: { div: div("A").text.div } },
    { text: { status: "generated" } },
  ),
  "two types of one choice": having(
    { deceasedBoolean: true, deceasedDateTime: "2020" },
    { multipleBirthBoolean: true, multipleBirthInteger: 2 },
  ),
  "two values of an extension": having(extended({ valueCode: "a", valueString: "b" })),
  "an extension with neither a value nor extensions": having(extended({})),
  "an extension with both a value and extensions": having(
    extended({ valueCode: "a", extension: [{ url: "b", valueCode: "c" }] }),
  ),
  "an id alone (ele-1)": having({ maritalStatus: { id: "a" } }, { gender: undefined, _gender: { id: "a" } }),
  "null beside nothing": having(
    { name: [{ given: ["A", null] }] },
    { name: [{ given: ["A", null], _given: [null, null] }] },
  ),
  "two arrays of one primitive that differ in length": having({
    name: [{ given: ["A", "B"], _given: [{ id: "a" }] }],
  }),
  "the companion of what is no primitive": having({ _name: [{ id: "a" }] }, { _maritalStatus: { id: "a" } }),
  "a contact without anything that identifies it (pat-1)": having({ contact: [{ gender: "male" }] }),
  "a telecom value without a system (cpt-2)": having({ telecom: [{ value: "1" }] }),
  "a period that ends before it starts (per-1)": having({
    name: [{ family: "A", period: { start: "2020-02-01", end: "2020-01-01" } }],
  }),
  "data without its type (att-1)": having({ photo: [{ data: "AAAA" }] }),
  "a quantity whose code has no system (qty-3)": having(extended({ valueQuantity: { value: 1, code: "a" } })),
  "a range that ends before it starts (rng-2)": having(
    extended({ valueRange: { low: { value: 2, unit: "a" }, high: { value: 1, unit: "a" } } }),
  ),
  "a ratio without its denominator (rat-1)": having(extended({ valueRatio: { numerator: { value: 1 } } })),
  "a duration without its unit (tim-1)": having(extended({ valueTiming: { repeat: { duration: 1 } } })),
  "a reference to what is not contained (ref-1)": having({
    contained: undefined,
    managingOrganization: { reference: "#b" },
  }),
  "a reference to another type": having({ managingOrganization: { reference: "Patient/1" } }),
  "a script in the narrative (txt-1)": having(div("<script>a</script>"), div("<p onclick='a'>A</p>")),
  "a narrative without content (txt-2)": having(div(" ")),
  "a narrative that is no XHTML": having(div("<p>A"), div("a & b"), { text: { status: "generated", div: "A" } }),
  "a narrative in no namespace": having({ text: { status: "generated", div: "<div>A</div>" } }),
  "a script in a text": having({ name: [{ text: "<script>a</script>" }] }),
  "a character that was lost": having({ name: [{ text: "Z\ufffd" }] }),
  "a contained resource that contains (dom-2)": having(contained({ ...organization, contained: [organization] })),
  "a contained resource that nothing refers to (dom-3)": having({
    contained: [organization],
    managingOrganization: undefined,
  }),
  "a contained resource with a version (dom-4)": having(contained({ ...organization, meta: { versionId: "1" } })),
  "a contained resource with security labels (dom-5)": having(
    contained({ ...organization, meta: { security: [{ code: "a" }] } }),
  ),
  "a contained resource of no known type": having(contained({ ...organization, resourceType: "Clinic" })),
  "a contained Patient with a fault": having({
    contained: [
      { resourceType: "Patient", id: "a", gender: "man", link: [{ other: { reference: "#" }, type: "refer" }] },
    ],
    managingOrganization: undefined,
  }),
  "two contained resources of one id": having(contained(organization, organization)),
};

/** What may make a Patient invalid or not, by name. */
export const changes: Readonly<Record<string, Mutation>> = {
  nothing: having({}),
  "an OID with an arc of 0": having(extended({ valueOid: "urn:oid:0.0" })),
  "a UUID": having(extended({ valueUuid: "urn:uuid:c757873d-ec9a-4326-a141-556f43239520" })),
  "base64 in lines": having({ photo: [{ contentType: "image/png", data: "AAAA\r\nAAAA\r\n" }] }),
  "a name of blanks": having({ name: [{ family: " " }] }),
  "a reference by any URL": having({ managingOrganization: { reference: "http://example.org/clinic/1" } }),
  "an element left out": somewhere(
    (_value, { parent }) => !Array.isArray(parent),
    ({ parent, key }) => Reflect.deleteProperty(parent, key),
  ),
  "an unknown element of a contained resource": having(contained({ ...organization, noSuchElement: "a" })),
  ...Object.fromEntries(values.map((value) => [`${JSON.stringify(value)} anywhere`, anywhere(value)])),
};
