import type { ParticleIdSystems } from "../mapping/source-identifiers.ts";
import type { ParticleGateway } from "../particle/particle-gateway.ts";
import type { MappingStore, OperationKind, OperationResult } from "../store/mapping-store.ts";
import type { KeyedHash } from "./keyed-hash.ts";

/** What the use cases need. */
export type Registration = {
  readonly store: MappingStore;
  readonly particle: ParticleGateway;
  readonly keyedHash: () => Promise<KeyedHash>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A fresh UUID. */
  readonly newId: () => string;
  /** Told of each operation that was not ended by the request that began it. */
  readonly decided: (decision: Decision) => void;
  readonly settings: {
    /** Milliseconds after an operation's deadline during which an old request may still land at Particle. */
    readonly settleMs: number;
    /** Milliseconds during which identical content is taken for a retry; 0 = never. */
    readonly retryWindowMs: number;
    readonly systems: ParticleIdSystems;
    /** Systems in which an identifier belongs to one patient. */
    readonly uniqueIdentifierSystems: readonly string[];
    /** System whose one identifier of a patient is its patient_id; a fresh UUID without. */
    readonly patientIdSystem?: string;
    /** What becomes of a patient at Particle that turned out to be a duplicate. */
    readonly replacedPatients: "keep" | "delete";
  };
};

/** What became of an operation of unknown outcome, or of the registration of a patient whose transaction failed. */
export type Decision = {
  /** FHIR id of the patient. */
  readonly id: string;
  readonly kind: OperationKind;
  /** The request that began it. */
  readonly owner: string;
  readonly verdict: OperationResult | "undone";
};

/** What only reads need. */
export type Reading = Pick<Registration, "store" | "particle" | "now"> & {
  readonly settings: Pick<Registration["settings"], "systems">;
};

/** What decides about the content of a Patient, without a look at what is registered. */
export type ContentRules = Pick<Registration, "now"> & {
  readonly settings: Pick<Registration["settings"], "systems" | "patientIdSystem">;
};

/** One request's share of time and its name. */
export type Task = {
  /** Names the request in the operation that it begins; holds no patient data. */
  readonly owner: string;
  /** Epoch milliseconds after which nothing is sent to Particle any more. */
  readonly deadline: number;
};
