import type { Fault } from "../failure/failure.ts";
import { fhirPath, type Step } from "../fhir/fhir-path.ts";
import { isJsonObject, type JsonObject } from "../fhir/invariants.ts";
import type { BundleEntry } from "./bundle-request.ts";

/** A name that an entry has only within its Bundle. */
const LOCAL_NAME = /^urn:(uuid|oid):/;

/** What a reference by such a name becomes: another one, itself (undefined), or a fault that says what to do. */
type Resolve = (name: string) => { readonly reference: string } | { readonly diagnostics: string } | undefined;

type Resolved = { readonly entry: BundleEntry; readonly faults: readonly Fault[] };

/**
 * Entries of a transaction, with the references between them by fullUrl resolved to what the entries stand for. A
 * reference that names no entry of the Bundle is a fault.
 * http://hl7.org/fhir/R4/http.html#trules
 *
 * @param referenceOf what a reference to the entry is from now on.
 */
export function resolveReferences(
  entries: readonly BundleEntry[],
  referenceOf: (entry: BundleEntry) => string | undefined,
): { readonly entries: readonly BundleEntry[]; readonly faults: readonly Fault[] } {
  const named = byFullUrl(entries);
  const resolved = entries.map((entry) =>
    resolveEntry(entry, (name) => {
      const target = named.get(name);
      const reference = target && referenceOf(target);
      return reference === undefined
        ? { diagnostics: "No entry of the transaction that makes a Patient has this fullUrl." }
        : { reference };
    }),
  );
  return { entries: resolved.map(({ entry }) => entry), faults: resolved.flatMap(({ faults }) => faults) };
}

/** Faults of references to other entries of a batch, whose entries do not know each other; by the place of the entry. */
export function referencesWithinBatch(entries: readonly BundleEntry[]): ReadonlyMap<number, readonly Fault[]> {
  const named = byFullUrl(entries);
  const refuse: Resolve = (name) =>
    named.has(name)
      ? {
          diagnostics: "The entries of a batch cannot refer to each other: send a transaction, or one after the other.",
        }
      : undefined;
  return new Map(entries.map((entry) => [entry.index, resolveEntry(entry, refuse).faults] as const));
}

const byFullUrl = (entries: readonly BundleEntry[]): ReadonlyMap<string, BundleEntry> =>
  new Map(entries.flatMap((entry) => (entry.fullUrl === undefined ? [] : [[entry.fullUrl, entry] as const])));

function resolveEntry(entry: BundleEntry, resolve: Resolve): Resolved {
  if (entry.resource === undefined) {
    return { entry, faults: [] };
  }
  const faults: Fault[] = [];
  const walk = (value: unknown, path: readonly Step[]): unknown => {
    if (Array.isArray(value)) {
      return value.map((one, index) => walk(one, [...path, index]));
    }
    return isJsonObject(value) ? walkObject(value, path) : value;
  };
  const walkObject = (object: JsonObject, path: readonly Step[]): JsonObject =>
    Object.fromEntries(
      Object.entries(object).map(([name, value], at) => {
        const found =
          name === "reference" && typeof value === "string" && LOCAL_NAME.test(value) ? resolve(value) : undefined;
        if (found && "diagnostics" in found) {
          faults.push({
            severity: "error",
            code: "value",
            expression: fhirPath(["Bundle", "entry", entry.index, "resource", ...path, name]),
            diagnostics: found.diagnostics,
          });
        }
        return [name, found && "reference" in found ? found.reference : walk(value, [...path, { name, at }])];
      }),
    );
  return { entry: { ...entry, resource: walkObject(entry.resource, []) }, faults };
}
