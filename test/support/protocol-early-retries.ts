import { isDeepStrictEqual } from "node:util";
import type { SourceIdentifier } from "../../shared/mapping/source-identifiers.ts";
import { recoverRegistrations } from "../../shared/registration/recover-registrations.ts";
import type { Mapping, Operation } from "../../shared/store/mapping-store.ts";
import { answerOf } from "./protocol-answers.ts";
import type { ProtocolRequest } from "./protocol-requests.ts";
import { type Harness, SETTLE_MS } from "./registration-harness.ts";

type Open = Mapping & { readonly operation: Operation };

/** Named as the owner of the operations that it begins. */
type Asked = { readonly name: string; readonly request: ProtocolRequest };

/**
 * Sends requests again while operations of theirs are open that nobody may decide yet: they are told when to come back,
 * and nothing happens. The recovery leaves such operations alone as well.
 *
 * @returns what went wrong, a sentence each.
 */
export async function earlyRetryFaults(harness: Harness, asked: readonly Asked[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { name, request } of asked) {
    const mapping = locked(harness).find(({ operation }) => operation.owner === name);
    if (mapping && isAbout(request, mapping)) {
      faults.push(...(await faultsOfRetry(harness, name, request, mapping)));
    }
  }
  const open = locked(harness);
  await recoverRegistrations(harness, harness.task());
  const touched = open.filter(
    ({ id }, place) => !isDeepStrictEqual(harness.store.contents.mappings.get(id), open[place]),
  );
  return [...faults, ...touched.map(({ id }) => `The recovery decided the operation on ${id} too early.`)];
}

/** Mappings whose operation may not be decided yet, whatever the operation itself says about it. */
const locked = ({ store: { contents }, now }: Harness): Open[] =>
  [...contents.mappings.values()].filter(
    (mapping): mapping is Open => mapping.operation !== undefined && mapping.operation.deadline + SETTLE_MS > now(),
  );

const isSame =
  (one: SourceIdentifier) =>
  ({ system, value }: SourceIdentifier): boolean =>
    system === one.system && value === one.value;

/** A conditional deletion may have lost its match to an update that went before it. */
const isAbout = ({ does, condition }: ProtocolRequest, { identifiers }: Mapping): boolean =>
  does !== "recover" && (does !== "delete" || condition === undefined || identifiers.some(isSame(condition)));

async function faultsOfRetry(harness: Harness, name: string, request: ProtocolRequest, mapping: Open) {
  const { calls } = harness.particle;
  const before = calls.length;
  const answer = await answerOf(request.run(harness, harness.task()));
  const failure = "error" in answer ? answer.error.failure : undefined;
  const isOfAnother = "registered" in answer && answer.registered && answer.registered.mapping.id !== mapping.id;
  if (isOfAnother || failure?.kind === "multiple-matches") {
    // Other patients with the identifier are there by now, and the request is about those.
    return [];
  }
  const longest = Math.ceil((mapping.operation.deadline + SETTLE_MS - harness.now()) / 1_000);
  const isTold = failure?.kind === "in-flight" && failure.retryAfterSeconds > 0 && failure.retryAfterSeconds <= longest;
  const writes = calls
    .slice(before)
    .filter(({ method, patient_id }) => method !== "getPatient" && patient_id === mapping.patient_id);
  return [
    ...(isTold ? [] : [`${name} came back early and was answered ${JSON.stringify(failure ?? answer)}.`]),
    ...(writes.length > 0 ? [`${name} came back early and wrote to Particle.`] : []),
    ...(isDeepStrictEqual(harness.store.contents.mappings.get(mapping.id), mapping)
      ? []
      : [`${name} came back early and changed the mapping.`]),
  ];
}
