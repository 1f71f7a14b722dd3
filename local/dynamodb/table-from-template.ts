import { isDeepStrictEqual } from "node:util";
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTableCommand,
  DynamoDBClient,
  ResourceInUseException,
  ResourceNotFoundException,
  type TableDescription,
  UpdateContinuousBackupsCommand,
  UpdateTimeToLiveCommand,
} from "@aws-sdk/client-dynamodb";
import * as v from "valibot";

const keySchema = v.array(v.object({ AttributeName: v.string(), KeyType: v.picklist(["HASH", "RANGE"]) }));
const index = v.object({
  IndexName: v.string(),
  KeySchema: keySchema,
  Projection: v.object({
    ProjectionType: v.picklist(["ALL", "KEYS_ONLY", "INCLUDE"]),
    NonKeyAttributes: v.optional(v.array(v.string())),
  }),
});

/**
 * What an `AWS::DynamoDB::Table` says that matters here. Names and keys of other resources are not resolved, so the KMS
 * key is left out; capacity is always on demand.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
 */
const tableProperties = v.object({
  KeySchema: keySchema,
  AttributeDefinitions: v.array(v.object({ AttributeName: v.string(), AttributeType: v.picklist(["S", "N", "B"]) })),
  GlobalSecondaryIndexes: v.optional(v.array(index)),
  LocalSecondaryIndexes: v.optional(v.array(index)),
  DeletionProtectionEnabled: v.optional(v.boolean()),
  StreamSpecification: v.optional(
    v.object({ StreamViewType: v.picklist(["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]) }),
  ),
  SSESpecification: v.optional(v.object({ SSEEnabled: v.boolean() })),
  TimeToLiveSpecification: v.optional(v.object({ AttributeName: v.optional(v.string()), Enabled: v.boolean() })),
  PointInTimeRecoverySpecification: v.optional(v.object({ PointInTimeRecoveryEnabled: v.boolean() })),
});
type TableProperties = v.InferOutput<typeof tableProperties>;

const templateSchema = v.object({
  Resources: v.record(v.string(), v.object({ Type: v.string(), Properties: v.optional(v.unknown()) })),
});

/**
 * Creates the one `AWS::DynamoDB::Table` of a synthesised CloudFormation template, so that its keys are written down
 * only in the CDK app. Does nothing when the table is there.
 *
 * @param template the parsed template
 * @throws when the template has no such resource or several, and when a table of that name has other keys or indexes, as
 *   an old data directory may
 */
export async function createTableFromTemplate(url: string, template: unknown, tableName: string): Promise<void> {
  const resources = Object.values(v.parse(templateSchema, template).Resources);
  const [table, ...others] = resources.filter(({ Type }) => Type === "AWS::DynamoDB::Table");
  if (table === undefined || others.length > 0) {
    throw new Error("The template must have one AWS::DynamoDB::Table.");
  }
  const properties = v.parse(tableProperties, table.Properties);
  const client = new DynamoDBClient({
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  try {
    const input = createTableInput(properties, tableName);
    const existing = (await describe(client, tableName)) ?? (await create(client, tableName, input, properties));
    if (!isDeepStrictEqual(keysOf(existing), keysOf(input))) {
      throw new Error(`The table ${tableName} is there with other keys or indexes than the template's.`);
    }
  } finally {
    client.destroy();
  }
}

function createTableInput(properties: TableProperties, tableName: string): CreateTableCommandInput {
  const { TimeToLiveSpecification, PointInTimeRecoverySpecification, ...rest } = properties;
  const { SSESpecification: encryption, StreamSpecification: stream, ...same } = rest;
  return {
    ...same,
    TableName: tableName,
    BillingMode: "PAY_PER_REQUEST",
    ...(encryption && { SSESpecification: { Enabled: encryption.SSEEnabled, SSEType: "KMS" } }),
    ...(stream && { StreamSpecification: { StreamEnabled: true, ...stream } }),
  };
}

async function describe(client: DynamoDBClient, tableName: string): Promise<TableDescription | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: tableName }))).Table;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) {
      return undefined;
    }
    throw error;
  }
}

async function create(
  client: DynamoDBClient,
  tableName: string,
  input: CreateTableCommandInput,
  { TimeToLiveSpecification: timeToLive, PointInTimeRecoverySpecification: recovery }: TableProperties,
): Promise<TableDescription | undefined> {
  try {
    await client.send(new CreateTableCommand(input));
  } catch (error) {
    // Somebody else created it since we looked; what is there is compared with what was wanted.
    if (error instanceof ResourceInUseException) {
      return describe(client, tableName);
    }
    throw error;
  }
  const TableName = tableName;
  if (timeToLive?.Enabled) {
    const specification = { AttributeName: timeToLive.AttributeName, Enabled: true };
    await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: specification }));
  }
  if (recovery?.PointInTimeRecoveryEnabled) {
    await client.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification: recovery }));
  }
  return describe(client, tableName);
}

/** Keys and indexes in a form that is equal for equal ones, whatever the order of the lists. */
function keysOf(table: TableDescription | CreateTableCommandInput | undefined) {
  const keys = (schema: { AttributeName?: string | undefined; KeyType?: string | undefined }[] | undefined) =>
    schema?.map(({ AttributeName, KeyType }) => `${KeyType} ${AttributeName}`);
  const indexes = [...(table?.GlobalSecondaryIndexes ?? []), ...(table?.LocalSecondaryIndexes ?? [])];
  return {
    attributes: table?.AttributeDefinitions?.map(
      ({ AttributeName, AttributeType }) => `${AttributeName} ${AttributeType}`,
    ).sort(),
    keys: keys(table?.KeySchema),
    indexes: indexes
      .map(({ IndexName, KeySchema, Projection }) => {
        const carried = [...(Projection?.NonKeyAttributes ?? [])].sort();
        return [IndexName, ...(keys(KeySchema) ?? []), Projection?.ProjectionType, ...carried].join(" ");
      })
      .sort(),
  };
}
