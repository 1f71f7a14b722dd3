import type { OperationDefinition, OperationDefinitionParameter } from "fhir/r4";
import { TO_PARTICLE_URL } from "../../shared/fhir/capability-statement.ts";
import { DEMOGRAPHIC_RULES } from "../../shared/mapping/demographic-rules.ts";
import { LOST_BECAUSE, UNUSED_BECAUSE } from "../../shared/mapping/unused-reasons.ts";
import type { ForeseenAction, ForeseenChange } from "../../shared/registration/foresee-update.ts";
import { NORMALISATIONS } from "./mapping-docs.ts";

/** What the update that was asked about would be answered. */
export const ACTIONS: Readonly<Record<ForeseenAction, string>> = {
  refuse: "400 or 422: the issues of `outcome` say why",
  create: "201: nobody is registered under the id",
  revive: "201: the patient was deleted",
  nothing: "200 with the same version: this is what is registered",
  update: "200 with a new version; `changed-field` says what differs",
  replace:
    "200: the patient is marked as replaced by the one of the link, if that one is registered; nothing else of it is looked at",
  "overlay-suspected": "409, unless `Overlay-Reason` is given; `changed-field` names the identity fields that change",
  "in-flight": "409 with `Retry-After` at first; what comes then depends on how an operation that is open ends",
};

const CHANGES: Readonly<Record<ForeseenChange, string>> = {
  family_name: "an identity field",
  given_name: "an identity field",
  date_of_birth: "an identity field",
  gender: "an identity field",
  ssn: "an identity field",
  identifier: "the identifiers that are recorded here",
  other: "the remaining fields, or letter case; told only where no other identity field than the SSN changes",
  unknown: "Particle holds what was not sent from here, so anything may differ",
};

type Parameter = Omit<OperationDefinitionParameter, "use" | "min" | "max"> & { readonly cardinality: string };

const parameter =
  (use: "in" | "out") =>
  ({ cardinality, name, part, ...rest }: Parameter): OperationDefinitionParameter => {
    const [min = "", max = ""] = cardinality.split("..");
    return { name, use, min: Number(min), max, ...rest, ...(part && { part }) };
  };

const input = parameter("in");
const output = parameter("out");

const codes = (record: Readonly<Record<string, string>>): string => `One of ${Object.keys(record).join(", ")}.`;

const code = (name: string, cardinality: string, documentation: string) =>
  output({ name, cardinality, documentation, type: "code" });
const text = (name: string, cardinality: string, documentation: string) =>
  output({ name, cardinality, documentation, type: "string" });

/** http://hl7.org/fhir/R4/operationdefinition.html */
export const toParticleDefinition: OperationDefinition = {
  resourceType: "OperationDefinition",
  id: "Patient-to-particle",
  url: TO_PARTICLE_URL,
  name: "ToParticle",
  title: "What a Patient would be at Particle",
  status: "active",
  kind: "operation",
  date: "2026-11-22",
  description:
    "Maps a Patient to Particle's demographics without sending or storing anything, and says of every element what became of it. The answer is 200 also where the Patient cannot be registered; its outcome says why.",
  affectsState: false,
  code: "to-particle",
  resource: ["Patient"],
  system: false,
  type: true,
  instance: false,
  parameter: [
    input({
      name: "resource",
      cardinality: "1..1",
      type: "Patient",
      documentation: "The Patient; alone, it may be the body.",
    }),
    input({
      name: "patient",
      cardinality: "0..1",
      type: "id",
      documentation: "Also say what an update of the Patient with this id would do. May be in the query.",
    }),
    output({
      name: "demographics",
      cardinality: "0..1",
      documentation: "What Particle would be sent, unless the Patient cannot be mapped. Digits of an SSN are masked.",
      part: DEMOGRAPHIC_RULES.map(({ field, need }) =>
        output({
          name: field,
          cardinality: `${need === "required" ? 1 : 0}..${field === "address_lines" ? "*" : 1}`,
          type: field === "date_of_birth" ? "date" : "string",
        }),
      ),
    }),
    output({
      name: "update",
      cardinality: "0..1",
      documentation: "What an update would do; where the parameter patient was given.",
      part: [code("action", "1..1", codes(ACTIONS)), code("changed-field", "0..*", codes(CHANGES))],
    }),
    output({
      name: "outcome",
      cardinality: "1..1",
      type: "OperationOutcome",
      documentation: "Every fault that stands in the way of a registration, and what a sender should know.",
    }),
    output({
      name: "field",
      cardinality: "0..*",
      documentation: "How one field of Particle came about; one for each field, unless the Patient breaks R4.",
      part: [
        code("field", "1..1", "By Particle's name."),
        code("rule", "1..1", "The rule that chose the entry."),
        text("source", "0..*", "FHIRPath of each element that feeds it; none where nothing does."),
        output({
          name: "normalisation",
          cardinality: "0..*",
          documentation:
            "One step of what was done to the value, in order. Over 1,000 characters, texts end with an ellipsis.",
          part: [
            code("kind", "1..1", codes(NORMALISATIONS)),
            text("before", "1..1", "Digits of an SSN are masked."),
            text("after", "1..1", "Digits of an SSN are masked."),
          ],
        }),
        output({
          name: "rival",
          cardinality: "0..*",
          documentation: "What could have fed it and did not.",
          part: [text("expression", "1..1", "FHIRPath of the entry."), code("reason", "1..1", codes(LOST_BECAUSE))],
        }),
      ],
    }),
    output({
      name: "unused",
      cardinality: "0..*",
      documentation: "A leaf of the Patient that fed no field.",
      part: [
        text(
          "expression",
          "1..1",
          "FHIRPath of the leaf. A property whose name R4 does not know is counted: Patient.children()[3].",
        ),
        code("reason", "1..1", codes(UNUSED_BECAUSE)),
      ],
    }),
    output({
      name: "left-out",
      cardinality: "0..1",
      type: "integer",
      documentation:
        "How many sources, normalisations, rivals and unused leaves are not listed, for the answer would become too large.",
    }),
  ],
};
