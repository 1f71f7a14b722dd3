import * as v from "valibot";
import type { Fault } from "../failure/failure.ts";
import type { SearchParameterName } from "../fhir/search-parameters.ts";
import { alternativesOf, plainValueOf, tokenOf } from "../fhir/search-token.ts";
import { GENERAL_PARAMETERS, generalFault, requireFewParameters, togetherFaults } from "../http/general-parameters.ts";
import { requireContentType } from "../http/negotiation.ts";
import { limitBody } from "../http/patient-body.ts";
import { type FhirRequest, FORM, invalid, type Parameter, requestFault } from "../http/request.ts";
import { mayBeSsnIdentifier } from "../mapping/us-ssn.ts";
import type { Criterion, Position } from "../registration/search-patients.ts";

/** Most entries of a page; asking for more gives as many. */
const LARGEST_COUNT = 50;

/** Ids and identifiers that one search may name: each costs a look-up. */
const MOST_ALTERNATIVES = 100;

export type SearchRequest = {
  readonly criteria: readonly Criterion[];
  readonly count: number;
  readonly position: Position;
  /** Only how many there are, and none of them. */
  readonly isCounting: boolean;
  /** Whether the total is told where it is known: `_total`. */
  readonly isTotalWanted: boolean;
  /** The parameters that were understood, as they were understood, for the links; without the position. */
  readonly understood: readonly Parameter[];
  /** What lenient handling ignored, and what cannot be told. */
  readonly remarks: readonly Fault[];
};

/** What one search parameter adds to the search; throws nothing, tells its faults. */
type Read = {
  readonly criterion?: Criterion;
  readonly count?: number;
  readonly position?: Position;
  readonly fault?: string;
};

/** http://hl7.org/fhir/R4/search.html#total */
const TOTALS = ["none", "estimate", "accurate"];

const CRITERIA: Readonly<Record<SearchParameterName, (value: string) => Read>> = {
  _id: readIds,
  identifier: readIdentifier,
};

/** Parameters of the result of this server's searches, beside the general ones. */
const RESULTS: Readonly<Record<string, (value: string) => Read>> = {
  _count: readCount,
  _total: (value) => (TOTALS.includes(value) ? {} : { fault: `_total must be ${TOTALS.join(" or ")}.` }),
  _summary: (value) => (value === "count" ? {} : readGeneral("_summary", value)),
  page: readPosition,
};

const READERS: ReadonlyMap<string, (value: string) => Read> = new Map([
  ...GENERAL_PARAMETERS.map((name) => [name, (value: string) => readGeneral(name, value)] as const),
  ...Object.entries(CRITERIA),
  ...Object.entries(RESULTS),
]);

/**
 * @throws AdapterError `invalid` with every parameter that is unknown or malformed. Lenient handling ignores them, but not
 *   a malformed criterion: without it the search would answer patients whom nobody asked for.
 */
export function searchRequestOf(request: FhirRequest): SearchRequest {
  requireForm(request);
  const { query, preferences } = request;
  requireFewParameters(query);
  const reads = query.map((parameter) => ({ parameter, read: readParameter(parameter) }));
  const good = reads.filter(({ read }) => read.fault === undefined);
  const criteria = good.flatMap(({ read }) => read.criterion ?? []);
  const wantsCount = good.some(
    ({ parameter: [name, value], read }) => read.count === 0 || (name === "_summary" && value === "count"),
  );
  const faults = [
    ...reads.flatMap(({ read }) => (read.fault === undefined ? [] : [requestFault(read.fault)])),
    ...togetherFaults(query),
    ...(alternativesIn(criteria) > MOST_ALTERNATIVES ? [TOO_MANY] : []),
    ...(wantsCount && criteria.length === 0 ? [UNCOUNTED] : []),
  ];
  const isCriterionLost = faults.includes(TOO_MANY) || reads.some(isFaultyCriterion);
  if (isCriterionLost || (faults.length > 0 && preferences.handling === "strict")) {
    throw invalid(...faults);
  }
  const total = good.find(({ parameter: [name] }) => name === "_total")?.parameter[1];
  return {
    criteria,
    count: good.find(({ read }) => read.count !== undefined && read.count > 0)?.read.count ?? LARGEST_COUNT,
    position: good.find(({ read }) => read.position !== undefined)?.read.position ?? {},
    isCounting: wantsCount && criteria.length > 0,
    isTotalWanted: total !== "none",
    understood: good.filter(({ read }) => read.position === undefined).map(understoodAs),
    remarks: [
      ...faults.map((fault): Fault => ({ ...fault, severity: "warning" })),
      ...(total !== undefined && total !== "none" && criteria.length === 0 ? [NO_TOTAL] : []),
    ],
  };
}

