/** What may be allowed on Patient: create, read, update, delete, search; in the order in which scopes write them. */
const PERMISSIONS = "cruds";

/** The scopes of the first version of SMART, in the letters of the second. */
const FIRST_VERSION: ReadonlyMap<string, string> = new Map([
  ["read", "rs"],
  ["write", "cud"],
  ["*", PERMISSIONS],
]);

const SCOPE = /^system\/(?:Patient|\*)\.(read|write|\*|(?=[cruds])c?r?u?d?s?)$/;

/**
 * What scopes allow on Patient, as letters of `cruds` in that order; empty when they allow nothing.
 * https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
 *
 * Only `system/` counts, the scopes of backend services: `patient/` and `user/` promise a limit to one patient or to what
 * one user may see, which this server does not know. A scope with a query (`system/Patient.rs?_id=1`) allows nothing,
 * since allowing more than it says is worse.
 */
export function permissionsOf(scopes: readonly string[]): string {
  const granted = scopes
    .map((scope) => SCOPE.exec(scope)?.[1] ?? "")
    .map((suffix) => FIRST_VERSION.get(suffix) ?? suffix)
    .join("");
  return [...PERMISSIONS].filter((permission) => granted.includes(permission)).join("");
}
