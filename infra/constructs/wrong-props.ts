import { Token } from "aws-cdk-lib";
import { faultOf, type SettingName } from "../../shared/runtime/env.ts";
import type { FunctionConcurrency } from "./adapter-function.ts";
import type { FhirParticleAdapterProps } from "./adapter-props.ts";
import type { ChosenSettings } from "./function-environment.ts";

/** The prop that chooses a setting. Whether a function takes its value, the function's own schema says. */
const PROP_OF: Readonly<Record<Exclude<keyof ChosenSettings, "corsAllowedOrigins">, string>> = {
  particleBaseUrl: "particle.baseUrl",
  particleApiVersion: "particle.apiVersion",
  particleAuthorizationPrefix: "particle.authorizationPrefix",
  particleAttemptTimeoutMs: "particle.attemptTimeout",
  settleSeconds: "settle",
  retryWindowSeconds: "retryWindow",
  uniqueIdentifierSystems: "uniqueIdentifierSystems",
  patientIdSystem: "patientIdSystem",
  replacedPatients: "replacedPatients",
  validation: "validation",
  patientIdIdentifierSystem: "patientIdIdentifierSystem",
  particlePatientIdIdentifierSystem: "particlePatientIdIdentifierSystem",
  oidcIssuer: "authorisation.issuer",
  oidcAudiences: "authorisation.audiences",
  oidcAlgorithms: "authorisation.algorithms",
  oidcJwksUri: "authorisation.jwksUri",
  oidcClockToleranceSeconds: "authorisation.clockTolerance",
  oidcTokenEndpoint: "authorisation.tokenEndpoint",
  oidcClientAuthentication: "authorisation.clientAuthentication",
};

const isOpen = (url: string): boolean => /^http:/i.test(url);

/** The alarms on operations of unknown outcome see each attempt to decide one when it comes at least this often. */
const LONGEST_SETTLE_SECONDS = 180;

/** What a function would take, because tests need it, and no deployment may have. */
const NOT_DEPLOYED: Readonly<
  Partial<Record<SettingName, readonly [isWrong: (value: string) => boolean, fault: string]>>
> = {
  particleBaseUrl: [isOpen, "must be an https address: demographics travel to it"],
  oidcIssuer: [isOpen, "must be an https address: it decides who may call"],
  oidcJwksUri: [isOpen, "must be an https address: it decides who may call"],
  oidcTokenEndpoint: [isOpen, "must be an https address: secrets of clients travel to it"],
  settleSeconds: [
    (value) => Number(value) < 1 || Number(value) > LONGEST_SETTLE_SECONDS,
    "must be from 1 second to 3 minutes: what was sent last may still arrive at Particle, and alarms wait for the decision",
  ],
};

/** https://www.rfc-editor.org/rfc/rfc6454#section-6.2, or any. */
const ORIGIN = /^(\*|https?:\/\/[^\s/?#'*]+)$/;

/**
 * Everything that is wrong with the props, each fault with the prop that it is about and without its value. What only a
 * deployment knows is not judged.
 */
export function faultsOf(props: FhirParticleAdapterProps, chosen: ChosenSettings): readonly string[] {
  const { uniqueIdentifierSystems = [], authorisation, cors, customDomain, privateEndpoint } = props;
  const audiences = authorisation?.kind === "oidc" ? authorisation.audiences : [];
  const faults = [
    ...settingFaults(chosen),
    ...listFaults("uniqueIdentifierSystems", uniqueIdentifierSystems),
    ...listFaults("oidcAudiences", audiences),
    ...(cors?.allowedOrigins.length === 0 || cors?.allowedOrigins.some((one) => isKnown(one) && !ORIGIN.test(one))
      ? ['cors.allowedOrigins must be origins such as "https://app.example.org", or "*"']
      : []),
    ...(customDomain && privateEndpoint
      ? ["customDomain is the name of a public API: an API with privateEndpoint has none"]
      : []),
    ...(privateEndpoint?.vpcEndpoints.length === 0
      ? ["privateEndpoint.vpcEndpoints is empty: nobody could reach the API"]
      : []),
    ...(props.concurrency?.["authorize-request"] && authorisation?.kind !== "oidc"
      ? ["concurrency.authorize-request is of a function that is there only where callers sign in with tokens"]
      : []),
    ...Object.entries(props.concurrency ?? {}).flatMap(([name, concurrency]) => concurrencyFaults(name, concurrency)),
  ];
  return [...new Set(faults)];
}

const isKnown = (value: unknown): boolean => !Token.isUnresolved(value);

function settingFaults(chosen: ChosenSettings): readonly string[] {
  const names = Object.keys(PROP_OF) as (keyof typeof PROP_OF)[];
  return names.flatMap((name) => settingFault(name, chosen[name]));
}

function settingFault(name: keyof typeof PROP_OF, value: string | undefined): readonly string[] {
  if (value === undefined || !isKnown(value)) {
    return [];
  }
  const [isWrong, why] = NOT_DEPLOYED[name] ?? [];
  const fault = isWrong?.(value) ? why : faultOf(name, value);
  return fault === undefined ? [] : [`${PROP_OF[name]} ${fault}`];
}

/** A function is told a list as one variable, in which a value that is not known yet would hide the others. */
const listFaults = (name: keyof typeof PROP_OF, list: readonly string[]): readonly string[] =>
  list.flatMap((one) =>
    isKnown(one) && !/^\S+$/.test(one)
      ? [`${PROP_OF[name]} must not be empty or hold blanks: a blank separates them`]
      : settingFault(name, one),
  );

function concurrencyFaults(name: string, { reserved, provisioned }: FunctionConcurrency): readonly string[] {
  const prop = `concurrency.${name}`;
  const isCount = (value: number, least: number) => !isKnown(value) || (Number.isInteger(value) && value >= least);
  return [
    ...(reserved !== undefined && !isCount(reserved, 0) ? [`${prop}.reserved must be a whole number`] : []),
    ...(provisioned !== undefined && !isCount(provisioned, 1)
      ? [`${prop}.provisioned must be a whole number of at least 1: leave it out to keep none started`]
      : []),
    ...(reserved !== undefined && provisioned !== undefined && isKnown(reserved) && provisioned > reserved
      ? [`${prop}.provisioned must be at most what is reserved`]
      : []),
  ];
}
