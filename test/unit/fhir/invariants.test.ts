import { describe, expect, it } from "vitest";
import { validatePatient } from "../../../shared/fhir/validate-patient.ts";

type Json = Record<string, unknown>;

const ucum = "http://unitsofmeasure.org";
/** The keys of the invariants that the value of an extension breaks. */
const broken = (type: string, value: Json) =>
  validatePatient({ resourceType: "Patient", extension: [{ url: "a", [`value${type}`]: value }] }).map((fault) => {
    expect(fault.expression).toMatch(/^Patient\.extension\[0\]\.value/);
    return /\((\w+-\d+)\)$/.exec(fault.diagnostics)?.[1];
  });
const timing = (repeat: Json) => ({ repeat });
const trigger = (value: Json) => ({ type: "named-event", name: "a", ...value });
const requirement = (value: Json) => ({ type: "Patient", ...value });
const date = (start: string, end: string) => ({ start, end });

describe("invariants", () => {
  it.each<[key: string, type: string, bad: Json, good: Json]>([
    ["age-1", "Age", { value: 0, system: ucum, code: "a" }, { value: 1, system: ucum, code: "a" }],
    ["age-1", "Age", { value: 1 }, { value: 1, code: "a", system: ucum }],
    [
      "age-1",
      "Age",
      { value: 1, code: "a", system: "http://example.org" },
      { extension: [{ url: "a", valueCode: "b" }] },
    ],
    ["att-1", "Attachment", { data: "AAAA" }, { data: "AAAA", contentType: "text/plain" }],
    ["cnt-3", "Count", { value: 1.5, code: "1", system: ucum }, { value: 2, code: "1", system: ucum }],
    ["cnt-3", "Count", { value: 1, code: "2", system: ucum }, { code: "1", system: ucum }],
    ["cpt-2", "ContactPoint", { value: "a" }, { value: "a", system: "url" }],
    ["cpt-2", "ContactPoint", { value: "a" }, { use: "home" }],
    ["dis-1", "Distance", { value: 1 }, { value: 1, code: "m", system: ucum }],
    [
      "drq-1",
      "DataRequirement",
      requirement({ codeFilter: [{ path: "a", searchParam: "b" }] }),
      requirement({ codeFilter: [{ path: "a" }] }),
    ],
    [
      "drq-2",
      "DataRequirement",
      requirement({ dateFilter: [{ valueDateTime: "2020" }] }),
      requirement({ dateFilter: [{ searchParam: "a" }] }),
    ],
    ["drt-1", "Duration", { code: "s", system: ucum }, { code: "s", system: ucum, value: 1 }],
    ["exp-1", "Expression", { language: "text/cql" }, { language: "text/cql", reference: "http://a" }],
    ["per-1", "Period", date("2020-02-01", "2020-01-31"), date("2020-01-31", "2020-01-31")],
    ["per-1", "Period", date("2020-02-01", "2020-01"), date("2020-01-31", "2020-01")],
    ["per-1", "Period", date("2021", "2020-12-31"), date("2020", "2020-12-31")],
    [
      "per-1",
      "Period",
      date("2020-01-01T10:00:00Z", "2020-01-01T10:30:00+01:00"),
      date("2020-01-01T10:00:00+01:00", "2020-01-01T09:30:00Z"),
    ],
    ["per-1", "Period", date("2020-01-03", "2020-01-01T00:00:00Z"), date("2020-01-01", "2020-01-01T00:00:00Z")],
    ["per-1", "Period", date("2020-03-01T00:00:00Z", "2020-01"), date("2020-01-31T23:00:00-05:00", "2020-01")],
    ["per-1", "Period", date("2021-03-01T00:00:00Z", "2020"), date("2020-12-31T23:00:00-05:00", "2020")],
    ["qty-3", "Quantity", { code: "a" }, { code: "a", system: ucum }],
    ["rat-1", "Ratio", { numerator: { value: 1 } }, { numerator: { value: 1 }, denominator: { value: 2 } }],
    ["ref-1", "Reference", { reference: "#a" }, { reference: "Patient/a" }],
    [
      "rng-2",
      "Range",
      { low: { value: 2 }, high: { value: 1 } },
      { low: { value: 2, unit: "mg" }, high: { value: 1, unit: "g" } },
    ],
    ["tim-1", "Timing", timing({ duration: 1 }), timing({ duration: 1, durationUnit: "s" })],
    ["tim-2", "Timing", timing({ period: 1 }), timing({ period: 1, periodUnit: "s" })],
    ["tim-4", "Timing", timing({ duration: -1, durationUnit: "s" }), timing({ duration: 0, durationUnit: "s" })],
    ["tim-5", "Timing", timing({ period: -1, periodUnit: "s" }), timing({ period: 0, periodUnit: "s" })],
    ["tim-6", "Timing", timing({ periodMax: 1 }), timing({ period: 1, periodMax: 1, periodUnit: "s" })],
    ["tim-7", "Timing", timing({ durationMax: 1 }), timing({ duration: 1, durationMax: 1, durationUnit: "s" })],
    ["tim-8", "Timing", timing({ countMax: 1 }), timing({ count: 1, countMax: 1 })],
    ["tim-9", "Timing", timing({ offset: 1 }), timing({ offset: 1, when: ["HS"] })],
    ["tim-9", "Timing", timing({ offset: 1, when: ["C"] }), timing({ when: ["C"] })],
    ["tim-10", "Timing", timing({ timeOfDay: ["10:00:00"], when: ["HS"] }), timing({ timeOfDay: ["10:00:00"] })],
    [
      "trd-1",
      "TriggerDefinition",
      trigger({ data: [{ type: "Patient" }], timingDate: "2020" }),
      trigger({ timingDate: "2020" }),
    ],
    [
      "trd-2",
      "TriggerDefinition",
      trigger({ condition: { language: "text/cql", expression: "a" } }),
      trigger({ data: [{ type: "Patient" }] }),
    ],
    ["trd-3", "TriggerDefinition", { type: "named-event" }, trigger({})],
    ["trd-3", "TriggerDefinition", { type: "periodic" }, { type: "periodic", timingDate: "2020" }],
    ["trd-3", "TriggerDefinition", { type: "data-added" }, { type: "data-added", data: [{ type: "Patient" }] }],
  ])("%s of %s", (key, type, bad, good) => {
    expect(broken(type, bad)).toEqual([key]);
    expect(broken(type, good)).toEqual([]);
  });

  it("a Period whose dates are malformed has only those faults", () => {
    expect(broken("Period", { start: "2020-02-30", end: "2019" })).toEqual([undefined]);
  });
  it("an element that is only extended counts as there", () => {
    const absent = { extension: [{ url: "a", valueCode: "unknown" }] };
    expect(broken("ContactPoint", { value: "a", _system: absent })).toEqual([]);
    expect(broken("ContactPoint", { _value: absent })).toEqual(["cpt-2"]);
  });
});
