import type { Fault } from "../failure/failure.ts";
import { type FhirRequest, invalid, readParameters } from "../http/request.ts";
import type { FhirResponse } from "../http/response.ts";
import { inParallel } from "../registration/in-parallel.ts";
import type { Registration } from "../registration/registration.ts";
import { requireAllowed } from "../sign-in/require-allowed.ts";
import type { BundleEntry } from "./bundle-request.ts";
import { type AnsweredEntry, answeredEntry, bundleResponse, failedEntry } from "./bundle-response.ts";
import { type ReportEntry, unprocessable } from "./entry-failure.ts";
import { entryInteractions, READS } from "./entry-interactions.ts";
import { referencesWithinBatch } from "./entry-references.ts";
import { type EntryRequest, entryRequestOf } from "./entry-request.ts";

const PARALLEL = 8;

/**
 * What fits the time: 20 seconds, 8 at a time, leave each of 100 entries 1.6 seconds, several times what a call of
 * Particle takes. A search reads up to 50 patients. What the entries answer is bounded where the response is made.
 */
const MOST = 100;
const WEIGHT_OF_SEARCH = 5;

/**
 * A batch: every entry on its own, whatever becomes of the others. Writes that are about the same patient run one after
 * the other, in their order. http://hl7.org/fhir/R4/http.html#brules
 *
 * @throws AdapterError `unprocessable` when there is more than fits the time; nothing was begun then.
 */
export async function processBatch(
  registration: Registration,
  bundle: FhirRequest,
  entries: readonly BundleEntry[],
  report: ReportEntry,
): Promise<FhirResponse> {
  requireFits(entries.length);
  const requests = entries.map((entry) => entryRequestOf(bundle, entry));
  requireFits(weightOf(requests));
  const references = referencesWithinBatch(entries);
  const respond = entryInteractions(registration);

  async function answer(index: number): Promise<AnsweredEntry> {
    const made = requests[index];
    try {
      if (made === undefined || "fault" in made) {
        throw unprocessable(...(made ? [made.fault] : []));
      }
      requireAllowed(made.request, made);
      requireNoReferences(references.get(index) ?? []);
      const response = await respond[made.interaction](made.request);
      report(made.request, index, { response });
      return answeredEntry(made, response);
    } catch (error) {
      report(made && "request" in made ? made.request : bundle, index, { error });
      return { entry: failedEntry(error), isRead: false };
    }
  }

  const answers: AnsweredEntry[] = [];
  const work = inTurns(requests).map((indices) => async () => {
    for (const index of indices) {
      answers[index] = await answer(index);
    }
  });
  await inParallel(PARALLEL, work);
  return bundleResponse(bundle, "batch", answers);
}

type Requests = readonly (EntryRequest | { readonly fault: Fault })[];

const weightOf = (requests: Requests): number =>
  requests.reduce(
    (sum, made) => sum + ("interaction" in made && made.interaction === "search-type" ? WEIGHT_OF_SEARCH : 1),
    0,
  );

function requireFits(weight: number): void {
  if (weight > MOST) {
    throw unprocessable({
      severity: "error",
      code: "too-costly",
      expression: "Bundle.entry",
      diagnostics: `A batch may have at most ${MOST} entries, where a search counts as ${WEIGHT_OF_SEARCH}. Send several.`,
    });
  }
}

function requireNoReferences(faults: readonly Fault[]): void {
  if (faults.length > 0) {
    throw invalid(...faults);
  }
}

/** Entries that run one after the other: writes about the same patient. All else may run at the same time. */
function inTurns(requests: Requests): readonly (readonly number[])[] {
  const turns = new Map<string, number[]>();
  requests.forEach((made, index) => {
    const target = "interaction" in made ? targetOf(made) : undefined;
    const key = target ?? `entry ${index}`;
    turns.set(key, [...(turns.get(key) ?? []), index]);
  });
  return [...turns.values()];
}

/** Whom a write is about, as far as that can be told without looking; undefined for what nobody else writes. */
function targetOf({ interaction, request, entry }: EntryRequest): string | undefined {
  if (READS.includes(interaction)) {
    return undefined;
  }
  if (interaction === "create" && entry.ifNoneExist === undefined) {
    return `content ${request.body}`;
  }
  const { id } = request.pathParameters;
  const condition = entry.ifNoneExist?.replace(/^[^?]*\?/, "");
  return id === undefined
    ? `condition ${JSON.stringify(condition === undefined ? request.query : readParameters(condition))}`
    : `id ${id}`;
}
