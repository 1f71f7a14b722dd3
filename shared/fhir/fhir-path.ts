const elementName = /^[A-Za-z_]\w{0,63}$/;

/**
 * A FHIRPath such as `Patient.name[0].family` from its steps. It stops before a name that cannot be one of an element
 * (blanks, punctuation, over 64 characters): that may be anything, a person's data too, so the parent is named instead.
 * The `_` of a JSON name is no part of it: `_birthDate` is `Patient.birthDate`.
 */
export function fhirPath(steps: readonly (string | number)[]): string {
  let path = "";
  for (const step of steps) {
    if (typeof step === "number") path += `[${step}]`;
    else if (elementName.test(step)) path += (path === "" ? "" : ".") + step.replace(/^_(?=[a-z])/, "");
    else return path;
  }
  return path;
}

/** Whether a name may be repeated in a message. */
export function isElementName(name: string): boolean {
  return elementName.test(name);
}
