import type { CapabilityStatement, CapabilityStatementRestResource } from "fhir/r4";

/** What the statement says of the server, beside what follows from its routes. */
export type Capabilities = {
  readonly base: string;
  /** Interactions of http://hl7.org/fhir/R4/valueset-type-restful-interaction.html on Patient. */
  readonly interactions: readonly string[];
  readonly searchParameters: readonly ("_id" | "identifier")[];
};

/** Changes when what the statement says changes. */
const DATE = "2026-11-22";

const SEARCH_PARAMETERS = {
  _id: {
    name: "_id",
    type: "token",
    definition: "http://hl7.org/fhir/SearchParameter/Resource-id",
  },
  identifier: {
    name: "identifier",
    type: "token",
    definition: "http://hl7.org/fhir/SearchParameter/Patient-identifier",
    documentation:
      "system|value, |value or value; write the bar as %7C. Social security numbers cannot be searched by: none is kept.",
  },
} as const;

/** http://hl7.org/fhir/R4/capabilitystatement.html */
export function capabilityStatement({ base, interactions, searchParameters }: Capabilities): CapabilityStatement {
  const codes = [...new Set(interactions)] as NonNullable<
    CapabilityStatementRestResource["interaction"]
  >[number]["code"][];
  return {
    resourceType: "CapabilityStatement",
    status: "active",
    date: DATE,
    kind: "instance",
    software: { name: "FHIR to Particle adapter" },
    implementation: { description: "Registers FHIR Patients with Particle Health's Patients API", url: base },
    fhirVersion: "4.0.1",
    format: ["application/fhir+json", "application/json"],
    patchFormat: ["application/json-patch+json"],
    rest: [
      {
        mode: "server",
        resource: [
          {
            type: "Patient",
            profile: "http://hl7.org/fhir/StructureDefinition/Patient",
            documentation:
              "Particle holds the demographics; this server answers what Particle holds. Deleting a Patient makes Particle drop its documents.",
            interaction: codes.map((code) => ({ code })),
            versioning: "versioned-update",
            readHistory: false,
            updateCreate: true,
            conditionalCreate: true,
            conditionalRead: "not-match",
            conditionalUpdate: true,
            conditionalDelete: "single",
            searchParam: searchParameters.map((name) => ({ ...SEARCH_PARAMETERS[name] })),
          },
        ],
      },
    ],
  };
}