const isFaultyCriterion = ({ parameter: [name], read }: { parameter: Parameter; read: Read }): boolean =>
  read.fault !== undefined && Object.hasOwn(CRITERIA, name.split(/[:.]/)[0] ?? "");

const alternativesIn = (criteria: readonly Criterion[]): number =>
  criteria.reduce((sum, criterion) => sum + Object.values(criterion).flat().length, 0);

const TOO_MANY: Fault = {
  severity: "error",
  code: "too-costly",
  diagnostics: `A search may name ${MOST_ALTERNATIVES} ids and identifiers. Make several searches of it.`,
};

const UNCOUNTED: Fault = {
  severity: "error",
  code: "not-supported",
  diagnostics:
    "Particle does not say how many patients it holds: only a search by _id or identifier can be counted. Leave _count=0 or _summary=count out.",
};

const NO_TOTAL: Fault = {
  severity: "information",
  code: "informational",
  diagnostics:
    "There is no total: Particle does not say how many patients it holds. A search by _id or identifier has one.",
};

/** A page is never larger than the largest. */
const understoodAs = ({ parameter: [name, value], read }: { parameter: Parameter; read: Read }): Parameter => [
  name,
  read.count === undefined ? value : String(read.count),
];

/** @throws AdapterError `unsupported-media-type` or `too-large` where the body is no form that can be read. */
function requireForm({ method, headers, body }: FhirRequest): void {
  if (method === "POST" && body !== undefined) {
    requireContentType(headers, [FORM]);
    limitBody(body);
  }
}

function readParameter([name, value]: Parameter): Read {
  const read = READERS.get(name);
  if (read !== undefined) {
    return value === "" ? { fault: `${name} needs a value.` } : read(value);
  }
  const [base = ""] = name.split(/[:.]/);
  return READERS.has(base)
    ? { fault: `${base} takes neither a modifier nor a chain here.` }
    : {
        fault: `This server does not know one of the search parameters. It knows ${[...READERS.keys()].join(", ")}.`,
      };
}

function readGeneral(name: string, value: string): Read {
  const fault = generalFault([name, value]);
  return fault === undefined ? {} : { fault };
}

function readIds(value: string): Read {
  const ids = alternativesOf(value).map(plainValueOf);
  return ids.includes("") ? { fault: "_id must be ids separated by commas." } : { criterion: { ids } };
}

function readCount(value: string): Read {
  return /^\d{1,9}$/.test(value)
    ? { count: Math.min(Number(value), LARGEST_COUNT) }
    : { fault: "_count must be a whole number that is not negative." };
}

function readIdentifier(value: string): Read {
  const identifiers = alternativesOf(value).map(tokenOf);
  if (identifiers.some((identifier) => identifier.value === "")) {
    return {
      fault: "identifier must be system|value, |value or value: this server cannot search by the system alone.",
    };
  }
  if (identifiers.some(({ system }) => system !== undefined && mayBeSsnIdentifier({ system }))) {
    return {
      fault: "identifier cannot be a social security number: this server keeps none. Search by another identifier.",
    };
  }
  return { criterion: { identifiers } };
}

/** Where a `next` link goes on. Opaque to clients. */
export const encodePosition = (position: Position): string =>
  Buffer.from(JSON.stringify(position)).toString("base64url");

const position = v.pipe(
  v.string(),
  v.transform((text) => Buffer.from(text, "base64url").toString()),
  v.parseJson(),
  v.strictObject({ continuation_token: v.optional(v.string()), after: v.optional(v.string()) }),
);

function readPosition(value: string): Read {
  const result = v.safeParse(position, value);
  return result.success
    ? { position: result.output }
    : { fault: "page must be taken from a link of this server as it is." };
}
