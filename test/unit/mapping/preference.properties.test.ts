import fc from "fast-check";
import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import type { DemographicField } from "../../../shared/mapping/demographics.ts";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { HENRICK, TODAY } from "./made-up-patients.ts";

type Entry = Readonly<Record<string, unknown>>;

/** Values of one element of an entry, the best first; those in one list are equal. */
type Scale = readonly (readonly Entry[])[];

/** What the rules say in words, written down a second time: the scales in the order in which they decide. */
type Preferences = {
  readonly element: "name" | "address" | "telecom";
  readonly field: DemographicField;
  readonly scales: readonly Scale[];
  /** A complete entry, told from others by a number. */
  readonly entry: (number: number) => Entry;
  readonly sent: (number: number) => string;
};

const uses = (...best: readonly (string | undefined)[]): Scale => best.map((use) => [use === undefined ? {} : { use }]);

/** Days before `TODAY`, begun; later ones not: the latest start first, then no start, then what has not begun. */
const BEGUN = [{ period: { start: "2026-11-22" } }, { period: { start: "2021-05" } }, { period: { start: "2019" } }];
const ANY_TIME = [{}, { period: {} }, { period: { end: "2026-11-22" } }];
const TO_COME = [{ period: { start: "2028" } }, { period: { start: "2026-12" } }, { period: { start: "2026-11-23" } }];
const PERIODS: Scale = [...BEGUN.map((period) => [period]), ANY_TIME, ...TO_COME.map((period) => [period])];

const NAME: Preferences = {
  element: "name",
  field: "family_name",
  scales: [uses("official", "usual", undefined, "temp", "nickname"), PERIODS],
  entry: (number) => ({ family: `Family${number}`, given: ["Henrick"] }),
  sent: (number) => `Family${number}`,
};

const ADDRESS: Preferences = {
  element: "address",
  field: "address_city",
  scales: [
    uses("home", undefined, "temp", "work", "billing"),
    [[{}, { type: "physical" }, { type: "both" }], [{ type: "postal" }]],
    PERIODS,
  ],
  entry: (number) => ({ city: `City${number}`, state: "MA", postalCode: "12345" }),
  sent: (number) => `City${number}`,
};

const USES_OF_TELECOM: Scale = [[{ use: "home" }, { use: "mobile" }], [{}], [{ use: "work" }], [{ use: "temp" }]];
const RANKS: Scale = [[{ rank: 1 }], [{ rank: 2 }], [{ rank: 17 }], [{}]];
/** Here the use decides between what has begun or not and when. */
const STANDINGS: Scale = [[...BEGUN, ...ANY_TIME], TO_COME];
const STARTS: Scale = PERIODS;

const PHONE: Preferences = {
  element: "telecom",
  field: "telephone",
  scales: [[[{ system: "phone" }], [{ system: "sms" }]], RANKS, STANDINGS, USES_OF_TELECOM, STARTS],
  entry: (number) => ({ value: `123-456-000${number}` }),
  sent: (number) => `123-456-000${number}`,
};

const EMAIL: Preferences = {
  element: "telecom",
  field: "email",
  scales: [[[{ system: "email" }]], RANKS, STANDINGS, USES_OF_TELECOM, STARTS],
  entry: (number) => ({ value: `mail${number}@example.com` }),
  sent: (number) => `mail${number}@example.com`,
};

/** Where each of the scales places an entry. */
const placesOf = (entry: Entry, scales: readonly Scale[]) =>
  scales.map((scale) =>
    scale.findIndex((equals) => equals.some((parts) => keysOf(scale).every((key) => same(parts[key], entry[key])))),
  );
const keysOf = (scale: Scale) => [...new Set(scale.flat().flatMap((parts) => Object.keys(parts)))];
const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

const compare = (one: readonly number[], other: readonly number[]) =>
  one.map((place, index) => place - (other[index] ?? 0)).find((difference) => difference !== 0) ?? 0;

const partsOf = (scales: readonly Scale[]): fc.Arbitrary<Entry> =>
  fc
    .tuple(...scales.map((scale) => fc.constantFrom(...scale.flat())))
    .map((parts) => Object.assign({}, ...parts.toReversed()) as Entry);

describe.each([NAME, ADDRESS, PHONE, EMAIL])("of several complete entries for $field", (preferences) => {
  const { element, field, scales, entry, sent } = preferences;

  it("the one is chosen that the rules prefer, and of equals the first, with a warning", () => {
    fc.assert(
      fc.property(fc.array(partsOf(scales), { minLength: 2, maxLength: 4 }), (several) => {
        const entries = several.map((parts, index) => ({ ...parts, ...entry(index) }));
        const places = several.map((parts) => placesOf(parts, scales));
        const best = places.reduce((winner, own, index) => (compare(own, places[winner]!) < 0 ? index : winner), 0);
        const equals = places.flatMap((own, index) =>
          index !== best && compare(own, places[best]!) === 0 ? [`Patient.${element}[${index}]`] : [],
        );

        const { demographics, report } = patientToParticle({ ...HENRICK, [element]: entries } as Patient, {
          today: TODAY,
        });
        expect(demographics?.[field]).toBe(sent(best));
        expect(report.warnings.map(({ expression }) => expression)).toEqual(equals);
        const rivals = report.fields.find((fed) => fed.field === field)?.rivals ?? [];
        expect(rivals.map(({ expression }) => expression)).toEqual(
          several.flatMap((_, index) => (index === best ? [] : [`Patient.${element}[${index}]`])),
        );
      }),
      { numRuns: 200 },
    );
  });
});
