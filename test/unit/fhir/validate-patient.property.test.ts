import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { validatePatient } from "../../../shared/fhir/validate-patient.ts";
import { type Place, places, put } from "../../support/json-places.ts";
import { validPatient } from "../../support/patient-arbitrary.ts";

/** What no element of any type takes, wherever it stands. */
const plantings: Record<string, (place: Place) => void> = {
  "an empty string": (place) => put(place, ""),
  "an empty object": (place) => put(place, {}),
  "an empty array": (place) => put(place, []),
  "an array in an array": (place) => put(place, [["a"]]),
  "an unknown element": ({ parent, key }) => {
    if (Array.isArray(parent)) put({ parent, key }, { noSuchElement: 1 });
    else parent["noSuchElement"] = 1;
  },
  "a control character": (place) => put(place, "a\u0001"),
  "an infinite number": (place) => put(place, Number.NEGATIVE_INFINITY),
};

describe("any valid Patient", () => {
  it("has no fault", () => {
    fc.assert(
      fc.property(validPatient, (patient) => {
        expect(validatePatient(patient)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it.each(Object.entries(plantings))("with %s in it has one", (_name, plant) => {
    fc.assert(
      fc.property(
        validPatient.filter((patient) => places(patient).length > 1),
        fc.nat(),
        (patient, choice) => {
          const damaged: unknown = structuredClone(patient);
          const all = places(damaged);
          plant(all[choice % all.length]!);
          const faults = validatePatient(damaged);
          expect(faults).not.toEqual([]);
          for (const fault of faults)
            expect(fault.expression).toMatch(/^Patient(\.([A-Za-z]+|children\(\)\[\d+\])(\[\d+\])?)*$/);
        },
      ),
      { numRuns: 150 },
    );
  });
});

it("any JSON at all gets an answer", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("name", "contained", "_gender", "extension", "text", "id"), fc.jsonValue()),
      (value) => {
        expect(Array.isArray(validatePatient({ ...value, resourceType: "Patient" }))).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});
