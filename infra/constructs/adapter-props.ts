import type { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IInterfaceVpcEndpoint } from "aws-cdk-lib/aws-ec2";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { ITopic } from "aws-cdk-lib/aws-sns";
import type { FunctionConcurrency } from "./adapter-function.ts";
import type { Authorisation } from "./authorisation-props.ts";
import type { CustomDomainSettings } from "./custom-domain.ts";
import type { Throttling } from "./fhir-api.ts";
import type { WebAcl } from "./firewall.ts";
import type { NetworkSettings } from "./function-network.ts";
import type { DeployedFunctionName } from "./function-specs.ts";

/** The Particle project that this deployment serves. */
export type ParticleProps = {
  /** Such as `https://sandbox.particlehealth.com`. */
  readonly baseUrl: string;
  /**
   * The path segment after `/api/`.
   *
   * @default "v1"
   */
  readonly apiVersion?: "v1" | "v2";
  /**
   * What stands before the token in the Authorization header; empty for the token alone.
   *
   * @default "Bearer"
   */
  readonly authorizationPrefix?: string;
  /**
   * How long one attempt may take, at most 20 seconds: attempts and the pauses between them end within that together.
   *
   * @default 6 seconds
   */
  readonly attemptTimeout?: Duration;
  /**
   * `{"client_id", "client_secret", "scope"}` of the project; only refresh-token may read it. The first token is fetched
   * while the stack is created, which fails where the secret is not there or Particle refuses it.
   *
   * @default a new secret, to be filled in after the first deployment: the first token comes within 30 minutes of that
   */
  readonly credentials?: ISecret;
};

export type FhirParticleAdapterProps = {
  readonly particle: ParticleProps;
  /**
   * How callers prove who they are: signatures of IAM principals, or access tokens of an issuer (OIDC, SMART backend
   * services).
   *
   * @default signatures
   */
  readonly authorisation?: Authorisation;
  /**
   * How long nobody decides an operation of unknown outcome, because its request may still reach Particle. Whole seconds,
   * from 1 to 180.
   *
   * @default 60 seconds
   */
  readonly settle?: Duration;
  /**
   * How long a POST of identical content is taken for a retry of the first one; zero turns this off.
   *
   * @default 24 hours
   */
  readonly retryWindow?: Duration;
  /**
   * Systems in which an identifier belongs to one patient: a second patient with it is refused. Not those of an SSN.
   *
   * @default none
   */
  readonly uniqueIdentifierSystems?: readonly string[];
  /**
   * System whose one identifier of a patient is its `patient_id` at Particle. Not that of an SSN.
   *
   * @default a fresh UUID for each patient
   */
  readonly patientIdSystem?: string;
  /**
   * What becomes of a patient at Particle that turned out to be a duplicate. Particle drops the documents of a patient
   * that is deleted.
   *
   * @default "keep"
   */
  readonly replacedPatients?: "keep" | "delete";
  /**
   * How Patients are judged where a request has no `Prefer: handling`. Lenient makes warnings of faults in elements that
   * feed no demographic. It says nothing about parameters: unknown ones are refused unless the request itself is lenient.
   *
   * @default "strict"
   */
  readonly validation?: "strict" | "lenient";
  /**
   * System of the identifier in which callers see Particle's `patient_id`.
   *
   * @default "https://particlehealth.com/fhir/sid/patient_id"
   */
  readonly patientIdIdentifierSystem?: string;
  /**
   * System of the identifier in which callers see Particle's own `particle_patient_id`.
   *
   * @default "https://particlehealth.com/fhir/sid/particle_patient_id"
   */
  readonly particlePatientIdIdentifierSystem?: string;
  /**
   * Encrypts the table, the secrets and the logs. Its policy must let CloudWatch Logs use it.
   *
   * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
   * @default a new key, rotated every year
   */
  readonly encryptionKey?: IKey;
  /**
   * What becomes of the table, the secrets, the key and the logs when they leave the stack. Anything but `DESTROY` also
   * protects the table from being deleted by hand.
   *
   * @default RemovalPolicy.RETAIN
   */
  readonly removalPolicy?: RemovalPolicy;
  /** @default RetentionDays.ONE_YEAR */
  readonly logRetention?: RetentionDays;
  /**
   * How long audit events are kept: who did what to which patient.
   *
   * @default RetentionDays.SIX_YEARS, for which HIPAA wants its documentation kept (45 CFR 164.316(b)(2)(i))
   */
  readonly auditRetention?: RetentionDays;
  /**
   * Told when an alarm begins and when it ends.
   *
   * @default alarms are seen in CloudWatch only
   */
  readonly alarmTopic?: ITopic;
  /** @default 50 requests a second, 100 at once */
  readonly throttling?: Throttling;
  /**
   * Origins whose pages may call the API from a browser, such as `https://app.example.org`; `*` = any. Preflights of
   * these are answered unsigned. With several origins, a page cannot read the errors that the gateway itself answers.
   *
   * @default no page may
   */
  readonly cors?: { readonly allowedOrigins: readonly string[] };
  /**
   * A name of your own for the API, which is then its only one: `execute-api` does not answer any more. Not together
   * with `privateEndpoint`.
   *
   * @default `https://<id>.execute-api.<region>.amazonaws.com/fhir/`
   */
  readonly customDomain?: CustomDomainSettings;
  /**
   * Interface endpoints of `execute-api` through which alone the API can be reached; they may be in several VPCs.
   *
   * @default reached over the internet, by whoever signs and is allowed to
   */
  readonly privateEndpoint?: { readonly vpcEndpoints: readonly IInterfaceVpcEndpoint[] };
  /**
   * AWS WAF in front of the API: a web ACL of scope REGIONAL, or `managed` for one of rule groups that AWS keeps, with
   * the rules that valid FHIR meets counting instead of blocking. Its refusals are 403 as an OperationOutcome.
   *
   * @default none: every caller signs, and the API is throttled
   */
  readonly firewall?: WebAcl | "managed";
  /**
   * Runs the functions inside a VPC.
   *
   * @default outside of any
   */
  readonly network?: NetworkSettings;
  /**
   * Reserved and provisioned concurrency, by function. A function with the latter is called through its alias `live`.
   * `authorize-request` is one only where callers sign in with tokens.
   *
   * @default none: the functions share what the account has, and start cold
   */
  readonly concurrency?: Readonly<Partial<Record<DeployedFunctionName, FunctionConcurrency>>>;
  /**
   * Whether to give API Gateway the role with which it writes logs. There is one for the whole account and region: turn
   * this off where something else sets it. Without any, the API does not deploy.
   *
   * @default true
   */
  readonly manageAccountLogging?: boolean;
};
