import type { Fault } from "../failure/failure.ts";
import { isJsonObject } from "../fhir/invariants.ts";
import { primitiveRefusal } from "../fhir/primitive-formats.ts";
import { type FhirRequest, type Parameter, readParameters } from "../http/request.ts";
import { type Interaction, type Route, routes } from "../http/routes.ts";
import type { BundleEntry } from "./bundle-request.ts";

/** The interactions that an entry may ask for. */
export const ENTRY_INTERACTIONS = [
  "create",
  "read",
  "vread",
  "search-type",
  "update",
  "patch",
  "delete",
] as const satisfies readonly Interaction[];

export type EntryInteraction = (typeof ENTRY_INTERACTIONS)[number];

/** An entry as the request that it stands for. */
export type EntryRequest = {
  readonly entry: BundleEntry;
  readonly interaction: EntryInteraction;
  readonly request: FhirRequest;
};

/** The route that a method and a path take, with what its placeholders stand for. */
type Routed = { readonly route: Route; readonly pathParameters: Readonly<Record<string, string>> };

/** Longest key of a Bundle: each entry has one of its own, which is this and the place of the entry. */
export const LONGEST_KEY = 240;

/**
 * The request that an entry stands for, under the headers of the Bundle's own that are for all of its entries: Prefer,
 * and an Idempotency-Key, which becomes one for each entry.
 *
 * @returns the fault instead, of elements of the Bundle, when this server does no such thing or the entry cannot be read.
 */
export function entryRequestOf(bundle: FhirRequest, entry: BundleEntry): EntryRequest | { readonly fault: Fault } {
  const url = parseUrl(bundle.base, entry.url);
  if (url === undefined) {
    return faultOf(
      entry,
      "value",
      "request.url",
      "Write the URL relative to this server, such as Patient/[id] or Patient?identifier=system%7Cvalue.",
    );
  }
  const { segments, query } = url;
  const routed = routeOf(entry.method, segments);
  const interaction = ENTRY_INTERACTIONS.find((known) => known === routed?.route.interaction);
  if (routed === undefined || interaction === undefined) {
    const diagnostics =
      segments[0] === "Patient"
        ? `A Bundle cannot ask for ${entry.method} at this URL. See /metadata for what this server does with a Patient.`
        : "A Bundle can be about Patients here and nothing else: send other resources elsewhere, and other requests alone.";
    return faultOf(entry, "not-supported", "request.url", diagnostics);
  }
  const body = bodyOf(entry, interaction);
  if ("fault" in body) {
    return body;
  }
  return {
    entry,
    interaction,
    request: {
      ...bundle,
      method: entry.method,
      route: routed.route.path,
      pathParameters: routed.pathParameters,
      query,
      headers: headersOf(bundle, entry, body.contentType),
      body: body.text,
    },
  };
}

const faultOf = (
  { index }: BundleEntry,
  code: Fault["code"],
  element: string,
  diagnostics: string,
): { readonly fault: Fault } => ({
  fault: { severity: "error", code, expression: `Bundle.entry[${index}].${element}`, diagnostics },
});

/** Undefined for what is not under `[base]`, or is no URL. */
function parseUrl(
  base: string,
  url: string,
): { readonly segments: readonly string[]; readonly query: readonly Parameter[] } | undefined {
  const relative = url.startsWith(`${base}/`) ? url.slice(base.length) : url;
  if (/^[a-z][a-z\d+.-]*:/i.test(relative)) {
    return undefined;
  }
  const [path = "", query = ""] = relative.split(/\?(.*)/s, 2);
  try {
    return {
      segments: path
        .replace(/^\/|\/$/g, "")
        .split("/")
        .map(decodeURIComponent),
      query: readParameters(query),
    };
  } catch {
    return undefined;
  }
}

/** As API Gateway does, a segment that is written out goes before a placeholder. */
function routeOf(method: string, segments: readonly string[]): Routed | undefined {
  const found = routes
    .filter((route) => route.method === method)
    .flatMap((route) => {
      const parts = route.path.split("/").slice(1);
      const fits =
        parts.length === segments.length && parts.every((part, at) => isPlaceholder(part) || part === segments[at]);
      return fits ? [{ route, parts }] : [];
    })
    .sort((a, b) => placeholders(a.parts) - placeholders(b.parts))[0];
  return (
    found && {
      route: found.route,
      pathParameters: Object.fromEntries(
        found.parts.flatMap((part, at) => (isPlaceholder(part) ? [[part.slice(1, -1), segments[at] ?? ""]] : [])),
      ),
    }
  );
}

const isPlaceholder = (part: string): boolean => part.startsWith("{");
const placeholders = (parts: readonly string[]): number => parts.filter(isPlaceholder).length;

type EntryBody = { readonly text: string | undefined; readonly contentType: string };

const FHIR_JSON = "application/fhir+json";

function bodyOf(entry: BundleEntry, interaction: EntryInteraction): EntryBody | { readonly fault: Fault } {
  const { resource } = entry;
  if (interaction === "patch") {
    return patchOf(entry);
  }
  const isWrite = interaction === "create" || interaction === "update";
  return { text: isWrite && resource ? JSON.stringify(resource) : undefined, contentType: FHIR_JSON };
}

/** A JSON Patch in a Bundle is a Binary that holds it: http://hl7.org/fhir/R4/http.html#patch */
function patchOf(entry: BundleEntry): EntryBody | { readonly fault: Fault } {
  const { resourceType, contentType, data } = isJsonObject(entry.resource) ? entry.resource : {};
  if (resourceType !== "Binary") {
    return faultOf(
      entry,
      "structure",
      "resource",
      "Send a patch as a Binary whose contentType is application/json-patch+json.",
    );
  }
  if (typeof contentType !== "string") {
    return faultOf(entry, "required", "resource.contentType", "Say what the patch is: application/json-patch+json.");
  }
  if (typeof data !== "string" || primitiveRefusal("base64Binary", data)) {
    return faultOf(entry, "value", "resource.data", "Write the patch in base64.");
  }
  return { text: Buffer.from(data, "base64").toString("utf8"), contentType };
}

function headersOf(bundle: FhirRequest, entry: BundleEntry, contentType: string): FhirRequest["headers"] {
  const { index, ifMatch, ifNoneMatch, ifNoneExist, ifModifiedSince } = entry;
  const key = bundle.headers["idempotency-key"]?.trim();
  return {
    "content-type": contentType,
    prefer: bundle.headers["prefer"],
    ...(key !== undefined && { "idempotency-key": `${key} entry ${index}` }),
    ...(ifMatch !== undefined && { "if-match": ifMatch }),
    ...(ifNoneMatch !== undefined && { "if-none-match": ifNoneMatch }),
    ...(ifNoneExist !== undefined && { "if-none-exist": ifNoneExist }),
    ...(ifModifiedSince !== undefined && { "if-modified-since": new Date(ifModifiedSince).toUTCString() }),
  };
}
