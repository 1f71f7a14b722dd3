import fc from "fast-check";
import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { patientToParticle } from "../../../shared/mapping/patient-to-particle.ts";
import { reportIssues } from "../../../shared/mapping/report-issues.ts";
import { unusedLeaves } from "../../../shared/mapping/unused-leaves.ts";
import { validPatient } from "../../support/patient-arbitrary.ts";
import { HENRICK, registrablePatients, TODAY } from "./made-up-patients.ts";

function issuesOf(patient: Patient) {
  const { demographics, report } = patientToParticle(patient, { today: TODAY });
  return reportIssues({ ...report, patient, demographics: demographics! });
}

const expressionsOf = (issue: ReturnType<typeof issuesOf>[number]): readonly string[] =>
  "expressions" in issue ? issue.expressions : [issue.expression ?? ""];

describe("the report as issues", () => {
  it("names what each field is made of, what lost, and what fed nothing", () => {
    const issues = issuesOf({
      resourceType: "Patient",
      name: [
        { use: "old", family: "Testing" },
        { use: "official", family: " Testingson", given: ["Henrick", "James"] },
      ],
      gender: "male",
      birthDate: "1957-03-23",
      address: [{ line: ["123 Mulberry Court", "2"], city: "Roxbury", state: "MA", postalCode: "12345-6789" }],
      telecom: [
        { system: "phone", value: "123-456-7890" },
        { system: "phone", value: "234-567-8910" },
      ],
    });
    expect(issues.map((issue) => `${issue.severity} ${expressionsOf(issue).join(" ")}: ${issue.diagnostics}`)).toEqual([
      "warning Patient.telecom[1]: Nothing prefers Patient.telecom[0] to Patient.telecom[1], and they differ: the first was used. Mark the one that counts, by its use, rank or period, or leave the other out.",
      "information Patient: By the weights of the HL7 guide for patient matching, what identifies this person weighs 10, which is enough for its highest level of demographics, L1.",
      "information Patient.name[1].given[0]: given_name is made of Patient.name[1].given[0] (rule name; as it is).",
      "information Patient.name[1].family: family_name is made of Patient.name[1].family (rule name; blanks-trimmed).",
      "information Patient.birthDate: date_of_birth is made of Patient.birthDate (rule patient; as it is).",
      "information Patient.gender: gender is made of Patient.gender (rule patient; letter-case-changed).",
      "information Patient.address[0].postalCode: postal_code is made of Patient.address[0].postalCode (rule address; plus-four-dropped).",
      "information Patient.address[0].city: address_city is made of Patient.address[0].city (rule address; as it is).",
      "information Patient.address[0].state: address_state is made of Patient.address[0].state (rule address; as it is).",
      "information Patient.address[0].line[0] Patient.address[0].line[1]: address_lines is made of 2 elements (rule address; as it is).",
      "information Patient.telecom[0].value: telephone is made of Patient.telecom[0].value (rule phone; as it is).",
      "information Patient.name[0]: Not used by the rule name (old), because the use of the entry is old or maiden.",
      "information Patient.telecom[1]: Not used by the rule phone (tie-decided-by-order), because nothing prefers either to the other, and the first in the order of the Patient is used.",
      "information Patient.name[0].use Patient.name[0].family: Fed no field of Particle (old), because the use of the entry is old or maiden.",
      "information Patient.name[1].use Patient.telecom[0].system: Fed no field of Particle (decided-only), because it decided what is used, or whether the Patient can be registered, and is not carried itself.",
      "information Patient.name[1].given[1]: Fed no field of Particle (middle-name), because Particle holds the first given name only.",
      "information Patient.telecom[1].system Patient.telecom[1].value: Fed no field of Particle (tie-decided-by-order), because nothing prefers either to the other, and the first in the order of the Patient is used.",
    ]);
  });

  it("names every source and every leaf that fed nothing, each once", () => {
    fc.assert(
      fc.property(registrablePatients, (patient) => {
        const result = patientToParticle(patient, { today: TODAY });
        const leaves = unusedLeaves(patient, result).map(({ expression }) => expression);
        const sources = result.report.fields.flatMap((field) => field.sources);
        const named = issuesOf(patient)
          .filter(({ diagnostics }) => / is made of |^Fed no field/.test(diagnostics))
          .flatMap(expressionsOf);
        expect(named.sort()).toEqual([...leaves, ...sources].sort());
      }),
      { numRuns: 100 },
    );
  });

  it("holds no value of the Patient", () => {
    fc.assert(
      fc.property(validPatient, (others) => {
        const { name, address, telecom, birthDate, gender, ...more } = marked(others) as Record<string, unknown>;
        const entries = (own: unknown, list: unknown) => [...[own].flat(), ...(Array.isArray(list) ? list : [])];
        const patient = {
          ...more,
          name: entries({ use: "official", family: "zqfamily ", given: ["zqgiven", "zqmiddle"] }, name),
          address: entries({ ...HENRICK.address![0], line: ["zqline"], city: "zqcity" }, address),
          telecom: entries(HENRICK.telecom, telecom),
          identifier: entries(HENRICK.identifier, more["identifier"]),
          birthDate: HENRICK.birthDate,
          gender: HENRICK.gender,
          active: true,
          link: [],
          implicitRules: undefined,
          modifierExtension: undefined,
          contact: undefined,
          communication: undefined,
        } as unknown as Patient;
        const said = JSON.stringify(issuesOf(patient));
        expect(said).toContain("family_name is made of");
        expect(said).not.toMatch(/zq|Mulberry|Roxbury|1957|03-23|6789|7890|henrick@|"MA"|12345/);
      }),
      { numRuns: 40 },
    );
  });

  it("does not repeat the name of a property, which may be somebody's", () => {
    const odd = { "Ann Testingson": { x: 1 }, photo: [{ "a.b c": 1, AnnTestingson: 2, Ann: { Testingson: 3 } }] };
    const issues = issuesOf({ ...HENRICK, ...odd } as unknown as Patient);
    const notCarried = issues.find(({ diagnostics }) => diagnostics.includes("(not-carried)"))!;
    expect(expressionsOf(notCarried)).toEqual([
      "Patient.children()[7].children()[0]",
      "Patient.photo[0].children()[0]",
      "Patient.photo[0].children()[1]",
      "Patient.photo[0].children()[2].children()[0]",
    ]);
    expect(JSON.stringify(issues)).not.toMatch(/Ann/);
  });
});

/** Strings that decide nothing about whether the Patient is mapped, replaced by markers. */
function marked(value: unknown, key = ""): unknown {
  if (typeof value === "string") {
    return ["system", "use", "url", "resourceType", "start", "end"].includes(key) ? value : "zqvalue";
  }
  if (Array.isArray(value)) {
    return value.map((entry) => marked(entry, key));
  }
  return value !== null && typeof value === "object"
    ? Object.fromEntries(Object.entries(value).map(([name, part]) => [name, marked(part, name)]))
    : value;
}
