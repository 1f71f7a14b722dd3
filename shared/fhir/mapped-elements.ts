/**
 * The elements of a Patient that feed Particle's demographics, or that decide whether a Patient may be registered at
 * all. A fault in any other element can be tolerated where the caller asks for it (`Prefer: handling=lenient`).
 */
const mappedElements: ReadonlySet<string> = new Set([
  "resourceType",
  "id",
  "implicitRules",
  "modifierExtension",
  "identifier",
  "active",
  "name",
  "telecom",
  "gender",
  "birthDate",
  "address",
  "link",
]);

/**
 * @param expression a FHIRPath as the faults of `validatePatient` carry it. `Patient` itself counts as mapped: a fault of
 * the whole resource cannot be tolerated.
 */
export function isMappedElement(expression: string): boolean {
  const [, element] = /^Patient\.(\w+)/.exec(expression) ?? [];
  return element === undefined || mappedElements.has(element);
}
