import { join } from "node:path";
import { ENV } from "../shared/runtime/env-names.ts";
import type { AwsCall } from "./aws-json/endpoint.ts";
import {
  type EmbeddedCloudWatchLogs,
  startEmbeddedCloudWatchLogs,
} from "./cloudwatch-logs/embedded-cloudwatch-logs.ts";
import { type EmbeddedDynamoDb, startEmbeddedDynamoDb } from "./dynamodb/embedded-dynamodb.ts";
import { createTableFromTemplate } from "./dynamodb/table-from-template.ts";
import { type Gateway, startGateway } from "./gateway/gateway.ts";
import { initialSecretValue } from "./generated-secret.ts";
import { type Issuer, startIssuer } from "./issuer/issuer.ts";
import { createFunctionFleet, type FunctionFleet } from "./lambda/function-fleet.ts";
import { createFunctionLog, type LogEntry } from "./lambda/function-log.ts";
import type { InvocationResult } from "./lambda/protocol.ts";
import { type MappingPage, startMappingPage } from "./page/mapping-page.ts";
import { type ParticleSimulator, startParticleSimulator } from "./particle/simulator.ts";
import {
  type EmbeddedSecretsManager,
  startEmbeddedSecretsManager,
} from "./secrets-manager/embedded-secrets-manager.ts";
import { readStack } from "./template/assembly.ts";
import { type Deployment, readDeployment, type ScheduleDefinition } from "./template/deployment.ts";

/** What the Particle simulator accepts by default. */
const LOCAL_CREDENTIALS = { client_id: "local-client", client_secret: "local-secret" };

/** Enough to keep two cores busy while functions wait for Particle; each worker holds a bundle in memory. */
const DEFAULT_CONCURRENCY = 4;

const LOG_CAPACITY = 10_000;

export type TwinOptions = {
  /** A synthesised cloud assembly. */
  readonly outDir: string;
  /** Which of its stages is served. @default "beta" */
  readonly stage?: string;
  /** Of the gateway. @default 0, any free one */
  readonly port?: number;
  /** Of the Particle simulator. @default 0, any free one */
  readonly particlePort?: number;
  /** Of the page that shows what becomes of a Patient. @default 0, any free one */
  readonly pagePort?: number;
  /** Of the issuer of tokens, where the assembly has callers sign in with tokens. @default 0, any free one */
  readonly issuerPort?: number;
  /** Keeps table, secrets and Particle's patients over restarts; one twin at a time. @default in memory */
  readonly dataDir?: string;
  /** Other values for variables that the template sets, such as `SETTLE_SECONDS`, for every function that has them. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Variables that a template need not set, such as `UNIQUE_IDENTIFIER_SYSTEMS`, for every function. */
  readonly optionalEnvironment?: Readonly<Record<string, string>>;
  /** Another time-out for every function, so that a test need not wait as long as a deployment may. */
  readonly timeoutMs?: number;
  /** The most workers of one function that run at the same time; further requests wait. @default 4 */
  readonly functionConcurrency?: number;
  /** Called with each write of a function to its output. */
  readonly onLog?: (entry: LogEntry) => void;
  /** Called with each call of a function to DynamoDB, Secrets Manager or CloudWatch Logs, before it is served. */
  readonly onAwsCall?: (call: AwsCall) => void;
};

export type Twin = {
  /** `[base]` of the FHIR API. */
  readonly url: string;
  readonly gateway: Gateway;
  readonly particle: ParticleSimulator;
  readonly dynamodb: EmbeddedDynamoDb;
  readonly secrets: EmbeddedSecretsManager;
  readonly page: MappingPage;
  /** What functions put into log groups other than their own: the audit. */
  readonly logGroups: EmbeddedCloudWatchLogs;
  /** Undefined where callers sign with IAM credentials. */
  readonly issuer: Issuer | undefined;
  readonly tableName: string;
  readonly deployment: Deployment;
  /** Invokes a function (by its construct's id, such as `RefreshToken`) as AWS services do, past the gateway. */
  invoke(functionName: string, event: unknown): Promise<InvocationResult>;
  /** Ends the running workers of a function dead; answers how many there were. The next request starts new ones. */
  kill(functionName: string): Promise<number>;
  /** The latest output of the functions, oldest first. */
  logs(): readonly LogEntry[];
  close(): Promise<void>;
};

/**
 * The whole deployment on this machine, without AWS: what `outDir` describes, on an embedded DynamoDB, an embedded
 * Secrets Manager and CloudWatch Logs and a simulator of Particle. Secrets hold what CloudFormation would generate, but the credentials are
 * the simulator's. Schedules run once before this resolves, as they do when they are deployed, and then at their rate.
 *
 * @throws Error when a port is taken, the assembly is not understood or a schedule's first run fails; nothing of it is
 * left running then
 */
