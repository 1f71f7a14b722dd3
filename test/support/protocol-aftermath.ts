import { deletePatient } from "../../shared/registration/delete-patient.ts";
import type { KeyedHash } from "../../shared/registration/keyed-hash.ts";
import { updatePatient } from "../../shared/registration/update-patient.ts";
import { answerOf, unexpected } from "./protocol-answers.ts";
import type { ProtocolRequest } from "./protocol-requests.ts";
import { type Harness, henrick, MRN, RETRY_WINDOW_MS } from "./registration-harness.ts";
import { discrepancies, type Expectations, type World } from "./registration-invariants.ts";

export type Later = "retries" | "retries-after-the-window" | "updates";

export const worldOf = ({ store: { contents }, particle, now }: Harness, keyedHash: KeyedHash): World => ({
  mappings: contents.mappings.values(),
  claims: contents.claims.values(),
  index: [...contents.index].flatMap(([key, ids]) =>
    [...ids].map(([id, expiresAt]) => ({ key, id, ...(expiresAt !== undefined && { expiresAt }) })),
  ),
  transactions: contents.transactions.values(),
  reverse: [...contents.reverse].map(([patient_id, entry]) => ({ patient_id, ...entry })),
  particle: [...particle.held].map(([patient_id, { demographics }]) => ({ patient_id, demographics })),
  keyedHash,
  now: now(),
});

/** Nothing of what happened may stand in the way of what is asked later. */
export async function lifeGoesOn(
  harness: Harness,
  hash: KeyedHash,
  requests: readonly ProtocolRequest[],
  later: Later,
  expectations: Expectations,
): Promise<string[]> {
  const faults: string[] = [];
  const check = (after: string) =>
    faults.push(...discrepancies(worldOf(harness, hash), expectations).map((fault) => `After ${after}: ${fault}`));
  const { mappings } = harness.store.contents;
  if (later === "retries-after-the-window") {
    harness.pass(RETRY_WINDOW_MS + 2_000);
    harness.store.collectGarbage(harness.now());
    check("the window");
  }
  if (later !== "updates") {
    for (const request of requests) {
      const answer = await answerOf(request.run(harness, harness.task()));
      faults.push(...unexpected(harness, `The later ${request.does}`, request, answer));
      check(`the later ${request.does}`);
    }
  }
  for (const { id, patient_id, identifiers } of [...mappings.values()]) {
    const own = { system: MRN.system, value: harness.settings.patientIdSystem ? patient_id : `MRN-OF-${id}` };
    const identifier = identifiers.map(({ system, value }) => ({ ...(system !== undefined && { system }), value }));
    const patient = henrick({ id, telecom: [], identifier: identifier.length > 0 ? identifier : [own] });
    const request: ProtocolRequest = {
      does: "update",
      run: (registration, task) => updatePatient(registration, { id, patient, overlayReason: "correction" }, task),
    };
    const answer = await answerOf(request.run(harness, harness.task()));
    if ("error" in answer) {
      faults.push(`A later update of ${id} was answered ${JSON.stringify(answer.error.failure)}.`);
    }
    check(`a later update of ${id}`);
  }
  for (const id of [...mappings.keys()]) {
    await deletePatient(harness, { id }, harness.task());
    check(`a later deletion of ${id}`);
  }
  if (harness.particle.held.size > 0) {
    faults.push(`Particle holds ${harness.particle.held.size} patients after every patient was deleted.`);
  }
  for (const request of requests.filter(({ does }) => does === "create")) {
    const answer = await answerOf(request.run(harness, harness.task()));
    faults.push(...unexpected(harness, "A create after the deletion", request, answer));
    check("a create after the deletion");
  }
  return faults;
}
