import { AdapterError, type Fault } from "../failure/failure.ts";
import { requireParameters } from "../http/general-parameters.ts";
import { resourceIdOf } from "../http/path.ts";
import { type FhirRequest, invalid } from "../http/request.ts";
import type { FhirResponse } from "../http/response.ts";
import { type Identity, identityOf, isSameIdentity, registerTogether } from "../registration/register-together.ts";
import type { Registration } from "../registration/registration.ts";
import { requireAllowed } from "../sign-in/require-allowed.ts";
import type { BundleEntry } from "./bundle-request.ts";
import { answeredEntry, bundleResponse } from "./bundle-response.ts";
import { createInteraction, createRequestOf } from "./create-patient.ts";
import { EntryError, expressionIn, type ReportEntry, renderedInBundle, unprocessable } from "./entry-failure.ts";
import { entryInteractions, READS } from "./entry-interactions.ts";
import { resolveReferences } from "./entry-references.ts";
import { type EntryRequest, entryRequestOf } from "./entry-request.ts";
import { searchRequestOf } from "./search-request.ts";

/** Together they have the time of one request, and each create checks the record that all of them share. */
const MOST = 20;

/**
 * A transaction: all of its entries or none. It may hold creates and reads, or one single write: Particle has no way to
 * take a change or a deletion back. Everything is validated and mapped before the first write.
 * http://hl7.org/fhir/R4/http.html#trules
 *
 * @returns the transaction-response, or the failure of the first entry that failed, told by elements of the Bundle.
 * @throws AdapterError `invalid` or `unprocessable` when nothing was begun, `outcome-unknown` when nobody knows yet.
 */
export async function processTransaction(
  registration: Registration,
  bundle: FhirRequest,
  given: readonly BundleEntry[],
  report: ReportEntry,
): Promise<FhirResponse> {
  requireFits(given);
  const ids = new Map(given.map(({ index }) => [index, registration.newId()] as const));
  const made = given.map((entry) => entryRequestOf(bundle, entry));
  requireSupported(registration, made);
  const requests = withReferences(bundle, given, made, ids);
  try {
    checkAllowed(requests);
    await check(registration, requests);
    const ended = await run(registration, bundle, requests, ids);
    for (const { one, response } of ended) {
      report(one.request, one.entry.index, { response });
    }
    const answers = ended.map(({ one, response }) => answeredEntry(one, response));
    return bundleResponse(bundle, "transaction", answers);
  } catch (error) {
    if (!(error instanceof EntryError)) {
      throw error;
    }
    const { request } = requests.find(({ entry }) => entry.index === error.index) ?? { request: bundle };
    report(request, error.index, { error: error.cause });
    const { status, headers, outcome } = renderedInBundle(error);
    return { status, headers, resource: outcome };
  }
}

/** The ids of new patients by the place of their entries. */
type Ids = ReadonlyMap<number, string>;

/** What the entries ask for, each on its own. */
type Made = ReturnType<typeof entryRequestOf>;

/** @throws AdapterError `invalid` for references to nothing. */
function withReferences(
  bundle: FhirRequest,
  given: readonly BundleEntry[],
  made: readonly Made[],
  ids: Ids,
): readonly EntryRequest[] {
  const isAlone = given.length === 1;
  const { entries, faults: unresolved } = resolveReferences(given, (target) => {
    const one = made.find((candidate) => "entry" in candidate && candidate.entry.index === target.index);
    if (one === undefined || "fault" in one || isAlone || one.interaction !== "create") {
      return undefined;
    }
    return `Patient/${ids.get(target.index)}`;
  });
  if (unresolved.length > 0) {
    throw invalid(...unresolved);
  }
  return entries.flatMap((entry) => {
    const one = entryRequestOf(bundle, entry);
    return "fault" in one ? [] : [one];
  });
}

/** @throws AdapterError `unprocessable` for more than this server has time for. */
function requireFits({ length }: readonly BundleEntry[]): void {
  if (length > MOST) {
    throw unprocessable({
      severity: "error",
      code: "too-costly",
      expression: "Bundle.entry",
      diagnostics: `A transaction may have at most ${MOST} entries. Send several, or a batch, whose entries are independent.`,
    });
  }
}

