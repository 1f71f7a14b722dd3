import * as v from "valibot";
import { mayBeSsnIdentifier } from "../mapping/us-ssn.ts";
import { ENV } from "./env-names.ts";
import { isSecureUrl } from "./secure-url.ts";

const text = v.pipe(v.string(), v.minLength(1));
const count = v.pipe(v.string(), v.regex(/^\d+$/, "must be a whole number"), v.transform(Number));
const list = v.pipe(
  v.string(),
  v.transform((value) => value.split(" ").filter((one) => one !== "")),
  v.minLength(1),
);

const secureUrl = v.pipe(v.string(), v.check(isSecureUrl, "must be https (http only on a loopback address)"));

const baseUrl = v.pipe(
  secureUrl,
  v.transform((value) => value.replace(/\/+$/, "")),
);

const NO_SSN = "must not be a system of social security numbers";

const isSocialSecurity = (system: string): boolean => mayBeSsnIdentifier({ system });

const SCHEMAS = {
  deployment: text,
  auditLogGroup: text,
  auditLogEndpoint: secureUrl,
  tableName: text,
  digestKeySecret: text,
  tokenSecret: text,
  credentialsSecret: text,
  particleBaseUrl: baseUrl,
  particleApiVersion: v.picklist(["v1", "v2"]),
  particleAuthorizationPrefix: v.optional(v.string(), ""),
  particleAttemptTimeoutMs: count,
  settleSeconds: count,
  retryWindowSeconds: count,
  uniqueIdentifierSystems: v.pipe(
    v.optional(v.string(), ""),
    v.transform((value) => value.split(" ").filter((system) => system !== "")),
    v.check((systems) => !systems.some(isSocialSecurity), NO_SSN),
  ),
  patientIdSystem: v.optional(
    v.pipe(
      text,
      v.check((system) => !isSocialSecurity(system), NO_SSN),
    ),
  ),
  replacedPatients: v.optional(v.picklist(["keep", "delete"]), "keep"),
  validation: v.picklist(["strict", "lenient"]),
  patientIdIdentifierSystem: text,
  particlePatientIdIdentifierSystem: text,
  oidcIssuer: secureUrl,
  oidcAudiences: list,
  oidcAlgorithms: list,
  oidcJwksUri: v.optional(secureUrl),
  oidcClockToleranceSeconds: count,
  oidcTokenEndpoint: secureUrl,
  oidcClientAuthentication: list,
} as const satisfies Record<
  Exclude<keyof typeof ENV, "corsAllowedOrigins">,
  v.GenericSchema<string | undefined, unknown>
>;

type Settings = { readonly [Key in keyof typeof SCHEMAS]: v.InferOutput<(typeof SCHEMAS)[Key]> };

/**
 * The settings that one function needs, parsed once, at cold start.
 *
 * @throws Error that names every variable that is missing or malformed.
 */
export function readEnv<const Key extends keyof Settings>(
  env: Readonly<Record<string, string | undefined>>,
  keys: readonly Key[],
): Pick<Settings, Key> {
  const faults: string[] = [];
  const settings = keys.map((key) => {
    const result = v.safeParse(SCHEMAS[key], env[ENV[key]]);
    if (!result.success) {
      faults.push(`${ENV[key]}: ${result.issues.map((issue) => issue.message).join(", ")}`);
    }
    return [key, result.output] as const;
  });
  if (faults.length > 0) {
    throw new Error(`The environment is not usable. ${faults.join(". ")}.`);
  }
  return Object.fromEntries(settings) as Pick<Settings, Key>;
}
