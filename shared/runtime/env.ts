import * as v from "valibot";
import { mayBeSsnIdentifier } from "../mapping/us-ssn.ts";
import { LONGEST_REQUEST_MS } from "./deadline.ts";
import { ENV } from "./env-names.ts";
import { isSecureUrl } from "./secure-url.ts";

const text = v.pipe(v.string(), v.minLength(1, "must not be empty"));
const system = v.pipe(v.string(), v.regex(/^\S+$/, "must be a URI, which is not empty and holds no blanks"));
const count = v.pipe(v.string(), v.regex(/^\d+$/, "must be a whole number"), v.transform(Number));
const list = v.pipe(
  v.string(),
  v.transform((value) => value.split(" ").filter((one) => one !== "")),
  v.minLength(1, "must name at least one"),
);

const secureUrl = v.pipe(v.string(), v.check(isSecureUrl, "must be an https address (http only on a loopback one)"));

const baseUrl = v.pipe(
  secureUrl,
  v.regex(/^[^?#]*$/, "must have neither a query nor a fragment: paths are appended to it"),
  v.transform((value) => value.replace(/\/+$/, "")),
);

const NO_SSN = "must not be a system of social security numbers";

const isSocialSecurity = (name: string): boolean => mayBeSsnIdentifier({ system: name });

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
  particleAttemptTimeoutMs: v.pipe(
    count,
    v.check(
      (ms) => ms > 0 && ms <= LONGEST_REQUEST_MS,
      `must be longer than nothing, and at most the ${LONGEST_REQUEST_MS / 1_000} seconds that a request has`,
    ),
  ),
  settleSeconds: count,
  retryWindowSeconds: count,
  uniqueIdentifierSystems: v.pipe(
    v.optional(v.string(), ""),
    v.transform((value) => value.split(" ").filter((one) => one !== "")),
    v.check((systems) => !systems.some(isSocialSecurity), NO_SSN),
  ),
  patientIdSystem: v.optional(
    v.pipe(
      system,
      v.check((name) => !isSocialSecurity(name), NO_SSN),
    ),
  ),
  replacedPatients: v.optional(v.picklist(["keep", "delete"]), "keep"),
  validation: v.picklist(["strict", "lenient"]),
  patientIdIdentifierSystem: system,
  particlePatientIdIdentifierSystem: system,
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

export type SettingName = keyof typeof SCHEMAS;

/** What is wrong with the value of a variable, in words that do not repeat it; undefined where a function takes it. */
export function faultOf(key: SettingName, value: string | undefined): string | undefined {
  return wordsOf(v.safeParse(SCHEMAS[key], value).issues);
}

const wordsOf = (issues: readonly { readonly message: string }[] | undefined): string | undefined =>
  issues?.map(({ message }) => message).join(", ");

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
    const { issues, output } = v.safeParse(SCHEMAS[key], env[ENV[key]]);
    const fault = wordsOf(issues);
    if (fault !== undefined) {
      faults.push(`${ENV[key]}: ${fault}`);
    }
    return [key, output] as const;
  });
  if (faults.length > 0) {
    throw new Error(`The environment is not usable. ${faults.join(". ")}.`);
  }
  return Object.fromEntries(settings) as Pick<Settings, Key>;
}
