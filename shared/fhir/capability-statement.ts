import type {
  CapabilityStatement,
  CapabilityStatementRestResource,
  CapabilityStatementRestResourceOperation,
  CapabilityStatementRestSecurity,
} from "fhir/r4";
import { SEARCH_PARAMETERS } from "./search-parameters.ts";

/** One thing that the server does, as its route table says. */
export type Capability = { readonly path: string; readonly interaction: string };

/** Changes when what the statement says changes. */
const DATE = "2026-11-22";

/** Canonical URL of the OperationDefinition of $to-particle, which the documentation holds. */
export const TO_PARTICLE_URL = "urn:uuid:d3c9f7a4-52e1-4c0b-9a5e-6b1f0c8e7d21";

/** Operations by the code in their path: what they are, and what this server does not do of it. */
const OPERATIONS: Readonly<Record<string, Omit<CapabilityStatementRestResourceOperation, "name">>> = {
  validate: {
    definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
    documentation:
      "Structure, and whether Particle can hold the Patient. Nothing is sent or stored. No profile but the base one.",
  },
  "to-particle": {
    definition: TO_PARTICLE_URL,
    documentation:
      "What Particle's demographics would be, what each field is made of, and what becomes of every other element; with the parameter patient, what an update of that Patient would do. On the type only. Nothing is sent or stored.",
  },
};

type InteractionCode = NonNullable<CapabilityStatementRestResource["interaction"]>[number]["code"];

const unique = <Value>(values: readonly Value[]): Value[] => [...new Set(values)];

/** A Bundle says itself which of the two it is. */
const OF_BUNDLES = [{ code: "batch" }, { code: "transaction" }] as const;

const isOfPatient = ({ path }: Capability): boolean => path.startsWith("/Patient");

const SIGNED: CapabilityStatementRestSecurity = {
  description: "Requests are signed with AWS Signature Version 4 (service execute-api) by an IAM principal.",
};

/** https://hl7.org/fhir/smart-app-launch/1.0.0/conformance/index.html: clients of SMART 1 look here for the endpoint. */
const byToken = (tokenEndpoint: string): CapabilityStatementRestSecurity => ({
  extension: [
    {
      url: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
      extension: [{ url: "token", valueUri: tokenEndpoint }],
    },
  ],
  service: [
    {
      coding: [{ system: "http://terminology.hl7.org/CodeSystem/restful-security-service", code: "SMART-on-FHIR" }],
      text: "SMART backend services",
    },
  ],
  description:
    "Requests carry an access token, whose system/ scopes say what they may do. See /.well-known/smart-configuration.",
});

/**
 * http://hl7.org/fhir/R4/capabilitystatement.html, of what the routes say and of the search parameters.
 *
 * @param tokenEndpoint where clients get a token; undefined where they sign with IAM credentials
 */
export function capabilityStatement(
  base: string,
  capabilities: readonly Capability[],
  tokenEndpoint?: string,
): CapabilityStatement {
  const codes = unique(capabilities.filter(isOfPatient).map(({ interaction }) => interaction));
  const operations = Object.entries(OPERATIONS)
    .filter(([name]) => codes.includes(`$${name}`))
    .map(([name, said]) => ({ name, ...said }));
  const interactions = codes.filter((code) => !code.startsWith("$")) as InteractionCode[];
  return {
    resourceType: "CapabilityStatement",
    status: "active",
    date: DATE,
    kind: "instance",
    software: { name: "FHIR to Particle adapter" },
    implementation: { description: "Registers FHIR Patients with Particle Health's Patients API", url: base },
    fhirVersion: "4.0.1",
    format: ["application/fhir+json", "application/json", "json"],
    patchFormat: ["application/json-patch+json"],
    rest: [
      {
        mode: "server",
        security: tokenEndpoint === undefined ? SIGNED : byToken(tokenEndpoint),
        resource: [
          {
            type: "Patient",
            profile: "http://hl7.org/fhir/StructureDefinition/Patient",
            documentation:
              "Particle holds the demographics; this server answers what Particle holds. Deleting a Patient makes Particle drop its documents. Only the current version can be read.",
            interaction: interactions.map((code) => ({ code })),
            versioning: "versioned",
            readHistory: false,
            updateCreate: true,
            conditionalCreate: true,
            conditionalRead: "not-match",
            conditionalUpdate: true,
            conditionalDelete: "single",
            searchParam: Object.entries(SEARCH_PARAMETERS).map(([name, said]) => ({ name, ...said })),
            operation: operations,
          },
        ],
        ...(capabilities.some(({ interaction }) => interaction === "transaction") && { interaction: [...OF_BUNDLES] }),
      },
    ],
  };
}
