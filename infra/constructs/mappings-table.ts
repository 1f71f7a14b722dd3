import { type Duration, RemovalPolicy, Stack, Validations } from "aws-cdk-lib";
import { type IMetric, MathExpression, Metric } from "aws-cdk-lib/aws-cloudwatch";
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from "aws-cdk-lib/aws-dynamodb";
import { Grant, type IGrantable } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import { Construct } from "constructs";

export type MappingsTableProps = {
  readonly encryptionKey: IKey;
  readonly removalPolicy: RemovalPolicy;
};

/**
 * `find` one item by key, `search` several, `change` what is known by key, on conditions, `write` also what has to be
 * found first, or `recover` what the index of open operations leads to.
 */
export type TableAccess = "find" | "search" | "change" | "write" | "recover";

// Transactions need no action of their own: DynamoDB authorises each of their parts.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
const CHANGE_ACTIONS = [
  "dynamodb:GetItem",
  "dynamodb:ConditionCheckItem",
  "dynamodb:PutItem",
  "dynamodb:UpdateItem",
  "dynamodb:DeleteItem",
];

const TABLE_ACTIONS: Readonly<Record<TableAccess, readonly string[]>> = {
  find: ["dynamodb:GetItem"],
  search: ["dynamodb:BatchGetItem", "dynamodb:Query"],
  change: CHANGE_ACTIONS,
  write: [...CHANGE_ACTIONS, "dynamodb:BatchGetItem", "dynamodb:Query"],
  recover: [...CHANGE_ACTIONS, "dynamodb:BatchGetItem"],
};

const READ_KEY_ACTIONS = ["kms:Decrypt", "kms:DescribeKey"];

// What the wildcards kms:ReEncrypt* and kms:GenerateDataKey* of the DynamoDB guide stand for.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
const WRITE_KEY_ACTIONS = [
  ...READ_KEY_ACTIONS,
  "kms:Encrypt",
  "kms:ReEncryptFrom",
  "kms:ReEncryptTo",
  "kms:GenerateDataKey",
  "kms:GenerateDataKeyWithoutPlaintext",
];

const KEY_ACTIONS: Readonly<Record<TableAccess, readonly string[]>> = {
  find: READ_KEY_ACTIONS,
  search: READ_KEY_ACTIONS,
  change: WRITE_KEY_ACTIONS,
  write: WRITE_KEY_ACTIONS,
  recover: WRITE_KEY_ACTIONS,
};

const OPEN_OPERATIONS = "open-operations";

/**
 * Which FHIR patient is which Particle patient, with its claims and open operations. No demographics, no identifiers in
 * the keys.
 *
 * `open-operations` is sparse: only items with an operation in flight carry `openShard`, and `actionableAt` (epoch
 * milliseconds) says from when on anyone may decide it.
 */
export class MappingsTable extends Construct {
  readonly table: Table;
  private readonly encryptionKey: IKey;

  constructor(scope: Construct, id: string, props: MappingsTableProps) {
    super(scope, id);
    this.encryptionKey = props.encryptionKey;
    this.table = new Table(this, "Resource", {
      partitionKey: { name: "pk", type: AttributeType.STRING },
      sortKey: { name: "sk", type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: "expiresAt",
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
      encryption: TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: props.encryptionKey,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: props.removalPolicy !== RemovalPolicy.DESTROY,
      removalPolicy: props.removalPolicy,
    });
    this.table.addGlobalSecondaryIndex({
      indexName: OPEN_OPERATIONS,
      partitionKey: { name: "openShard", type: AttributeType.STRING },
      sortKey: { name: "actionableAt", type: AttributeType.NUMBER },
      projectionType: ProjectionType.KEYS_ONLY,
    });
    Validations.of(this.table).acknowledge({
      id: "HIPAA.Security-DynamoDBInBackupPlan",
      reason: "Point-in-time recovery covers 35 days; longer backups are a plan of the account, by tag.",
    });
  }

  /** Exactly the actions of this access, on the items of the table; `recover` may query the index, too. */
  grant(grantee: IGrantable, access: TableAccess): Grant {
    const key = Grant.addToPrincipal({
      grantee,
      actions: [...KEY_ACTIONS[access]],
      resourceArns: [this.encryptionKey.keyArn],
      // What follows the region differs from partition to partition.
      conditions: { StringLike: { "kms:ViaService": `dynamodb.${Stack.of(this).region}.*` } },
    });
    const items = Grant.addToPrincipal({
      grantee,
      actions: [...TABLE_ACTIONS[access]],
      resourceArns: [this.table.tableArn],
    });
    return access === "recover" ? items.combine(key).combine(this.grantOpenOperations(grantee)) : items.combine(key);
  }

  /** Reads and writes that DynamoDB refused, of the table and of its index. */
  metricThrottles(period: Duration): IMetric {
    const throttles = (metricName: string, dimensions: Readonly<Record<string, string>> = {}) =>
      new Metric({
        namespace: "AWS/DynamoDB",
        metricName,
        dimensionsMap: { TableName: this.table.tableName, ...dimensions },
        statistic: "Sum",
        period,
      });
    const index = { GlobalSecondaryIndexName: OPEN_OPERATIONS };
    return new MathExpression({
      label: "throttled",
      // Each of them is missing while there is none.
      expression: "FILL(reads, 0) + FILL(writes, 0) + FILL(indexReads, 0) + FILL(indexWrites, 0)",
      usingMetrics: {
        reads: throttles("ReadThrottleEvents"),
        writes: throttles("WriteThrottleEvents"),
        indexReads: throttles("ReadThrottleEvents", index),
        indexWrites: throttles("WriteThrottleEvents", index),
      },
      period,
    });
  }

  private grantOpenOperations(grantee: IGrantable): Grant {
    return Grant.addToPrincipal({
      grantee,
      actions: ["dynamodb:Query"],
      resourceArns: [`${this.table.tableArn}/index/${OPEN_OPERATIONS}`],
    });
  }
}
