/**
 * Names of the environment variables of the functions. The CDK app sets them and `env.ts` reads them, so a name that
 * only one side knows does not compile.
 */
export const ENV = {
  /** Names this deployment in its metrics. */
  deployment: "DEPLOYMENT",
  /** Name of the log group of audit events. */
  auditLogGroup: "AUDIT_LOG_GROUP",
  /** CloudWatch Logs of the region, whose domain is another one in some partitions. */
  auditLogEndpoint: "AUDIT_LOG_ENDPOINT",
  /** Name of the DynamoDB table. */
  tableName: "TABLE_NAME",
  /** ARN of the secret `{"current": "<key id>", "<key id>": "<key>"}` for digests and keyed hashes. */
  digestKeySecret: "DIGEST_KEY_SECRET_ARN",
  /** ARN of the secret that holds Particle's current JWT as bare text. */
  tokenSecret: "PARTICLE_TOKEN_SECRET_ARN",
  /** ARN of the secret `{"client_id", "client_secret", "scope"?}`; only refresh-token may read it. */
  credentialsSecret: "PARTICLE_CREDENTIALS_SECRET_ARN",
  /** Such as `https://api.particlehealth.com`; plain http only for loopback addresses. */
  particleBaseUrl: "PARTICLE_BASE_URL",
  /** `v1` or `v2`, the path segment after `/api/`. */
  particleApiVersion: "PARTICLE_API_VERSION",
  /** What stands before the token in the Authorization header, `Bearer`; empty for the raw token. */
  particleAuthorizationPrefix: "PARTICLE_AUTHORIZATION_PREFIX",
  /** Milliseconds that one attempt at Particle may take. */
  particleAttemptTimeoutMs: "PARTICLE_ATTEMPT_TIMEOUT_MS",
  /** Seconds after its deadline during which nobody decides an operation of unknown outcome. */
  settleSeconds: "SETTLE_SECONDS",
  /** Seconds during which identical content is taken for a retry; 0 = never. */
  retryWindowSeconds: "RETRY_WINDOW_SECONDS",
  /** Systems, separated by blanks, in which an identifier belongs to one patient. */
  uniqueIdentifierSystems: "UNIQUE_IDENTIFIER_SYSTEMS",
  /** System whose one identifier of a patient is its patient_id; unset = a fresh UUID. */
  patientIdSystem: "PATIENT_ID_SYSTEM",
  /** `keep` or `delete`: what becomes of a patient at Particle that turned out to be a duplicate. */
  replacedPatients: "REPLACED_PATIENTS",
  /** `strict` or `lenient`: how a Patient is judged where its request does not say. */
  validation: "VALIDATION",
  /** System of the identifier that carries Particle's patient_id in what this server answers. */
  patientIdIdentifierSystem: "PATIENT_ID_IDENTIFIER_SYSTEM",
  /** System of the identifier that carries Particle's own particle_patient_id. */
  particlePatientIdIdentifierSystem: "PARTICLE_PATIENT_ID_IDENTIFIER_SYSTEM",
  /** Origins, separated by blanks, whose pages may call the API; `*` = any, unset = none. */
  corsAllowedOrigins: "CORS_ALLOWED_ORIGINS",
  /** `iss` of the access tokens; set only where callers sign in with tokens, as the following are. */
  oidcIssuer: "OIDC_ISSUER",
  /** Values of `aud`, separated by blanks, one of which a token must name. */
  oidcAudiences: "OIDC_AUDIENCES",
  /** Signature algorithms that are taken, separated by blanks. */
  oidcAlgorithms: "OIDC_ALGORITHMS",
  /** Where the issuer's keys are; unset = where its OpenID discovery says. */
  oidcJwksUri: "OIDC_JWKS_URI",
  /** Seconds that the issuer's clock and ours may be apart. */
  oidcClockToleranceSeconds: "OIDC_CLOCK_TOLERANCE_SECONDS",
  /** Where clients get a token; said in /metadata and smart-configuration. */
  oidcTokenEndpoint: "OIDC_TOKEN_ENDPOINT",
  /** How clients authenticate there, separated by blanks: `private_key_jwt` and others. */
  oidcClientAuthentication: "OIDC_CLIENT_AUTHENTICATION",
} as const;

export type EnvName = (typeof ENV)[keyof typeof ENV];
