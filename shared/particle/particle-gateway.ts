import type { Demographics, EchoedDemographics } from "../mapping/demographics.ts";

/** A patient as Particle answers it: absent and empty optional fields are both left out. */
export type ParticlePatient = {
  readonly patient_id: string;
  /** Particle's own id; documented since v1.3, so it may be missing. */
  readonly particle_patient_id?: string;
  /** Only of a write, as {@link Written} says. */
  readonly unsettled?: true;
  /** As Particle writes them: a telephone may come back as `(234) 567-8910`, a gender in another case. */
  readonly demographics: EchoedDemographics;
};

/** A write that succeeded. */
export type Written = {
  /** An earlier attempt of the same call ended unknown, and may still arrive at Particle. */
  readonly unsettled?: true;
};

export type ParticleCall = {
  /** Epoch milliseconds after which nothing is sent any more and whatever runs is aborted. */
  readonly deadline: number;
};

export type PatientIdPage = {
  /** Without repetitions within the page. */
  readonly patient_ids: readonly string[];
  /** Names the page after this one; absent on the last. */
  readonly continuation_token?: string;
};

/**
 * Particle's Patients API as this adapter needs it. Every method throws `AdapterError` with one of the failures
 * `particle-rejected`, `particle-overlay`, `particle-throttled`, `particle-unintelligible`, `particle-unavailable`,
 * `particle-refuses-token` or `outcome-unknown`, or `store-unavailable` when the token cannot be read; its
 * `outcomeUnknown` is true when an attempt of a write may have been carried out although no later attempt was seen to
 * succeed.
 */
export interface ParticleGateway {
  /** Creates or replaces the whole record under `patient_id`; answers what Particle holds now. */
  putPatient(patient_id: string, demographics: Demographics, call: ParticleCall): Promise<ParticlePatient>;
  /** Answers undefined when Particle holds nothing under `patient_id`. */
  getPatient(patient_id: string, call: ParticleCall): Promise<ParticlePatient | undefined>;
  /** A patient that Particle does not hold counts as deleted. */
  deletePatient(patient_id: string, call: ParticleCall): Promise<Written>;
  /**
   * The pages of Particle's list from `continuation_token` on (from the start without one), each fetched when it is
   * asked for. Ends after a page without a token, or with a token that was seen before.
   */
  listPatientIds(continuation_token: string | undefined, call: ParticleCall): AsyncIterable<PatientIdPage>;
}
