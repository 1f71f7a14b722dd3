import { Duration } from "aws-cdk-lib";
import type { FunctionName } from "../../shared/http/routes.ts";
import type { ENV } from "../../shared/runtime/env-names.ts";
import type { TableAccess } from "./mappings-table.ts";

/** The functions of the route table, the answer to whatever it does not name, and those that no request reaches. */
export type AdapterFunctionName = FunctionName | "answer-unrouted" | "refresh-token" | "recover-registrations";

/** With the one that is there only where callers sign in with tokens. */
export type DeployedFunctionName = AdapterFunctionName | "authorize-request";

export type EnvKey = keyof typeof ENV;

/** What one function may touch and is told. What is not named here it does not get. */
export type FunctionSpec = {
  readonly description: string;
  /** MB; a full vCPU comes at 1,769, so memory buys the CPU of a cold start. */
  readonly memory: 512 | 1024;
  readonly timeout: Duration;
  readonly env: readonly EnvKey[];
  readonly table?: TableAccess;
  readonly token?: "read" | "write";
  readonly digestKey?: "read";
  readonly credentials?: "read";
  readonly audit?: "write";
  /** Runs by itself, so nobody else is told when it fails. */
  readonly isScheduled?: true;
};

/** Below the 29 s of the gateway, so that a function that hangs ends before its caller is told so. */
const HTTP_TIMEOUT = Duration.seconds(25);

const particle = [
  "tokenSecret",
  "particleBaseUrl",
  "particleApiVersion",
  "particleAuthorizationPrefix",
  "particleAttemptTimeoutMs",
] as const satisfies readonly EnvKey[];

const identifierSystems = [
  "patientIdIdentifierSystem",
  "particlePatientIdIdentifierSystem",
] as const satisfies readonly EnvKey[];

/** Whatever answers HTTP. */
const http = ["corsAllowedOrigins"] as const satisfies readonly EnvKey[];

/** Whatever serves patients. */
const audited = ["auditLogGroup", "auditLogEndpoint"] as const satisfies readonly EnvKey[];

/** Whatever measures. */
const measured = ["deployment"] as const satisfies readonly EnvKey[];

/** A function that changes a patient runs the whole protocol of registration. */
const writer = {
  memory: 1024,
  timeout: HTTP_TIMEOUT,
  env: [
    ...http,
    ...audited,
    ...measured,
    ...particle,
    ...identifierSystems,
    "tableName",
    "digestKeySecret",
    "settleSeconds",
    "retryWindowSeconds",
    "uniqueIdentifierSystems",
    "patientIdSystem",
    "replacedPatients",
  ],
  table: "write",
  token: "read",
  digestKey: "read",
  audit: "write",
} as const satisfies Partial<FunctionSpec>;

/** A function that is sent Patients. */
const receiver = { ...writer, env: [...writer.env, "validation"] } as const satisfies Partial<FunctionSpec>;

/** A function that answers from the route table alone. */
const plain = {
  memory: 512,
  timeout: HTTP_TIMEOUT,
  env: [...http, ...measured],
} as const satisfies Partial<FunctionSpec>;

export const functionSpecs: Readonly<Record<AdapterFunctionName, FunctionSpec>> = {
  "create-patient": { ...receiver, description: "POST /Patient" },
  "update-patient": { ...receiver, description: "PUT /Patient/{id}, PUT /Patient?identifier=" },
  "patch-patient": { ...receiver, table: "change", description: "PATCH /Patient/{id}" },
  "delete-patient": { ...writer, description: "DELETE /Patient/{id}, DELETE /Patient?identifier=" },
  "read-patient": {
    description: "GET /Patient/{id}, GET /Patient/{id}/_history/{versionId}",
    memory: 1024,
    timeout: HTTP_TIMEOUT,
    env: [...http, ...audited, ...measured, ...particle, ...identifierSystems, "tableName"],
    table: "find",
    token: "read",
    audit: "write",
  },
  "search-patients": {
    description: "GET /Patient, POST /Patient/_search",
    memory: 1024,
    timeout: HTTP_TIMEOUT,
    env: [...http, ...audited, ...measured, ...particle, ...identifierSystems, "tableName", "digestKeySecret"],
    table: "search",
    token: "read",
    digestKey: "read",
    audit: "write",
  },
  "patient-operation": {
    description: "POST /Patient/$validate, POST /Patient/{id}/$validate, POST /Patient/$to-particle",
    memory: 1024,
    timeout: HTTP_TIMEOUT,
    env: [
      ...http,
      ...audited,
      ...measured,
      ...identifierSystems,
      "patientIdSystem",
      "validation",
      "tableName",
      "digestKeySecret",
    ],
    table: "find",
    digestKey: "read",
    audit: "write",
  },
  "process-bundle": { ...receiver, description: "POST / with a batch or a transaction" },
  "describe-capabilities": {
    ...plain,
    description: "GET /metadata, GET /.well-known/smart-configuration",
    env: [...plain.env, "oidcIssuer", "oidcJwksUri", "oidcTokenEndpoint", "oidcClientAuthentication"],
  },
  "answer-unrouted": { ...plain, description: "404 and 405 as FHIR OperationOutcome" },
  "recover-registrations": {
    memory: writer.memory,
    env: writer.env.filter((key) => !http.some((other) => other === key)),
    token: writer.token,
    digestKey: writer.digestKey,
    description: "Decides the operations of unknown outcome that nobody came back for",
    timeout: Duration.seconds(55),
    table: "recover",
    audit: "write",
    isScheduled: true,
  },
  "refresh-token": {
    description: "Trades the client id and secret for Particle's current token",
    memory: 512,
    timeout: Duration.seconds(60),
    env: [...measured, "credentialsSecret", "tokenSecret", "particleBaseUrl"],
    token: "write",
    credentials: "read",
    isScheduled: true,
  },
};

/** Of authorize-request, which is there only where callers sign in with tokens. It may touch nothing. */
export const authorizerSpec: FunctionSpec = {
  description: "Verifies access tokens",
  memory: 512,
  timeout: Duration.seconds(10),
  env: [...measured, "oidcIssuer", "oidcAudiences", "oidcAlgorithms", "oidcJwksUri", "oidcClockToleranceSeconds"],
};
