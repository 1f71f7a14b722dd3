import type { Fault } from "../failure/failure.ts";
import { checkObject } from "./check-structure.ts";
import { checkContained, typesOfContained } from "./contained.ts";
import { FaultList } from "./fault-list.ts";
import { isJsonObject } from "./invariants.ts";
import { isMappedElement } from "./mapped-elements.ts";
import { structureOf } from "./structure.ts";

/**
 * Checks that a value of parsed JSON is a Patient of FHIR R4 4.0.1 (http://hl7.org/fhir/R4/patient.html): elements and
 * their cardinality, formats of primitives, extensions, required codes, invariants. Profiles, slices and terminology
 * beyond the required codes are not looked at.
 *
 * @param handling lenient makes warnings of the faults in elements that matter to no registration.
 * @returns every fault, each with the FHIRPath of its element and what to do about it, never a value of the input, nor a
 * name that R4 does not know; after 100 faults one more says that the rest was left out. Of something that is no Patient
 * at all, one fault.
 */
export function validatePatient(value: unknown, handling: "strict" | "lenient" = "strict"): Fault[] {
  const faults = new FaultList("Patient", (path) => handling === "lenient" && !isMappedElement(path));
  if (!isJsonObject(value)) {
    faults.add("structure", "Send one JSON object: a Patient resource.");
  } else if (value["resourceType"] !== "Patient") {
    faults.add("structure", 'Send a Patient resource, with "resourceType": "Patient".', "resourceType");
  } else {
    const context = { faults, contained: typesOfContained(value["contained"]) };
    checkObject(context, value, structureOf("Patient"), 1);
    checkContained(context, value);
  }
  return faults.all();
}
