import { Aws, Duration, Token } from "aws-cdk-lib";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import { ENV, type EnvName } from "../../shared/runtime/env-names.ts";
import type { FhirParticleAdapterProps } from "./adapter-props.ts";
import { type TokenSettings, tokenSettingsOf } from "./authorisation-props.ts";
import type { EnvKey } from "./function-specs.ts";
import type { MappingsTable } from "./mappings-table.ts";
import type { ParticleSecrets } from "./particle-secrets.ts";

type OptionalKey = "uniqueIdentifierSystems" | "patientIdSystem" | "corsAllowedOrigins" | keyof TokenSettings;

/** Every setting that a function may be told, as its environment variable says it; absent where the default is none. */
export type Settings = Readonly<Record<Exclude<EnvKey, OptionalKey>, string> & Partial<Record<OptionalKey, string>>>;

/**
 * @throws Error where a setting would send demographics unencrypted or could not be told from another one.
 */
export function settingsOf(
  props: FhirParticleAdapterProps & { readonly settle: Duration; readonly deployment: string },
  auditLog: ILogGroup,
  mappings: MappingsTable,
  secrets: ParticleSecrets,
): Settings {
  const { particle, uniqueIdentifierSystems = [] } = props;
  if (!Token.isUnresolved(particle.baseUrl) && !particle.baseUrl.startsWith("https://")) {
    throw new Error("particle.baseUrl must be an https address: demographics travel to it.");
  }
  if (uniqueIdentifierSystems.some((system) => /\s/.test(system))) {
    throw new Error("uniqueIdentifierSystems must be URIs, which hold no blanks: a blank separates them.");
  }
  return {
    ...(props.authorisation?.kind === "oidc" && tokenSettingsOf(props.authorisation)),
    ...(props.cors && { corsAllowedOrigins: originsOf(props.cors.allowedOrigins) }),
    deployment: props.deployment,
    auditLogGroup: auditLog.logGroupName,
    auditLogEndpoint: `https://logs.${Aws.REGION}.${Aws.URL_SUFFIX}`,
    tableName: mappings.table.tableName,
    digestKeySecret: secrets.digestKey.secretArn,
    tokenSecret: secrets.token.secretArn,
    credentialsSecret: secrets.credentials.secretArn,
    particleBaseUrl: particle.baseUrl,
    particleApiVersion: particle.apiVersion ?? "v1",
    particleAuthorizationPrefix: particle.authorizationPrefix ?? "Bearer",
    particleAttemptTimeoutMs: String((particle.attemptTimeout ?? Duration.seconds(6)).toMilliseconds()),
    settleSeconds: String(props.settle.toSeconds()),
    retryWindowSeconds: String((props.retryWindow ?? Duration.hours(24)).toSeconds()),
    ...(uniqueIdentifierSystems.length > 0 && { uniqueIdentifierSystems: uniqueIdentifierSystems.join(" ") }),
    ...(props.patientIdSystem !== undefined && { patientIdSystem: props.patientIdSystem }),
    replacedPatients: props.replacedPatients ?? "keep",
    validation: props.validation ?? "strict",
    patientIdIdentifierSystem: props.patientIdIdentifierSystem ?? "https://particlehealth.com/fhir/sid/patient_id",
    particlePatientIdIdentifierSystem:
      props.particlePatientIdIdentifierSystem ?? "https://particlehealth.com/fhir/sid/particle_patient_id",
  };
}

/** https://www.rfc-editor.org/rfc/rfc6454#section-6.2, or any. */
const ORIGIN = /^(\*|https?:\/\/[^\s/?#'*]+)$/;

function originsOf(origins: readonly string[]): string {
  if (origins.length === 0 || !origins.every((origin) => Token.isUnresolved(origin) || ORIGIN.test(origin))) {
    throw new Error('cors.allowedOrigins must be origins such as "https://app.example.org", or "*".');
  }
  return origins.join(" ");
}

/** The variables of one function. */
export function environmentOf(keys: readonly EnvKey[], settings: Settings): Record<string, string> {
  const values = keys.map((key) => [ENV[key], settings[key]] as const);
  return Object.fromEntries(values.filter((entry): entry is readonly [EnvName, string] => entry[1] !== undefined));
}
