import { AdapterError } from "../failure/failure.ts";
import { canonicalDemographics } from "../mapping/canonical-demographics.ts";
import type { Conflict, Content, Mapping, Transaction } from "../store/mapping-store.ts";
import { type ClaimIntent, claimsKept, claimWrites, heldClaims, isOnIdentifier, requireAffordable } from "./claims.ts";
import { contentOf, type Intent } from "./intent.ts";
import type { KeyedHash } from "./keyed-hash.ts";
import { type Called, carryOut, inFlight, newOperation } from "./operation.ts";
import type { Registered } from "./registered.ts";
import type { Registration, Task } from "./registration.ts";
import { NOTHING_TAKEN, type OpenMapping, opened } from "./transitions.ts";

/** Makes a create part of a transaction: it registers under an id of the record, and cannot begin any more without it. */
export type Member = { readonly id: string; readonly within: Pick<Transaction, "id" | "token"> };

/** The id of a new patient; a fresh one without. */
type Anew = Member | { readonly id: string } | undefined;

/**
 * One attempt to register under fresh ids, under the id of `prior`, or under those of an abandoned patient.
 *
 * @returns the conflict when nothing was begun.
 */
export async function beginCreate(
  registration: Registration,
  hash: KeyedHash,
  intent: Intent,
  claims: readonly ClaimIntent[],
  prior: Mapping | Anew,
  task: Task,
): Promise<Registered | { readonly conflict: Conflict }> {
  const { store, newId, now } = registration;
  const abandoned = prior && "state" in prior ? prior : undefined;
  const within = prior && "within" in prior ? prior.within : undefined;
  const ids = abandoned ?? {
    id: prior?.id ?? newId(),
    patient_id: intent.patient_id ?? newId(),
    ...(within && { transaction: within.id }),
  };
  requireAffordable(claims);
  const content = contentOf(registration, hash, intent, ids);
  const kept = abandoned ? await claimsToResume(registration, hash, abandoned, intent) : [];
  const held = heldClaims(claims, kept);
  const kind = intent.patient_id === undefined ? "create" : "adopt";
  const intended = { ...content, claims: held };
  const { sent: _, ...unsent } = intended;
  const next = opened(ids, kind, kind === "adopt" ? unsent : intended, newOperation(registration, task));
  const conflict = await store.begin({
    next,
    prior: abandoned,
    ...claimWrites([...claims, ...claimedAgain(held, claims)], ids.id),
    indexKeys: content.indexKeys,
    now: now(),
    ...(within && { within }),
  });
  if (conflict) {
    return { conflict };
  }
  const { mapping, patient } = await carryOut(registration, next, (deadline) =>
    kind === "adopt"
      ? adopt(registration, hash, next, intended, intent, deadline)
      : put(registration, next.patient_id, intent, deadline),
  );
  return {
    outcome: "created",
    mapping,
    report: intent.report,
    ...(patient && { demographics: patient.demographics }),
  };
}

/**
 * What an abandoned patient still holds and the request goes on with: claims on identifiers that the request brings, too.
 * What stands for a whole request would answer for content that was never registered. Only the table knows what it still
 * holds: some may have become others' since, when their time was over.
 */
async function claimsToResume(
  { store }: Registration,
  hash: KeyedHash,
  { id, claims }: Mapping,
  intent: Intent,
): Promise<string[]> {
  const onIdentifiers = claimsKept(hash, claims, intent.identifiers).filter(isOnIdentifier);
  return (await store.findClaims(onIdentifiers)).filter((claim) => claim.id === id).map(({ key }) => key);
}

/** Claims on identifiers got an expiry when the patient was abandoned; from now on they live as long as it does. */
const claimedAgain = (held: readonly string[], claims: readonly ClaimIntent[]): ClaimIntent[] =>
  held
    .filter((key) => isOnIdentifier(key) && !claims.some((claim) => claim.key === key))
    .map((key) => ({ key, olderKeys: [] }));

const put = async (
  { particle }: Registration,
  patient_id: string,
  { demographics }: Intent,
  deadline: number,
): Promise<Called> => ({ patient: await particle.putPatient(patient_id, demographics, { deadline }) });

/**
 * Others may have registered the patient_id with Particle: the same person is taken over, another one is not touched.
 * What is going to be sent is recorded only when nobody was found there, so that whoever has to decide the operation
 * can tell what we sent from what was there before.
 */
async function adopt(
  registration: Registration,
  hash: KeyedHash,
  begun: OpenMapping,
  intended: Content,
  intent: Intent,
  deadline: number,
): Promise<Called> {
  const { patient_id, operation } = begun;
  const patient = await registration.particle.getPatient(patient_id, { deadline });
  if (patient !== undefined) {
    const sent = hash.digest(canonicalDemographics(patient.demographics));
    if (!hash.sameContent(sent, intent.canonical)) {
      throw new AdapterError({ kind: "particle-overlay" }, "Particle holds other demographics under the patient_id.");
    }
    return { patient, sent };
  }
  const conflict = await registration.store.begin({
    next: { ...begun, operation: { ...operation, intended } },
    prior: { token: operation.token },
    ...NOTHING_TAKEN,
    now: registration.now(),
  });
  if (conflict) {
    throw inFlight(1);
  }
  return { ...(await put(registration, patient_id, intent, deadline)), ...(intended.sent && { sent: intended.sent }) };
}
