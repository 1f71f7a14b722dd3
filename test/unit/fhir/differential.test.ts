import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { validatePatient } from "../../../shared/fhir/validate-patient.ts";
import { errorsOf, type OtherValidator, otherValidators } from "../../support/other-validators.ts";
import { validPatient } from "../../support/patient-arbitrary.ts";
import { changes, faults, type Mutation } from "../../support/patient-mutations.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { type Disagreement, misses, refusals } from "./known-disagreements.ts";

const SEED = 20_261_122;

/** How many Patients each mutation is tried on. */
const PATIENTS = 3;

const patients = fc.sample(
  validPatient.filter((patient) => JSON.stringify(patient).length < 1000),
  { seed: SEED, numRuns: PATIENTS },
);

type Case = { readonly mutation: string; readonly patient: object; readonly ours: readonly string[] };

function casesOf([mutation, variants]: readonly [string, Mutation]): Case[] {
  const random = seededRandom(SEED);
  const runs = Array.from({ length: Math.max(PATIENTS, variants.length) });
  return runs.flatMap((_, run) => {
    const patient = structuredClone(patients[run % PATIENTS]!);
    const isChanged = variants[run % variants.length]!(patient, (some) => some[Math.floor(random() * some.length)]!);
    // As JSON has it: a member that is undefined is none.
    const read: object = JSON.parse(JSON.stringify(patient));
    return isChanged
      ? [{ mutation, patient: read, ours: validatePatient(read).map(({ diagnostics }) => diagnostics) }]
      : [];
  });
}

const faulty = Object.entries(faults).flatMap(casesOf);
const all = [...faulty, ...Object.entries(changes).flatMap(casesOf)];

/** The name of the disagreement that explains a message. */
function explanation(
  known: Readonly<Record<string, Disagreement>>,
  validator: OtherValidator,
  mutation: string,
  message: string,
): string | undefined {
  return Object.entries(known).find(
    ([, { of, mutations, messages }]) =>
      of.includes(validator) && (mutations?.test(mutation) ?? true) && messages.test(message),
  )?.[0];
}

describe("our validator", () => {
  it("refuses every planted fault", () => {
    expect(faulty.filter(({ ours }) => ours.length === 0)).toEqual([]);
  });

  it.each(otherValidators)(
    "differs from %s only where it is known why, and still does so everywhere there",
    (other) => {
      const occurring = new Set<string>();
      const unexplained: object[] = [];
      for (const { mutation, patient, ours } of all) {
        const theirs = errorsOf[other](patient);
        if (ours.length > 0 === theirs.length > 0) continue;
        const [known, messages] = ours.length > 0 ? [misses, ours] : [refusals, theirs];
        for (const message of messages) {
          const name = explanation(known, other, mutation, message);
          if (name === undefined)
            unexplained.push({ mutation, by: known === misses ? "ours" : other, message, patient });
          else occurring.add(name);
        }
      }
      expect(unexplained).toEqual([]);
      const expected = Object.entries({ ...misses, ...refusals }).filter(([, { of }]) => of.includes(other));
      expect([...occurring].sort()).toEqual(expected.map(([name]) => name).sort());
    },
  );
});
