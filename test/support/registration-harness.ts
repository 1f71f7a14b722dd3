import type { Patient } from "fhir/r4";
import { createKeyedHash, type KeyedHash } from "../../shared/registration/keyed-hash.ts";
import type { Decision, Registration, Task } from "../../shared/registration/registration.ts";
import { createFakeParticleGateway, type FakeParticleGateway } from "./fake-particle-gateway.ts";
import { createMemoryMappingStore, type MemoryMappingStore } from "./memory-mapping-store.ts";

export const SETTLE_MS = 60_000;
export const RETRY_WINDOW_MS = 24 * 60 * 60 * 1_000;

export const SYSTEMS = {
  patient_id: "https://particlehealth.com/fhir/sid/patient_id",
  particle_patient_id: "https://particlehealth.com/fhir/sid/particle_patient_id",
} as const;

const testKeyedHash = (): KeyedHash =>
  createKeyedHash({ current: "k1", keys: new Map([["k1", "a key of the tests"]]) });

export type Harness = Registration & {
  readonly store: MemoryMappingStore;
  readonly particle: FakeParticleGateway;
  /** What was decided, oldest first. */
  readonly decisions: Decision[];
  /** Moves the clock on. */
  pass(ms: number): void;
  /** A request that begins now. */
  task(): Task;
};

/** The use cases over a store and a Particle in memory, with a clock that stands until it is moved. */
export function createHarness(settings: Partial<Registration["settings"]> = {}): Harness {
  let now = Date.parse("2026-11-22T12:00:00Z");
  let ids = 0;
  const hash = testKeyedHash();
  const clock = () => now;
  const decisions: Decision[] = [];
  return {
    store: createMemoryMappingStore(),
    particle: createFakeParticleGateway({ now: clock }),
    keyedHash: async () => hash,
    now: clock,
    decisions,
    decided: (decision) => void decisions.push(decision),
    newId: () => {
      ids += 1;
      return `00000000-0000-4000-8000-${String(ids).padStart(12, "0")}`;
    },
    settings: {
      settleMs: SETTLE_MS,
      retryWindowMs: RETRY_WINDOW_MS,
      systems: SYSTEMS,
      uniqueIdentifierSystems: [],
      replacedPatients: "keep",
      ...settings,
    },
    pass: (ms) => {
      now += ms;
    },
    task: () => ({ owner: "request", deadline: now + 20_000 }),
  };
}

/** The person of the vendor's documentation, as a FHIR Patient. */
export const henrick = (changes: Partial<Patient> = {}): Patient => ({
  resourceType: "Patient",
  identifier: [{ system: "https://hospital.example/mrn", value: "MRN-1" }],
  name: [{ use: "official", family: "Testingson", given: ["Henrick"] }],
  gender: "male",
  birthDate: "1957-03-23",
  telecom: [
    { system: "phone", value: "123-456-7890" },
    { system: "email", value: "henrick@testingson.example" },
  ],
  address: [{ line: ["123 Mulberry Court"], city: "Roxbury", state: "MA", postalCode: "12345" }],
  ...changes,
});

/** The same with the SSN of the vendor's documentation. */
export const henrickWithSsn = (changes: Partial<Patient> = {}): Patient =>
  henrick({
    identifier: [
      { system: "https://hospital.example/mrn", value: "MRN-1" },
      { system: "http://hl7.org/fhir/sid/us-ssn", value: "123-45-6789" },
    ],
    ...changes,
  });

export const MRN = { system: "https://hospital.example/mrn", value: "MRN-1" } as const;

/** Particle did it, but nobody heard so. */
export const LOST_REPLY = {
  failure: { kind: "particle-unavailable", retryAfterSeconds: 10 },
  outcomeUnknown: true,
  carriedOut: true,
} as const;

/** Particle did not get it, but nobody knows. */
export const LOST_REQUEST = { ...LOST_REPLY, carriedOut: false } as const;

export const REFUSED = {
  failure: { kind: "particle-rejected", refused: "demographics", words: "postal_code" },
} as const;
