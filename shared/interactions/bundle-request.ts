import type { Fault } from "../failure/failure.ts";
import { FaultList } from "../fhir/fault-list.ts";
import { isJsonObject, type JsonObject } from "../fhir/invariants.ts";
import { parseJson } from "../fhir/json.ts";
import type { PrimitiveName } from "../fhir/patient-definition.generated.ts";
import { primitiveRefusal } from "../fhir/primitive-formats.ts";
import { requireContentType } from "../http/negotiation.ts";
import { limitBody } from "../http/patient-body.ts";
import { type FhirRequest, invalid } from "../http/request.ts";
import { unprocessable } from "./entry-failure.ts";

const LIMIT_BYTES = 5_000_000;

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;
const WITH_RESOURCE: readonly string[] = ["PUT", "PATCH"];

/** One entry of a batch or a transaction: what it asks for. http://hl7.org/fhir/R4/bundle.html */
export type BundleEntry = {
  /** Its place in the Bundle, from 0. */
  readonly index: number;
  readonly fullUrl?: string;
  readonly resource?: JsonObject;
  readonly method: (typeof METHODS)[number];
  readonly url: string;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly ifNoneExist?: string;
  readonly ifModifiedSince?: string;
};

export type BundleRequest = {
  readonly type: "batch" | "transaction";
  readonly entries: readonly BundleEntry[];
};

/** What an element is: a primitive, an object, or an array of objects. */
type Shape = PrimitiveName | "object" | "objects";

const BUNDLE: Readonly<Record<string, Shape>> = {
  resourceType: "code",
  id: "id",
  meta: "object",
  implicitRules: "uri",
  language: "code",
  identifier: "object",
  type: "code",
  timestamp: "instant",
  link: "objects",
  entry: "objects",
  signature: "object",
};

const ENTRY: Readonly<Record<string, Shape>> = {
  id: "string",
  extension: "objects",
  modifierExtension: "objects",
  link: "objects",
  fullUrl: "uri",
  resource: "object",
  request: "object",
};

const REQUEST: Readonly<Record<string, Shape>> = {
  id: "string",
  extension: "objects",
  modifierExtension: "objects",
  method: "code",
  url: "uri",
  ifNoneMatch: "string",
  ifModifiedSince: "instant",
  ifMatch: "string",
  ifNoneExist: "string",
};

/** Elements that Bundles of these types do not have, and the invariant that says so. */
const FOREIGN: Readonly<Record<string, string>> = {
  total: "Only a searchset or a history has a total (bdl-1).",
  search: "Only an entry of a searchset has search (bdl-2).",
  response: "Only an entry of a response or a history has a response (bdl-4).",
};

/**
 * The batch or transaction that a request carries. The resources in it are not looked at.
 *
 * @throws AdapterError `unsupported-media-type`, `too-large`, `invalid` with every fault of the Bundle at once, or
 *   `unprocessable` for what may change the meaning of the Bundle in ways that are not known here.
 */
export function bundleRequestOf({ headers, body: text = "" }: FhirRequest): BundleRequest {
  requireContentType(headers);
  limitBody(text, LIMIT_BYTES);
  const parsed = parseJson(text);
  if ("faults" in parsed) {
    throw invalid(...parsed.faults);
  }
  const faults = new FaultList("Bundle");
  const read = readBundle(faults, parsed.value);
  if (read === undefined || faults.all().length > 0) {
    throw invalid(...faults.all());
  }
  const modifiers = modifiersIn(parsed.value);
  if (modifiers.length > 0) {
    throw unprocessable(...modifiers);
  }
  return read;
}

/** Undefined where there is nothing to read; then there is a fault, too. */
function readBundle(faults: FaultList, bundle: unknown): BundleRequest | undefined {
  if (!isJsonObject(bundle)) {
    faults.add("structure", "Send one JSON object: a Bundle resource.");
    return undefined;
  }
  if (bundle["resourceType"] !== "Bundle") {
    faults.add("structure", 'Send a Bundle resource, with "resourceType": "Bundle".', "resourceType");
    return undefined;
  }
  checkElements(faults, bundle, BUNDLE);
  const { type, entry = [] } = bundle;
  if (type === undefined) {
    faults.add("required", "Say what the Bundle is: batch or transaction.", "type");
  } else if (type !== "batch" && type !== "transaction") {
    faults.add("value", "This server processes Bundles of the types batch and transaction.", "type");
  }
  const entries = (Array.isArray(entry) ? entry : []).flatMap((one, index) => readEntry(faults, one, index) ?? []);
  checkFullUrls(faults, entries);
  return { type: type === "transaction" ? type : "batch", entries };
}

function readEntry(faults: FaultList, entry: unknown, index: number): BundleEntry | undefined {
  if (!isJsonObject(entry)) {
    return undefined;
  }
  faults.path.push("entry", index);
  checkElements(faults, entry, ENTRY);
  const read = readRequest(faults, entry, index);
  faults.path.splice(-2);
  return read;
}

