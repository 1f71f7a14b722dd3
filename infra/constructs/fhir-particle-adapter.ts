import { Duration, RemovalPolicy } from "aws-cdk-lib";
import type { IDomainName, RestApi } from "aws-cdk-lib/aws-apigateway";
import type { Dashboard, IAlarm } from "aws-cdk-lib/aws-cloudwatch";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import type { ISecurityGroup } from "aws-cdk-lib/aws-ec2";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { IFunction } from "aws-cdk-lib/aws-lambda";
import { type ILogGroup, LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { ISecret } from "aws-cdk-lib/aws-secretsmanager";
import type { IQueue } from "aws-cdk-lib/aws-sqs";
import type { CfnWebACL } from "aws-cdk-lib/aws-wafv2";
import { Construct } from "constructs";
import { type Interaction, routes } from "../../shared/http/routes.ts";
import { AdapterAlarms } from "./adapter-alarms.ts";
import { AdapterDashboard } from "./adapter-dashboard.ts";
import { AdapterFunction } from "./adapter-function.ts";
import { AdapterKey } from "./adapter-key.ts";
import { AdapterMetrics } from "./adapter-metrics.ts";
import type { FhirParticleAdapterProps } from "./adapter-props.ts";
import { DeadLetters } from "./dead-letters.ts";
import { deploymentNameOf } from "./deployment-name.ts";
import { FhirApi } from "./fhir-api.ts";
import { FirstToken } from "./first-token.ts";
import { chosenSettings, DEFAULT_SETTLE, environmentOf, settingsOf } from "./function-environment.ts";
import { FunctionNetwork } from "./function-network.ts";
import { FunctionSchedule } from "./function-schedule.ts";
import { type AdapterFunctionName, functionSpecs } from "./function-specs.ts";
import { MappingsTable } from "./mappings-table.ts";
import { ParticleSecrets } from "./particle-secrets.ts";
import { TokenAuthorizer } from "./token-authorizer.ts";
import { faultsOf } from "./wrong-props.ts";

/**
 * Registers FHIR R4 Patients with one Particle project: a REST API that AWS principals sign their requests to, a small
 * function per interaction, the table of mappings, and Particle's token, kept fresh. Nobody may call it until
 * {@link grantInvoke} says so, or `authorisation` names an issuer of tokens. It holds no physical names: a second project
 * is a second instance.
 */
export class FhirParticleAdapter extends Construct {
  readonly api: RestApi;
  /** `[base]`, with a slash at the end. */
  readonly url: string;
  /** Where `customDomain` is given. */
  readonly customDomain: IDomainName | undefined;
  readonly table: ITable;
  readonly secrets: { readonly credentials: ISecret; readonly token: ISecret; readonly digestKey: ISecret };
  readonly functions: Readonly<Record<AdapterFunctionName, IFunction>>;
  /** Verifies access tokens, where callers sign in with them. */
  readonly authorizer: IFunction | undefined;
  readonly encryptionKey: IKey;
  /** Scheduled runs that failed for good. */
  readonly deadLetters: IQueue;
  /** What the functions are in, where `network` is given: the one to let into endpoints and other things of the VPC. */
  readonly securityGroups: readonly ISecurityGroup[];
  /** Where `firewall` is `managed`, so that rules of an account's own can be added. */
  readonly webAcl: CfnWebACL | undefined;
  /** Who did what to which patient. */
  readonly auditLog: ILogGroup;
  /** Each has an article in docs/runbook.md, which its description names. */
  readonly alarms: readonly IAlarm[];
  readonly dashboard: Dashboard;

  /** @throws Error that names every prop with which the adapter would not deploy, or would not do what it is for. */
  constructor(scope: Construct, id: string, props: FhirParticleAdapterProps) {
    super(scope, id);
    const chosen = chosenSettings(props);
    const faults = faultsOf(props, chosen);
    if (faults.length > 0) {
      throw new Error(`FhirParticleAdapter ${this.node.path} cannot be made. ${faults.join(". ")}.`);
    }
    const { removalPolicy = RemovalPolicy.RETAIN, logRetention = RetentionDays.ONE_YEAR } = props;
    const deployment = deploymentNameOf(this);
    const settle = props.settle ?? DEFAULT_SETTLE;
    const encryptionKey = props.encryptionKey ?? new AdapterKey(this, "Key", { removalPolicy });

    const mappings = new MappingsTable(this, "Mappings", { encryptionKey, removalPolicy });
    const secrets = new ParticleSecrets(this, "Secrets", {
      encryptionKey,
      removalPolicy,
      credentials: props.particle.credentials,
    });

    const deadLetters = new DeadLetters(this, "DeadLetters", { removalPolicy });

    const auditLog = new LogGroup(this, "AuditLog", {
      retention: props.auditRetention ?? RetentionDays.SIX_YEARS,
      encryptionKey,
      removalPolicy,
    });

    const network = props.network && new FunctionNetwork(this, "Network", props.network);
    const settings = settingsOf(chosen, deployment, auditLog, mappings, secrets);
    const common = { encryptionKey, logRetention, removalPolicy };
    const parts = eachFunction((name) => {
      const spec = functionSpecs[name];
      const part = new AdapterFunction(this, pascalCase(name), {
        name,
        spec,
        environment: environmentOf(spec.env, settings),
        ...common,
        ...(spec.isScheduled && { deadLetters }),
        network,
        concurrency: props.concurrency?.[name],
      });
      if (spec.table) mappings.grant(part.lambda, spec.table);
      if (spec.token === "read") secrets.grantTokenRead(part.lambda);
      if (spec.token === "write") secrets.grantTokenWrite(part.lambda);
      if (spec.digestKey) secrets.grantDigestKeyRead(part.lambda);
      if (spec.audit) auditLog.grantWrite(part.lambda);
      if (spec.credentials) secrets.grantCredentialsRead(part.lambda);
      return part;
    });
    const functions = eachFunction((name) => parts[name].target);
    // Half the life of a token, so that one missed run is harmless.
    new FunctionSchedule(this, "TokenSchedule", {
      target: functions["refresh-token"],
      every: Duration.minutes(30),
      deadLetters,
    });
    new FunctionSchedule(this, "RecoverySchedule", {
      target: functions["recover-registrations"],
      every: Duration.minutes(1),
      deadLetters,
    });

    const { authorisation } = props;
    const signIn =
      authorisation?.kind === "oidc"
        ? new TokenAuthorizer(this, "SignIn", {
            authorisation,
            settings,
            ...common,
            network,
            concurrency: props.concurrency?.["authorize-request"],
          })
        : undefined;
    const { api, url, customDomain, firewall } = new FhirApi(this, "Api", {
      name: deployment,
      functions,
      authorizer: signIn?.authorizer,
      settle,
      cors: props.cors,
      throttling: props.throttling ?? { rateLimit: 50, burstLimit: 100 },
      customDomain: props.customDomain,
      privateEndpoint: props.privateEndpoint,
      firewall: props.firewall,
      manageAccountLogging: props.manageAccountLogging ?? true,
      encryptionKey,
      logRetention,
      removalPolicy,
    });
    if (props.particle.credentials) {
      new FirstToken(this, "FirstToken", { refreshToken: parts["refresh-token"].lambda, after: api.deploymentStage });
    }

    const metrics = new AdapterMetrics(deployment);
    const watched = {
      metrics,
      stage: api.deploymentStage,
      functions: { ...functions, ...(signIn && { "authorize-request": signIn.target }) },
      mappings,
      deadLetters,
    };
    const alarms = new AdapterAlarms(this, "Alarms", watched, props.alarmTopic).all;

    this.auditLog = auditLog;
    this.alarms = alarms;
    this.dashboard = new AdapterDashboard(this, "Dashboard", watched, alarms);
    this.api = api;
    this.url = url;
    this.customDomain = customDomain?.domain;
    this.table = mappings.table;
    this.secrets = secrets;
    this.functions = functions;
    this.authorizer = signIn?.target;
    this.encryptionKey = encryptionKey;
    this.deadLetters = deadLetters;
    this.securityGroups = network?.securityGroups ?? [];
    this.webAcl = firewall?.managed;
  }

  /** Lets a principal of this account call every interaction; without effect where callers sign in with tokens. */
  grantInvoke(grantee: IGrantable): Grant {
    return this.grantRoutes(grantee, [{ method: "*", path: "/*" }]);
  }

  /** Lets a principal of this account read and search, and nothing that changes or registers a patient. */
  grantRead(grantee: IGrantable): Grant {
    return this.grantRoutes(
      grantee,
      routes.filter(({ interaction }) => READS.includes(interaction)),
    );
  }

  private grantRoutes(grantee: IGrantable, granted: readonly { method: string; path: string }[]): Grant {
    const { stageName } = this.api.deploymentStage;
    return Grant.addToPrincipal({
      grantee,
      actions: ["execute-api:Invoke"],
      resourceArns: granted.map(({ method, path }) =>
        this.api.arnForExecuteApi(method, path.replaceAll(/\{[^}]+\}/g, "*"), stageName),
      ),
    });
  }
}

const READS: readonly Interaction[] = ["read", "vread", "search-type", "capabilities"];

function eachFunction<Part>(make: (name: AdapterFunctionName) => Part): Record<AdapterFunctionName, Part> {
  const names = Object.keys(functionSpecs) as AdapterFunctionName[];
  return Object.fromEntries(names.map((name) => [name, make(name)])) as Record<AdapterFunctionName, Part>;
}

const pascalCase = (name: string) => name.replace(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase());
