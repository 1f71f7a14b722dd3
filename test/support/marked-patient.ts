import type { Organization, Patient } from "fhir/r4";

/** A text that is nowhere else, and the element of the Patient that it stands in. */
export type Mark = {
  readonly path: string;
  /** In the forms that it may take on its way. */
  readonly forms: readonly string[];
};

export type MarkedPatient = { readonly patient: Patient; readonly marks: readonly Mark[] };

/**
 * A Patient, synthetic in every letter, with a mark of its own in every leaf that can hold one. What cannot: booleans, codes
 * of a required value set, and the state.
 *
 * @param n from 1 to 99, other marks for each.
 */
export function markedPatient(n: number): MarkedPatient {
  const marks: Mark[] = [];
  const two = String(n).padStart(2, "0");
  const mark = (path: string, ...forms: string[]) => {
    const [text = `Qz${two}v${String(marks.length).padStart(3, "0")}k`] = forms;
    marks.push({ path, forms: forms.length > 0 ? forms : [text] });
    return text;
  };
  const date = (path: string) => {
    const day = new Date(Date.UTC(1931, 0, 1 + n * 100 + marks.length)).toISOString().slice(0, 10);
    return mark(path, day, day.replaceAll("-", ""));
  };
  const uri = (path: string) => `https://synthetic.example/${mark(path)}`;
  const period = (path: string) => ({ start: date(`${path}.start`) });
  const coding = (path: string) => ({
    system: uri(`${path}.system`),
    version: mark(`${path}.version`),
    code: mark(`${path}.code`),
    display: mark(`${path}.display`),
  });
  const concept = (path: string) => ({ coding: [coding(`${path}.coding`)], text: mark(`${path}.text`) });
  const extension = (path: string) => [{ url: uri(`${path}.url`), valueString: mark(`${path}.valueString`) }];
  const reference = (path: string, type = "Organization") => ({
    reference: `${type}/${mark(`${path}.reference`)}`,
    display: mark(`${path}.display`),
  });
  const address = (path: string) => ({
    text: mark(`${path}.text`),
    line: [mark(`${path}.line[0]`), mark(`${path}.line[1]`)],
    city: mark(`${path}.city`),
    district: mark(`${path}.district`),
    state: "WY",
    postalCode: mark(`${path}.postalCode`, String(82_000 + n)),
    country: "US",
    period: period(`${path}.period`),
  });
  const phone = (path: string, prefix: string) =>
    mark(path, `${prefix}-01${two}`, `${prefix} 01${two}`, `${prefix}01${two}`.replaceAll("-", ""), `555-01${two}`);
  const ssn = `219-09-98${two}`;

  const organization: Organization = {
    resourceType: "Organization",
    id: mark("contained.id"),
    name: mark("contained.name"),
  };

  const patient: Patient = {
    resourceType: "Patient",
    meta: { source: uri("meta.source"), tag: [coding("meta.tag")], profile: [uri("meta.profile")] },
    language: mark("language"),
    text: { status: "generated", div: `<div xmlns="http://www.w3.org/1999/xhtml">${mark("text.div")}</div>` },
    contained: [organization],
    extension: extension("extension"),
    identifier: [
      {
        use: "usual",
        type: concept("identifier[0].type"),
        system: uri("identifier[0].system"),
        value: mark("identifier[0].value"),
        period: period("identifier[0].period"),
        assigner: reference("identifier[0].assigner"),
      },
      { system: "http://hl7.org/fhir/sid/us-ssn", value: mark("identifier[1].value", ssn, ssn.replaceAll("-", "")) },
    ],
    active: true,
    name: [
      {
        use: "official",
        text: mark("name[0].text"),
        family: mark("name[0].family"),
        _family: { extension: extension("name[0]._family.extension") },
        given: [mark("name[0].given[0]"), mark("name[0].given[1]")],
        prefix: [mark("name[0].prefix")],
        suffix: [mark("name[0].suffix")],
        period: period("name[0].period"),
      },
      { use: "old", family: mark("name[1].family"), given: [mark("name[1].given")] },
    ],
    telecom: [
      { system: "phone", value: phone("telecom[0].value", "307-555") },
      { system: "email", value: `${mark("telecom[1].value")}@synthetic.example` },
      { system: "other", value: mark("telecom[2].value") },
    ],
    gender: "male",
    birthDate: date("birthDate"),
    _birthDate: { extension: extension("_birthDate.extension") },
    deceasedDateTime: date("deceasedDateTime"),
    address: [{ use: "home", ...address("address[0]") }],
    maritalStatus: concept("maritalStatus"),
    photo: [
      {
        contentType: mark("photo.contentType"),
        data: mark("photo.data", Buffer.from(`photo ${two}`).toString("base64")),
        url: uri("photo.url"),
        title: mark("photo.title"),
      },
    ],
    contact: [
      {
        relationship: [concept("contact.relationship")],
        name: { family: mark("contact.name.family"), given: [mark("contact.name.given")] },
        telecom: [{ system: "phone", value: phone("contact.telecom.value", "406-555") }],
        address: { ...address("contact.address"), postalCode: mark("contact.address.postalCode", String(59_000 + n)) },
        organization: reference("contact.organization"),
        period: period("contact.period"),
      },
    ],
    communication: [{ language: concept("communication.language") }],
    generalPractitioner: [reference("generalPractitioner")],
    managingOrganization: { reference: `#${organization.id}`, display: mark("managingOrganization.display") },
    link: [{ other: reference("link.other", "Patient"), type: "seealso" }],
  };
  return { patient, marks };
}

/** The marks that stand in a text, by the element that they come from. */
export function marksIn(text: string, marks: readonly Mark[]): string[] {
  const lower = text.toLowerCase();
  return marks.filter(({ forms }) => forms.some((form) => standsIn(lower, form.toLowerCase()))).map(({ path }) => path);
}

/** Digits alone may be part of a longer number that means something else. */
const standsIn = (text: string, form: string): boolean =>
  /^\d+$/.test(form) ? new RegExp(`(?<!\\d)${form}(?!\\d)`).test(text) : text.includes(form);
