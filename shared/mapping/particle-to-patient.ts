import type { Address, ContactPoint, HumanName, Identifier, Patient } from "fhir/r4";
import { fhirGender } from "./administrative-gender.ts";
import type { EchoedDemographics } from "./demographics.ts";
import { withoutOuterBlanks } from "./outer-blanks.ts";
import type { ParticleIdSystems, SourceIdentifier } from "./source-identifiers.ts";

const FULL_DATE = /^\d{4}-\d\d-\d\d$/;

/** A patient that Particle holds, with what the mapping knows about it. */
export type MappedPatient = {
  /** FHIR id. */
  readonly id: string;
  readonly versionId: string;
  /** FHIR instant. */
  readonly lastUpdated: string;
  readonly demographics: EchoedDemographics;
  /** The identifiers under which the sender knows the patient. */
  readonly identifiers: readonly SourceIdentifier[];
  readonly patient_id: string;
  readonly particle_patient_id?: string;
  readonly systems: ParticleIdSystems;
};

function identifiersOf({ identifiers, patient_id, particle_patient_id, systems }: MappedPatient): Identifier[] {
  return [
    ...identifiers.map(({ system, value, use, type }) => ({
      ...(use !== undefined && { use }),
      ...(type !== undefined && { type: { coding: type.coding.map((coding) => ({ ...coding })) } }),
      ...(system !== undefined && { system }),
      value,
    })),
    { system: systems.patient_id, value: patient_id },
    ...(particle_patient_id === undefined ? [] : [{ system: systems.particle_patient_id, value: particle_patient_id }]),
  ];
}

/** Particle answers an empty string for what it does not hold. */
function held(text: string | undefined): string | undefined {
  return withoutOuterBlanks(text ?? "") || undefined;
}

function nameOf({ family_name, given_name }: EchoedDemographics): HumanName[] {
  const family = held(family_name);
  const given = held(given_name);
  return family === undefined && given === undefined
    ? []
    : [{ use: "official", ...(family !== undefined && { family }), ...(given !== undefined && { given: [given] }) }];
}

function telecomOf({ telephone, email }: EchoedDemographics): ContactPoint[] {
  const systems = [
    ["phone", held(telephone)],
    ["email", held(email)],
  ] as const;
  return systems.flatMap(([system, value]) => (value === undefined ? [] : [{ system, value }]));
}

function addressOf({ address_lines, address_city, address_state, postal_code }: EchoedDemographics): Address[] {
  const line = (address_lines ?? []).flatMap((text) => held(text) ?? []);
  const city = held(address_city);
  const state = held(address_state);
  const postalCode = held(postal_code);
  const parts = {
    ...(line.length > 0 && { line }),
    ...(city !== undefined && { city }),
    ...(state !== undefined && { state }),
    ...(postalCode !== undefined && { postalCode }),
  };
  return Object.keys(parts).length === 0 ? [] : [{ use: "home", ...parts, country: "US" }];
}

/**
 * What Particle holds, as a FHIR Patient. Fields that Particle left empty, or filled with what has no place in valid
 * FHIR, are left out. The SSN is never answered.
 */
export function particleToPatient(mapped: MappedPatient): Patient {
  const { demographics } = mapped;
  const name = nameOf(demographics);
  const telecom = telecomOf(demographics);
  const address = addressOf(demographics);
  const gender = fhirGender(demographics.gender ?? "");
  const birthDate = held(demographics.date_of_birth);
  return {
    resourceType: "Patient",
    id: mapped.id,
    meta: { versionId: mapped.versionId, lastUpdated: mapped.lastUpdated },
    identifier: identifiersOf(mapped),
    ...(name.length > 0 && { name }),
    ...(telecom.length > 0 && { telecom }),
    ...(gender !== undefined && { gender }),
    ...(birthDate !== undefined && FULL_DATE.test(birthDate) && { birthDate }),
    ...(address.length > 0 && { address }),
  };
}
