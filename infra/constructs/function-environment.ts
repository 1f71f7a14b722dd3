import { Aws, Duration, Tokenization } from "aws-cdk-lib";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import { ENV, type EnvName } from "../../shared/runtime/env-names.ts";
import type { FhirParticleAdapterProps } from "./adapter-props.ts";
import { inSeconds, type TokenSettings, tokenSettingsOf } from "./authorisation-props.ts";
import type { EnvKey } from "./function-specs.ts";
import type { MappingsTable } from "./mappings-table.ts";
import type { ParticleSecrets } from "./particle-secrets.ts";

type OptionalKey = "uniqueIdentifierSystems" | "patientIdSystem" | "corsAllowedOrigins" | keyof TokenSettings;

/** Every setting that a function may be told, as its environment variable says it; absent where the default is none. */
export type Settings = Readonly<Record<Exclude<EnvKey, OptionalKey>, string> & Partial<Record<OptionalKey, string>>>;

/** Those that the props choose, or leave at their default. */
export type ChosenSettings = Omit<Settings, keyof MadeSettings>;

type MadeSettings = Pick<
  Settings,
  | "deployment"
  | "auditLogGroup"
  | "auditLogEndpoint"
  | "tableName"
  | "digestKeySecret"
  | "tokenSecret"
  | "credentialsSecret"
>;

export const DEFAULT_SETTLE = Duration.seconds(60);

export function chosenSettings(props: FhirParticleAdapterProps): ChosenSettings {
  const { particle, uniqueIdentifierSystems = [] } = props;
  const attemptTimeout = particle.attemptTimeout ?? Duration.seconds(6);
  return {
    ...(props.authorisation?.kind === "oidc" && tokenSettingsOf(props.authorisation)),
    ...(props.cors && { corsAllowedOrigins: props.cors.allowedOrigins.join(" ") }),
    particleBaseUrl: particle.baseUrl,
    particleApiVersion: particle.apiVersion ?? "v1",
    particleAuthorizationPrefix: particle.authorizationPrefix ?? "Bearer",
    particleAttemptTimeoutMs: Tokenization.stringifyNumber(attemptTimeout.toMilliseconds()),
    settleSeconds: inSeconds(props.settle ?? DEFAULT_SETTLE),
    retryWindowSeconds: inSeconds(props.retryWindow ?? Duration.hours(24)),
    ...(uniqueIdentifierSystems.length > 0 && { uniqueIdentifierSystems: uniqueIdentifierSystems.join(" ") }),
    ...(props.patientIdSystem !== undefined && { patientIdSystem: props.patientIdSystem }),
    replacedPatients: props.replacedPatients ?? "keep",
    validation: props.validation ?? "strict",
    patientIdIdentifierSystem: props.patientIdIdentifierSystem ?? "https://particlehealth.com/fhir/sid/patient_id",
    particlePatientIdIdentifierSystem:
      props.particlePatientIdIdentifierSystem ?? "https://particlehealth.com/fhir/sid/particle_patient_id",
  };
}

/** @param deployment its name in metrics */
export function settingsOf(
  chosen: ChosenSettings,
  deployment: string,
  auditLog: ILogGroup,
  mappings: MappingsTable,
  secrets: ParticleSecrets,
): Settings {
  return {
    ...chosen,
    deployment,
    auditLogGroup: auditLog.logGroupName,
    auditLogEndpoint: `https://logs.${Aws.REGION}.${Aws.URL_SUFFIX}`,
    tableName: mappings.table.tableName,
    digestKeySecret: secrets.digestKey.secretArn,
    tokenSecret: secrets.token.secretArn,
    credentialsSecret: secrets.credentials.secretArn,
  };
}

/** The variables of one function. */
export function environmentOf(keys: readonly EnvKey[], settings: Settings): Record<string, string> {
  const values = keys.map((key) => [ENV[key], settings[key]] as const);
  return Object.fromEntries(values.filter((entry): entry is readonly [EnvName, string] => entry[1] !== undefined));
}
