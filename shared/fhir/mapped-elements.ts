/**
 * The elements of a Patient that feed Particle's demographics or are recorded, that choose between those which might, or
 * that decide whether a Patient may be registered at all. By element of Patient: its own elements, or all of them.
 */
const mappedElements: Readonly<Record<string, "all" | readonly string[]>> = {
  resourceType: "all",
  id: "all",
  implicitRules: "all",
  modifierExtension: "all",
  identifier: ["use", "type", "system", "value", "period", "assigner"],
  active: "all",
  name: ["use", "family", "given", "period"],
  telecom: ["system", "value", "use", "rank", "period"],
  gender: "all",
  birthDate: "all",
  address: ["use", "type", "line", "city", "state", "postalCode", "country", "period"],
  link: "all",
};

/**
 * Parts of every mapped element. The datatypes of R4 have no modifierExtension; a sender who writes one all the same says
 * that the element means something else: http://hl7.org/fhir/R4/extensibility.html#modifierExtension
 */
const partsOfAll = ["extension", "modifierExtension"];

/** A name in the wrong case is no element of R4, and may well be meant as one: a `Use` that says `old`. */
const named = (names: readonly string[], given: string): string | undefined =>
  names.find((name) => name.toLowerCase() === given.toLowerCase());

/** The url of an extension may say that the element is absent; what the extension holds is never looked at. */
const insideExtension = /\.extension\[\d+\]\.(?!url\b)/;

/**
 * Whether a fault of an element matters to the registration. One that does not can be tolerated where the caller or the
 * deployment asks for it (`Prefer: handling=lenient`).
 *
 * @param expression a FHIRPath as the faults of `validatePatient` carry it. `Patient` itself counts as mapped: a fault of
 * the whole resource cannot be tolerated.
 */
export function isMappedElement(expression: string): boolean {
  const [, element, part] = /^Patient\.(\w+)(?:\[\d+\])?(?:\.(\w+))?/.exec(expression) ?? [];
  if (element === undefined) return true;
  const mapped = named(Object.keys(mappedElements), element);
  const parts = mapped && mappedElements[mapped];
  if (parts === undefined || insideExtension.test(expression)) return false;
  return parts === "all" || part === undefined || named([...parts, ...partsOfAll], part) !== undefined;
}