export async function startTwin(options: TwinOptions): Promise<Twin> {
  const closers: (() => Promise<void> | void)[] = [];
  const close = async () => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) {
      await closer();
    }
  };
  try {
    return await start(options, closers, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(
  options: TwinOptions,
  closers: (() => Promise<void> | void)[],
  close: () => Promise<void>,
): Promise<Twin> {
  const { outDir, stage = "beta", port = 0, particlePort = 0, pagePort = 0, dataDir, onAwsCall: onCall } = options;
  const stack = readStack(outDir, stage);
  const deployment = readDeployment(stack);
  const [tableName = "", ...furtherTables] = deployment.tableNames;
  if (tableName === "" || furtherTables.length > 0) {
    throw new Error("The local twin serves a template with one table.");
  }

  const particle = await startParticleSimulator({
    port: particlePort,
    ...(dataDir !== undefined && { dataDir: join(dataDir, "particle") }),
  });
  closers.push(() => particle.close());
  const dynamodb = await startEmbeddedDynamoDb({
    port: 0,
    onCall,
    ...(dataDir !== undefined && { dataDir: join(dataDir, "dynamodb") }),
  });
  closers.push(() => dynamodb.close());
  await createTableFromTemplate(dynamodb.url, stack.template, tableName);
  const secrets = await startEmbeddedSecretsManager({
    port: 0,
    onCall,
    ...(dataDir !== undefined && { dataFile: join(dataDir, "secrets.json") }),
  });
  closers.push(() => secrets.close());
  await createSecrets(secrets, deployment);
  const logGroups = await startEmbeddedCloudWatchLogs(deployment.logGroupNames, onCall);
  closers.push(() => logGroups.close());

  const issuer = await startIssuerOf(deployment, options.issuerPort ?? 0);
  if (issuer) {
    closers.push(() => issuer.close());
  }

  const log = createFunctionLog(LOG_CAPACITY, options.onLog);
  const { timeoutMs } = options;
  const functions = deployment.functions.map((definition) => ({
    ...definition,
    ...(timeoutMs !== undefined && { timeoutMs }),
    environment: { ...definition.environment, ...options.optionalEnvironment },
  }));
  const fleet = createFunctionFleet(functions, {
    endpoints: { dynamodb: dynamodb.url, secretsManager: secrets.url },
    environment: {
      ...options.environment,
      [ENV.particleBaseUrl]: particle.url,
      [ENV.auditLogEndpoint]: logGroups.url,
      ...(issuer && { [ENV.oidcIssuer]: issuer.url, [ENV.oidcTokenEndpoint]: issuer.tokenEndpoint }),
    },
    concurrency: options.functionConcurrency ?? DEFAULT_CONCURRENCY,
    log,
  });
  closers.push(() => fleet.close());
  await Promise.all(deployment.schedules.map((schedule) => firstRun(schedule, fleet)));
  closers.push(keepSchedules(deployment.schedules, fleet));

  const gateway = await startGateway({ api: deployment.api, invoke: fleet.invoke, port });
  closers.push(() => gateway.close());
  const page = await startMappingPage(pagePort);
  closers.push(() => page.close());

  return {
    url: gateway.url,
    gateway,
    particle,
    dynamodb,
    secrets,
    page,
    logGroups,
    issuer,
    tableName,
    deployment,
    invoke: (functionName, event) => fleet.invoke(functionName, JSON.stringify(event)),
    kill: (functionName) => fleet.kill(functionName),
    logs: () => log.entries(),
    close,
  };
}

/** An issuer of tokens for the audience that the functions expect, where they expect any. */
async function startIssuerOf({ functions }: Deployment, port: number): Promise<Issuer | undefined> {
  const audiences = functions.map(({ environment }) => environment[ENV.oidcAudiences]).find((value) => value);
  return audiences === undefined ? undefined : startIssuer({ port, audience: audiences.split(" ")[0] ?? "" });
}

/** Secrets that are there from an earlier start keep their value: what was hashed with a key needs that key. */
async function createSecrets(secrets: EmbeddedSecretsManager, deployment: Deployment): Promise<void> {
  const credentialArns = new Set(deployment.functions.map(({ environment }) => environment[ENV.credentialsSecret]));
  for (const arn of credentialArns) {
    // Where the template does not make the secret itself, it refers to one that its operator has put there.
    if (arn !== undefined && deployment.secrets.every((secret) => secret.arn !== arn)) {
      const name = arn.split(":secret:")[1] ?? arn;
      await secrets.createSecret({ name, arn, value: JSON.stringify(LOCAL_CREDENTIALS) });
    }
  }
  for (const secret of deployment.secrets) {
    const value = credentialArns.has(secret.arn) ? JSON.stringify(LOCAL_CREDENTIALS) : initialSecretValue(secret);
    await secrets.createSecret({ name: secret.name, arn: secret.arn, value });
  }
}

async function firstRun({ name, functionArn, input }: ScheduleDefinition, fleet: FunctionFleet): Promise<void> {
  const result = await fleet.invoke(functionArn, input);
  if (!result.ok) {
    throw new Error(`The first run of the schedule ${name} failed: ${result.errorType}: ${result.errorMessage}`);
  }
}

/** A run that fails is in the function's log; the next one follows all the same. */
function keepSchedules(schedules: readonly ScheduleDefinition[], fleet: FunctionFleet): () => void {
  const timers = schedules.map(({ everyMs, functionArn, input }) =>
    setInterval(() => void fleet.invoke(functionArn, input), everyMs),
  );
  return () => {
    for (const timer of timers) {
      clearInterval(timer);
    }
  };
}