function readRequest(faults: FaultList, entry: JsonObject, index: number): BundleEntry | undefined {
  const { request, resource, fullUrl } = entry;
  if (request === undefined) {
    faults.add("required", "Each entry of a batch or a transaction needs a request (bdl-3).", "request");
  }
  if (!isJsonObject(request)) {
    return undefined;
  }
  faults.path.push("request");
  checkElements(faults, request, REQUEST);
  const method = METHODS.find((known) => known === request["method"]);
  const { url } = request;
  if (request["method"] === undefined) {
    faults.add("required", `Name the method: ${METHODS.join(", ")}.`, "method");
  } else if (method === undefined) {
    faults.add("code-invalid", `Use one of the methods ${METHODS.join(", ")}.`, "method");
  }
  if (url === undefined) {
    faults.add("required", "Name the URL, such as Patient or Patient/[id].", "url");
  }
  faults.path.pop();
  if (resource === undefined && method !== undefined && needsResource(method, url)) {
    faults.add("required", `${method} needs a resource.`, "resource");
  }
  return method === undefined || typeof url !== "string"
    ? undefined
    : {
        index,
        method,
        url,
        ...(typeof fullUrl === "string" && { fullUrl }),
        ...(isJsonObject(resource) && { resource }),
        ...textOf(request, "ifMatch"),
        ...textOf(request, "ifNoneMatch"),
        ...textOf(request, "ifNoneExist"),
        ...textOf(request, "ifModifiedSince"),
      };
}

/** A search by POST has its parameters in the URL: a Bundle has no place for a form. */
const needsResource = (method: string, url: unknown): boolean =>
  WITH_RESOURCE.includes(method) || (method === "POST" && typeof url === "string" && !/\/_search(\?|$)/.test(url));

const textOf = <Name extends string>(object: JsonObject, name: Name): { readonly [Key in Name]?: string } => {
  const value = object[name];
  return typeof value === "string" ? ({ [name]: value } as { [Key in Name]: string }) : {};
};

/** Adds a fault for each element that is unknown or of another shape. */
function checkElements(faults: FaultList, object: JsonObject, elements: Readonly<Record<string, Shape>>): void {
  for (const [at, [name, value]] of Object.entries(object).entries()) {
    const shape = Object.hasOwn(elements, name) ? elements[name] : undefined;
    if (shape !== undefined) {
      checkShape(faults, name, value, shape);
    } else if (Object.hasOwn(FOREIGN, name)) {
      faults.add("invariant", FOREIGN[name] ?? "", name);
    } else if (!(name.startsWith("_") && Object.hasOwn(elements, name.slice(1)) && isJsonObject(value))) {
      const known = Object.keys(elements).join(", ");
      const diagnostics = `Property ${at + 1} of the object is no element here: remove it, or write one of ${known}.`;
      faults.add("structure", diagnostics, { name, at });
    }
  }
}

function checkShape(faults: FaultList, name: string, value: unknown, shape: Shape): void {
  if (shape === "object") {
    if (!isJsonObject(value) || Object.keys(value).length === 0) {
      faults.add("structure", "Write a JSON object that is not empty.", name);
    }
  } else if (shape === "objects") {
    if (!Array.isArray(value) || value.length === 0) {
      faults.add("structure", "Write a JSON array that is not empty, or leave the element out.", name);
      return;
    }
    value.forEach((one, index) => {
      if (!isJsonObject(one) || Object.keys(one).length === 0) {
        faults.add("structure", "Write a JSON object that is not empty.", name, index);
      }
    });
  } else {
    const refusal = primitiveRefusal(shape, value);
    if (refusal) {
      faults.add(refusal.code, refusal.diagnostics, name);
    }
  }
}

/**
 * http://hl7.org/fhir/R4/bundle.html, bdl-7 and bdl-8. Two requests about one address are no fault, as in the
 * specification's own example (bundle-transaction.html); two entries of one local name would leave a reference open.
 */
function checkFullUrls(faults: FaultList, entries: readonly BundleEntry[]): void {
  const seen = new Set<string>();
  for (const { index, fullUrl } of entries) {
    if (fullUrl === undefined) {
      continue;
    }
    if (fullUrl.startsWith("urn:") && seen.has(fullUrl)) {
      faults.add("invariant", "An earlier entry has the same fullUrl (bdl-7).", "entry", index, "fullUrl");
    }
    if (fullUrl.includes("/_history/")) {
      faults.add("invariant", "A fullUrl names no version (bdl-8).", "entry", index, "fullUrl");
    }
    seen.add(fullUrl);
  }
}

/** What says that it changes the meaning of the rest, which nobody may ignore: http://hl7.org/fhir/R4/extensibility.html#modifierExtension */
function modifiersIn(bundle: unknown): Fault[] {
  const { implicitRules, entry } = isJsonObject(bundle) ? bundle : {};
  const faults = new FaultList("Bundle");
  const unknown = "This is not known here, and it may change the meaning of the Bundle. Send the Bundle without it.";
  if (implicitRules !== undefined) {
    faults.add("extension", unknown, "implicitRules");
  }
  (Array.isArray(entry) ? entry : []).filter(isJsonObject).forEach((one, index) => {
    if (one["modifierExtension"] !== undefined) {
      faults.add("extension", unknown, "entry", index, "modifierExtension");
    }
    if (isJsonObject(one["request"]) && one["request"]["modifierExtension"] !== undefined) {
      faults.add("extension", unknown, "entry", index, "request", "modifierExtension");
    }
  });
  return faults.all();
}
