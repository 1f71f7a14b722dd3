import fc from "fast-check";
import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { type MappingResult, patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { unusedLeaves } from "../../../shared/mapping/unused-leaves.ts";
import { entriesThatAreOver, HENRICK, patients, registrablePatients, TODAY } from "./made-up-patients.ts";

const map = (patient: Patient) => patientToParticle(patient, { today: TODAY });

/** What a mapping came to, where each entry stood in its list aside. */
const outcome = ({ demographics, faults }: MappingResult) => ({
  demographics,
  faults: faults.map(({ code, expression }) => [code, expression?.replace(/\[\d+\]/g, "")]),
});

/** The fields with a value that might be another one in another order. */
const fieldsDecidedByOrder = ({ report }: MappingResult) =>
  report.fields
    .filter(({ rivals }) => rivals.some(({ reason }) => reason === "tie-decided-by-order"))
    .map(({ field }) => field);

/** What is sent, but for these fields. */
const decidedOtherwise = (result: MappingResult) => {
  const byOrder: readonly string[] = fieldsDecidedByOrder(result);
  return Object.entries(result.demographics ?? {}).filter(([field]) => !byOrder.includes(field));
};

/** The same with every list in another order, but for those to which FHIR gives one. */
function shuffled(value: unknown, number: () => number): unknown {
  if (Array.isArray(value)) {
    const numbered = value.map((entry) => [number(), shuffled(entry, number)] as const);
    return numbered.sort(([one], [other]) => one - other).map(([, entry]) => entry);
  }
  return typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value).map(([key, part]) => [key, /^(given|line)$/.test(key) ? part : shuffled(part, number)]),
      )
    : value;
}

const ELEMENTS = ["name", "address", "telecom", "identifier"] as const;

describe("mapping any Patient to Particle", () => {
  it("does not depend on the order of entries, unless it says that the order decided", () => {
    fc.assert(
      fc.property(patients, fc.infiniteStream(fc.nat()), (patient, numbers) => {
        const result = map(patient);
        const again = map(shuffled(patient, () => Number(numbers.next().value)) as Patient);
        expect(fieldsDecidedByOrder(again)).toEqual(fieldsDecidedByOrder(result));
        if (fieldsDecidedByOrder(result).length === 0) {
          expect(outcome(again)).toEqual(outcome(result));
        } else {
          expect(decidedOtherwise(again)).toEqual(decidedOtherwise(result));
        }
      }),
      { numRuns: 400 },
    );
  });

  it("warns of each tie that the order decided", () => {
    fc.assert(
      fc.property(patients, (patient) => {
        const { report } = map(patient);
        const ties = new Set(
          report.fields.flatMap(({ rivals }) =>
            rivals.filter(({ reason }) => reason === "tie-decided-by-order").map(({ expression }) => expression),
          ),
        );
        const warned = new Set(report.warnings.map(({ expression }) => expression));
        expect([...ties].filter((expression) => !warned.has(expression))).toEqual([]);
      }),
    );
  });

  it("is not changed by an entry that is old, ended or anonymous, wherever it stands", () => {
    fc.assert(
      fc.property(patients, entriesThatAreOver, fc.boolean(), (patient, { element, entry }, first) => {
        const list: readonly unknown[] = patient[element] ?? [];
        const more = { ...patient, [element]: first ? [entry, ...list] : [...list, entry] };
        expect(outcome(map(more))).toEqual(outcome(map(patient)));
      }),
      { numRuns: 400 },
    );
  });

  it("loses no success to a rival, and is not changed by one that is less preferred", () => {
    fc.assert(
      fc.property(registrablePatients, patients, fc.constantFrom(...ELEMENTS), (patient, other, element) => {
        const before = map(patient);
        const list: readonly unknown[] = patient[element] ?? [];
        for (const entry of other[element] ?? []) {
          const after = map({ ...patient, [element]: [...list, entry] });
          expect(after.faults).toEqual([]);
          const rivals = after.report.fields.flatMap((field) => field.rivals);
          const lost = rivals.some(({ expression }) => expression === `Patient.${element}[${list.length}]`);
          if (lost) {
            expect(after.demographics).toEqual(before.demographics);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("sends values in the forms that Particle documents", () => {
    fc.assert(
      fc.property(registrablePatients, (patient) => {
        const { demographics } = map(patient);
        expect(demographics).toMatchObject({
          given_name: expect.stringMatching(/^\S(.*\S)?$/),
          family_name: expect.stringMatching(/^\S(.*\S)?$/),
          date_of_birth: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
          gender: expect.stringMatching(/^(MALE|FEMALE)$/),
          postal_code: expect.stringMatching(/^\d{5}$/),
          address_state: expect.stringMatching(/^[A-Z]{2}$/),
        });
        expect(demographics?.telephone ?? "123-456-7890").toMatch(/^\d{3}-\d{3}-\d{4}$/);
        expect(demographics?.ssn ?? "123-45-6789").toMatch(/^\d{3}-\d{2}-\d{4}$/);
      }),
    );
  });

  it("puts no value of the Patient into faults or warnings", () => {
    const secret = "Xq7Zk";
    const { resourceType, ...rest } = HENRICK;
    const tainted = JSON.parse(
      JSON.stringify(
        { ...rest, active: false, link: [{ other: { display: "x" }, type: "replaced-by" }] },
        (key, value) =>
          typeof value === "string" && !["use", "system", "type"].includes(key) ? `${secret}${value}` : value,
      ),
    );
    const result = map({ resourceType, ...tainted });
    expect(result.faults.length).toBeGreaterThan(3);
    expect(JSON.stringify([result.faults, result.report.warnings])).not.toContain(secret);
  });

  it("never throws, whatever shape its parts have", () => {
    const key = fc.constantFrom(
      "use",
      "system",
      "value",
      "period",
      "start",
      "given",
      "_given",
      "type",
      "extension",
      "rank",
    );
    const odd = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue(),
        fc.constantFrom("home", "phone", "official", "old", "2020", "http://hl7.org/fhir/sid/us-ssn"),
        fc.array(tie("json"), { maxLength: 3 }),
        fc.dictionary(key, tie("json"), { maxKeys: 4 }),
      ),
    })).json;
    const part = fc.constantFrom(
      ...["name", "address", "telecom", "identifier", "link", "contact", "active", "birthDate", "_birthDate", "gender"],
      ...["modifierExtension", "implicitRules", "contained", "meta", "communication"],
    );
    fc.assert(
      fc.property(fc.dictionary(part, odd, { maxKeys: 8 }), (parts) => {
        const patient = JSON.parse(JSON.stringify({ resourceType: "Patient", ...parts }));
        unusedLeaves(patient, map(patient));
      }),
      { numRuns: 300 },
    );
    for (const body of [null, "Patient", 7, [], true]) {
      expect(map(body as unknown as Patient).faults.length).toBeGreaterThan(0);
    }
  });
});
