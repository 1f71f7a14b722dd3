import { bareName, isKnownName } from "./known-names.ts";

/** A property by its name, and at which place among the properties of its object it stands, from 0. */
type Property = { readonly name: string; readonly at: number };

/** From an element to one in it: the name or the index, and of a property that R4 may not know its place as well. */
export type Step = string | number | Property;

const elementName = /^[A-Za-z_]\w{0,63}$/;

/**
 * A FHIRPath such as `Patient.name[0].family` from its steps. A name that R4 does not know (see {@link isKnownName}) is
 * not repeated: the path counts the properties instead, `Patient.children()[3]`, as whoever sent them can. It ends at the
 * parent where the place is not known.
 */
export function fhirPath([root, ...steps]: readonly Step[]): string {
  let path = String(root);
  for (const step of steps) {
    const name = typeof step === "object" ? step.name : step;
    if (typeof name === "number") path += `[${name}]`;
    else if (isKnownName(name)) path += `.${bareName(name)}`;
    else if (typeof step === "object") path += `.children()[${step.at}]`;
    else return path;
  }
  return path;
}

/**
 * The path with the names as they were written, for deciding and never for showing: a name that R4 does not know may be
 * meant as one that it knows. It ends before what cannot be the name of an element.
 */
export function writtenPath([root, ...steps]: readonly Step[]): string {
  let path = String(root);
  for (const step of steps) {
    const name = typeof step === "object" ? step.name : step;
    if (typeof name === "number") path += `[${name}]`;
    else if (elementName.test(name)) path += `.${bareName(name)}`;
    else return path;
  }
  return path;
}
