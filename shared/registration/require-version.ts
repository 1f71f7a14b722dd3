import { AdapterError } from "../failure/failure.ts";
import type { Mapping } from "../store/mapping-store.ts";

/**
 * @param ifMatch the version that the client believes to be current; `*` = any that exists.
 * @throws AdapterError `version-conflict` when it is not.
 */
export function requireVersion(mapping: Mapping | undefined, ifMatch: string | undefined): void {
  const current = mapping && mapping.version > 0 ? String(mapping.version) : undefined;
  const matches = ifMatch === "*" ? current !== undefined && mapping?.state !== "deleted" : ifMatch === current;
  if (ifMatch !== undefined && !matches) {
    throw new AdapterError({ kind: "version-conflict" }, "If-Match names another version than the current one.");
  }
}
