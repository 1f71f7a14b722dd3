import * as v from "valibot";
import type { Fault } from "../failure/failure.ts";
import { requireContentType } from "../http/negotiation.ts";
import { type FhirRequest, invalid, type Parameter, requestFault } from "../http/request.ts";
import { mayBeSsnIdentifier } from "../mapping/us-ssn.ts";
import type { Criterion, Position } from "../registration/search-patients.ts";

/** Most entries of a page; asking for more gives as many. */
const LARGEST_COUNT = 50;

export type SearchRequest = {
  readonly criteria: readonly Criterion[];
  readonly count: number;
  readonly position: Position;
  /** The parameters that were understood, for the links; without the position. */
  readonly understood: readonly Parameter[];
  /** What lenient handling ignored. */
  readonly warnings: readonly Fault[];
};

/** What one search parameter adds to the search; throws nothing, tells its faults. */
type Read = {
  readonly criterion?: Criterion;
  readonly count?: number;
  readonly position?: Position;
  readonly fault?: string;
};

/** The search parameters of this server. Results are shaped by the rest of the stack for those that add nothing. */
const PARAMETERS: Readonly<Record<string, (value: string) => Read>> = {
  _id: (value) => ({ criterion: { ids: alternatives(value) } }),
  identifier: readIdentifier,
  _count: (value) =>
    /^\d{1,9}$/.test(value) && Number(value) > 0
      ? { count: Math.min(Number(value), LARGEST_COUNT) }
      : { fault: "_count must be a whole number of at least 1." },
  page: readPosition,
  _format: () => ({}),
  _pretty: () => ({}),
};

/** @throws AdapterError `invalid` with every parameter that is unknown or malformed; lenient handling ignores them. */
export function searchRequestOf(request: FhirRequest): SearchRequest {
  const reads = parametersOf(request).map((parameter) => ({ parameter, read: readParameter(parameter) }));
  const faults = reads.flatMap(({ read }) => (read.fault === undefined ? [] : [requestFault(read.fault)]));
  if (faults.length > 0 && request.preferences.handling === "strict") {
    throw invalid(...faults);
  }
  const good = reads.filter(({ read }) => read.fault === undefined);
  return {
    criteria: good.flatMap(({ read }) => read.criterion ?? []),
    count: good.findLast(({ read }) => read.count !== undefined)?.read.count ?? LARGEST_COUNT,
    position: good.findLast(({ read }) => read.position !== undefined)?.read.position ?? {},
    understood: good.filter(({ read }) => read.position === undefined).map(({ parameter }) => parameter),
    warnings: faults.map((fault) => ({ ...fault, severity: "warning" })),
  };
}

/** Of the URL, and of the form that POST _search carries. */
function parametersOf({ method, headers, body, query }: FhirRequest): readonly Parameter[] {
  if (method !== "POST" || body === undefined) {
    return query;
  }
  requireContentType(headers["content-type"], ["application/x-www-form-urlencoded"]);
  return [...query, ...new URLSearchParams(body)];
}

function readParameter([name, value]: Parameter): Read {
  const read = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
  if (!read) {
    return {
      fault: `This server does not know one of the search parameters. It knows ${Object.keys(PARAMETERS).join(", ")}.`,
    };
  }
  return value === "" ? { fault: `${name} needs a value.` } : read(value);
}

function readIdentifier(value: string): Read {
  const identifiers = alternatives(value).map((token) => {
    const [first = "", second] = splitToken(token);
    return second === undefined ? { system: undefined, value: first } : { system: first, value: second };
  });
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

/** http://hl7.org/fhir/R4/search.html#escaping: `\,`, `\|`, `\$` and `\\` stand for themselves. */
const UNESCAPED_COMMA = /(?<!\\),/;
const UNESCAPED_BAR = /(?<!\\)\|(.*)/s;

const unescaped = (text: string): string => text.replace(/\\([,|$\\])/g, "$1");

const alternatives = (value: string): string[] => value.split(UNESCAPED_COMMA).map((part) => part.trim());

const splitToken = (token: string): (string | undefined)[] =>
  token.split(UNESCAPED_BAR, 2).map((part) => unescaped(part));