/** @throws AdapterError `unprocessable` for what this server does not do or could not take back. */
function requireSupported({ settings }: Registration, made: readonly Made[]): void {
  const faults: Fault[] = made.flatMap((one) => ("fault" in one ? [one.fault] : []));
  const requests = made.flatMap((one) => ("fault" in one ? [] : [one]));
  const fault = (code: Fault["code"], expression: string, diagnostics: string) =>
    faults.push({ severity: "error", code, expression, diagnostics });
  if (made.length > 1) {
    const creates = requests.filter(({ interaction }) => interaction === "create");
    for (const { interaction, entry } of requests) {
      if (interaction !== "create" && !READS.includes(interaction)) {
        fault(
          "not-supported",
          `Bundle.entry[${entry.index}].request`,
          "A transaction may hold creates and reads, or one write alone: a change or a deletion at Particle cannot be taken back when another entry fails. Send a batch.",
        );
      }
    }
    if (creates.length > 0 && settings.patientIdSystem !== undefined) {
      fault(
        "not-supported",
        "Bundle.entry",
        "This server takes the patient_id from the Patient, which Particle may hold already from elsewhere: taking such a create back would delete what others registered. Send a batch, or each Patient alone.",
      );
    }
  }
  if (faults.length > 0) {
    throw unprocessable(...faults);
  }
}

/** @throws EntryError for the first entry that the sender may not ask for. */
function checkAllowed(requests: readonly EntryRequest[]): void {
  for (const one of requests) {
    try {
      requireAllowed(one.request, one);
    } catch (error) {
      throw new EntryError(one.entry.index, false, error);
    }
  }
}

/**
 * Everything that can be told before the first write.
 *
 * @throws AdapterError `invalid` or `unprocessable` with the faults of all entries, or EntryError for what is wrong with
 *   one of them in another way.
 */
async function check(registration: Registration, requests: readonly EntryRequest[]): Promise<void> {
  const identities: { readonly index: number; readonly identity: Identity }[] = [];
  await collect(requests, async ({ interaction, request, entry: { index } }) => {
    if (interaction === "create") {
      identities.push({
        index,
        identity: await identityOf(registration, createRequestOf(registration, request).create),
      });
    } else {
      READ_CHECKS[interaction]?.(request);
    }
  });
  const twins = identities.filter(({ identity }, place) =>
    identities.slice(0, place).some((earlier) => isSameIdentity(earlier.identity, identity)),
  );
  if (twins.length > 0) {
    throw invalid(
      ...twins.map(
        ({ index }): Fault => ({
          severity: "error",
          code: "duplicate",
          expression: `Bundle.entry[${index}]`,
          diagnostics: "An earlier entry of the transaction is about the same patient. Send each patient once.",
        }),
      ),
    );
  }
}

/** What of a read can be wrong in itself. A write that is alone is checked as it runs. */
const READ_CHECKS: { readonly [Key in EntryRequest["interaction"]]?: (request: FhirRequest) => unknown } = {
  read: checkRead,
  vread: checkRead,
  "search-type": searchRequestOf,
};

function checkRead(request: FhirRequest): void {
  requireParameters(request);
  resourceIdOf(request);
}

/** Runs the check on all, and throws the faults of all together. */
async function collect(requests: readonly EntryRequest[], checkOne: (one: EntryRequest) => unknown): Promise<void> {
  const found: AdapterError[] = [];
  const faults: Fault[] = [];
  for (const one of requests) {
    const { index } = one.entry;
    try {
      await checkOne(one);
    } catch (error) {
      if (!(error instanceof AdapterError && "faults" in error.failure)) {
        throw new EntryError(index, false, error);
      }
      found.push(error);
      faults.push(
        ...error.failure.faults.map((fault) => ({ ...fault, expression: expressionIn(index, fault.expression) })),
      );
    }
  }
  if (found.some(({ failure }) => failure.kind === "invalid")) {
    throw invalid(...faults);
  }
  if (found.length > 0) {
    throw unprocessable(...faults);
  }
}

type Answered = { readonly one: EntryRequest; readonly response: FhirResponse };

/** Creates before reads, which see what they have made; the answers in the order of the request. */
async function run(
  registration: Registration,
  bundle: FhirRequest,
  requests: readonly EntryRequest[],
  ids: Ids,
): Promise<Answered[]> {
  const respond = entryInteractions(registration);
  const answerOf = async (
    one: EntryRequest,
    by = respond[one.interaction],
    deadline = bundle.deadline,
  ): Promise<Answered> => {
    try {
      return { one, response: await by({ ...one.request, deadline }) };
    } catch (error) {
      throw new EntryError(one.entry.index, one.interaction === "patch", error);
    }
  };
  const [first, ...others] = requests;
  if (first === undefined || others.length === 0) {
    return first ? [await answerOf(first)] : [];
  }
  const { created, read } = await registerTogether<Answered>(
    registration,
    {
      creates: requests
        .filter(({ interaction }) => interaction === "create")
        .map((one) => ({
          id: ids.get(one.entry.index) ?? registration.newId(),
          register: (task, member) => answerOf(one, createInteraction(registration, member), task.deadline),
        })),
      reads: requests
        .filter(({ interaction }) => READS.includes(interaction))
        .map((one) => (task) => answerOf(one, respond[one.interaction], task.deadline)),
    },
    { owner: bundle.requestId, deadline: bundle.deadline },
  );
  return [...created, ...read].sort((a, b) => a.one.entry.index - b.one.entry.index);
}
