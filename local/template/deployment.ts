import * as v from "valibot";
import type { SynthesisedStack } from "./assembly.ts";
import { intrinsicsOf } from "./intrinsics.ts";
import { type ResolvedResources, type RestApi, readRestApi, understood } from "./rest-api.ts";

export type FunctionDefinition = {
  readonly name: string;
  readonly arn: string;
  /** Such as `index.handler`: file without its ending, and export. */
  readonly handler: string;
  /** The folder that Lambda would unpack the bundle into. */
  readonly taskRoot: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  /** What the template sets; Lambda's own variables come on top. */
  readonly environment: Readonly<Record<string, string>>;
};

export type SecretDefinition = {
  readonly name: string;
  readonly arn: string;
  readonly secretString?: string;
  readonly generate?: v.InferOutput<typeof generateSchema>;
};

export type ScheduleDefinition = {
  readonly name: string;
  readonly everyMs: number;
  readonly functionArn: string;
  /** JSON that the function is invoked with. */
  readonly input: string;
};

/** What a synthesised stack says that the local twin needs to know; nothing of it is configured a second time. */
export type Deployment = {
  readonly api: RestApi;
  readonly functions: readonly FunctionDefinition[];
  readonly tableNames: readonly string[];
  readonly logGroupNames: readonly string[];
  readonly secrets: readonly SecretDefinition[];
  readonly schedules: readonly ScheduleDefinition[];
};

const functionSchema = v.object({
  Code: v.object({ S3Key: v.string() }),
  Handler: v.string(),
  // Defaults of AWS::Lambda::Function.
  Timeout: v.optional(v.number(), 3),
  MemorySize: v.optional(v.number(), 128),
  Runtime: v.pipe(v.string(), v.regex(/^nodejs/, "only functions on Node.js run locally")),
  Environment: v.optional(v.object({ Variables: v.optional(v.record(v.string(), v.string()), {}) })),
});

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-secretsmanager-secret-generatesecretstring.html */
const generateSchema = v.object({
  SecretStringTemplate: v.optional(v.string()),
  GenerateStringKey: v.optional(v.string()),
  PasswordLength: v.optional(v.number(), 32),
  ExcludeCharacters: v.optional(v.string(), ""),
  ExcludeLowercase: v.optional(v.boolean(), false),
  ExcludeUppercase: v.optional(v.boolean(), false),
  ExcludeNumbers: v.optional(v.boolean(), false),
  ExcludePunctuation: v.optional(v.boolean(), false),
  IncludeSpace: v.optional(v.boolean(), false),
});

const secretSchema = v.object({
  SecretString: v.optional(v.string()),
  GenerateSecretString: v.optional(generateSchema),
});

const UNIT_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

const rateSchema = v.pipe(
  v.string(),
  v.regex(/^rate\(\d+ (minute|hour|day)s?\)$/, "only schedules of the form rate(…) run locally"),
  v.transform((rate) => {
    const [count = "", unit = ""] = rate.slice("rate(".length, -1).split(" ");
    return Number(count) * (UNIT_MS[unit.replace(/s$/, "")] ?? 0);
  }),
);

const scheduleSchema = v.object({
  ScheduleExpression: rateSchema,
  Target: v.object({ Arn: v.string(), Input: v.optional(v.string(), "{}") }),
});

const ruleSchema = v.object({
  ScheduleExpression: rateSchema,
  Targets: v.array(v.object({ Arn: v.string(), Input: v.optional(v.string(), "{}") })),
});

/** @throws Error that names the resource and the property that cannot be served locally. */
export function readDeployment({ template, assetFolders }: SynthesisedStack): Deployment {
  const intrinsics = intrinsicsOf(template);
  const logicalIdsOf = (type: string) =>
    Object.keys(template.Resources).filter((logicalId) => template.Resources[logicalId]?.Type === type);
  const propertiesOf = (logicalId: string) => intrinsics.resolve(template.Resources[logicalId]?.Properties);
  const resources: ResolvedResources = (type) =>
    new Map(logicalIdsOf(type).map((logicalId) => [intrinsics.nameOf(logicalId), propertiesOf(logicalId)]));

  // Handlers of custom resources: CloudFormation calls them, nothing that is deployed does.
  const deploymentOnly = new Set(
    Object.values(template.Resources).map(({ Properties }) => intrinsics.resolve(Properties["ServiceToken"])),
  );

  return {
    api: readRestApi(resources),
    functions: logicalIdsOf("AWS::Lambda::Function").flatMap((logicalId): FunctionDefinition[] => {
      if (deploymentOnly.has(intrinsics.arnOf(logicalId))) {
        return [];
      }
      const { Code, Handler, Timeout, MemorySize, Environment } = understood(
        logicalId,
        functionSchema,
        propertiesOf(logicalId),
      );
      const taskRoot = assetFolders.get(Code.S3Key);
      if (taskRoot === undefined) {
        throw new Error(`The code of ${logicalId} (${Code.S3Key}) is no folder of the cloud assembly.`);
      }
      return [
        {
          name: intrinsics.nameOf(logicalId),
          arn: intrinsics.arnOf(logicalId),
          handler: Handler,
          taskRoot,
          timeoutMs: Timeout * 1000,
          memoryMb: MemorySize,
          environment: Environment?.Variables ?? {},
        },
      ];
    }),
    tableNames: [...resources("AWS::DynamoDB::Table").keys()],
    logGroupNames: [...resources("AWS::Logs::LogGroup").keys()],
    secrets: logicalIdsOf("AWS::SecretsManager::Secret").map((logicalId): SecretDefinition => {
      const secret = understood(logicalId, secretSchema, propertiesOf(logicalId));
      return {
        name: intrinsics.nameOf(logicalId),
        arn: intrinsics.arnOf(logicalId),
        ...(secret.SecretString === undefined ? {} : { secretString: secret.SecretString }),
        ...(secret.GenerateSecretString === undefined ? {} : { generate: secret.GenerateSecretString }),
      };
    }),
    schedules: [
      ...[...resources("AWS::Scheduler::Schedule")].map(([name, properties]) => {
        const { ScheduleExpression, Target } = understood(name, scheduleSchema, properties);
        return { name, everyMs: ScheduleExpression, functionArn: Target.Arn, input: Target.Input };
      }),
      ...[...resources("AWS::Events::Rule")]
        .filter(([, properties]) => v.is(v.object({ ScheduleExpression: v.string() }), properties))
        .flatMap(([name, properties]) => {
          const { ScheduleExpression, Targets } = understood(name, ruleSchema, properties);
          return Targets.map(({ Arn, Input }) => ({
            name,
            everyMs: ScheduleExpression,
            functionArn: Arn,
            input: Input,
          }));
        }),
    ],
  };
}
