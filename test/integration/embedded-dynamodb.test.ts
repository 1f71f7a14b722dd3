import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  GetItemCommand,
  IdempotentParameterMismatchException,
  ListTagsOfResourceCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  QueryCommand,
  ResourceNotFoundException,
  TransactGetItemsCommand,
  TransactionCanceledException,
  TransactionConflictException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
  UpdateContinuousBackupsCommand,
  UpdateItemCommand,
  UpdateTableCommand,
} from "@aws-sdk/client-dynamodb";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type EmbeddedDynamoDb, startEmbeddedDynamoDb } from "../../local/dynamodb/embedded-dynamodb.ts";
import { createTableFromTemplate } from "../../local/dynamodb/table-from-template.ts";
import { TransactionTokens } from "../../local/dynamodb/transaction-tokens.ts";

const TableName = "mappings";
const template = {
  Resources: {
    Key: { Type: "AWS::KMS::Key", Properties: {} },
    Table: {
      Type: "AWS::DynamoDB::Table",
      Properties: {
        KeySchema: [
          { AttributeName: "pk", KeyType: "HASH" },
          { AttributeName: "sk", KeyType: "RANGE" },
        ],
        AttributeDefinitions: [
          { AttributeName: "pk", AttributeType: "S" },
          { AttributeName: "sk", AttributeType: "S" },
          { AttributeName: "open", AttributeType: "S" },
          { AttributeName: "due", AttributeType: "N" },
        ],
        GlobalSecondaryIndexes: [
          {
            IndexName: "in-flight",
            KeySchema: [
              { AttributeName: "open", KeyType: "HASH" },
              { AttributeName: "due", KeyType: "RANGE" },
            ],
            Projection: { ProjectionType: "KEYS_ONLY" },
          },
        ],
        BillingMode: "PAY_PER_REQUEST",
        DeletionProtectionEnabled: true,
        SSESpecification: { SSEEnabled: true, SSEType: "KMS", KMSMasterKeyId: { "Fn::GetAtt": ["Key", "Arn"] } },
        StreamSpecification: { StreamViewType: "NEW_IMAGE" },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        TimeToLiveSpecification: { AttributeName: "expires", Enabled: true },
      },
    },
  },
};

let database: EmbeddedDynamoDb;
let client: DynamoDBClient;
/** A client that never retries, so that a test sees each single answer. */
let once: DynamoDBClient;

function clientOf(url: string, maxAttempts: number): DynamoDBClient {
  return new DynamoDBClient({
    endpoint: url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    maxAttempts,
  });
}

const key = (pk: string, sk = "-") => ({ pk: { S: pk }, sk: { S: sk } });
const put = (pk: string, attributes: Record<string, { S: string } | { N: string }> = {}): TransactWriteItem => ({
  Put: { TableName, Item: { ...key(pk), ...attributes } },
});
const putNew = (pk: string, attributes: Record<string, { S: string } | { N: string }> = {}): TransactWriteItem => ({
  Put: {
    TableName,
    Item: { ...key(pk), ...attributes },
    ConditionExpression: "attribute_not_exists(pk)",
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  },
});
const transact = (...TransactItems: TransactWriteItem[]) => new TransactWriteItemsCommand({ TransactItems });
const read = async (pk: string) =>
  (await client.send(new GetItemCommand({ TableName, Key: key(pk), ConsistentRead: true }))).Item;
const inFlight = async (): Promise<(string | undefined)[]> => {
  const found = await client.send(
    new QueryCommand({
      TableName,
      IndexName: "in-flight",
      KeyConditionExpression: "#open = :open AND due <= :now",
      ExpressionAttributeNames: { "#open": "open" },
      ExpressionAttributeValues: { ":open": { S: "y" }, ":now": { N: "100" } },
    }),
  );
  return (found.Items ?? []).map((item) => item["pk"]?.S);
};
const failure = async (sending: Promise<unknown>): Promise<unknown> =>
  sending.then(
    () => expect.fail("it was to fail"),
    (error: unknown) => error,
  );

beforeEach(async () => {
  database = await startEmbeddedDynamoDb({ port: 0 });
  client = clientOf(database.url, 3);
  once = clientOf(database.url, 1);
  await createTableFromTemplate(database.url, template, TableName);
});

afterEach(async () => {
  client.destroy();
  once.destroy();
  await database.close();
});

describe("tables", () => {
  it("are created from a template's resource, ready for use, with its settings", async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table).toMatchObject({
      TableStatus: "ACTIVE",
      DeletionProtectionEnabled: true,
      SSEDescription: { Status: "ENABLED" },
      StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" },
      BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
    });
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
    expect(TimeToLiveDescription).toEqual({ TimeToLiveStatus: "ENABLED", AttributeName: "expires" });
    const backups = await client.send(new DescribeContinuousBackupsCommand({ TableName }));
    expect(backups.ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe(
      "ENABLED",
    );
  });

  it("that are there are left alone, unless their keys are others", async () => {
    await client.send(transact(put("kept")));
    await Promise.all([1, 2, 3].map(() => createTableFromTemplate(database.url, template, TableName)));
    expect(await read("kept")).toBeDefined();

    const other = structuredClone(template);
    other.Resources.Table.Properties.GlobalSecondaryIndexes[0]!.IndexName = "another";
    await expect(createTableFromTemplate(database.url, other, TableName)).rejects.toThrow(/other keys or indexes/);
  });

  it("need a template with exactly one table", async () => {
    const { Table, Key } = template.Resources;
    await expect(createTableFromTemplate(database.url, { Resources: { Key } }, "none")).rejects.toThrow(
      /must have one/,
    );
    const two = { Resources: { Table, Second: Table } };
    await expect(createTableFromTemplate(database.url, two, "two")).rejects.toThrow(/must have one/);
  });

  it("are deleted only when nothing protects them, and with their items", async () => {
    await client.send(transact(put("gone")));
    await expect(client.send(new DeleteTableCommand({ TableName }))).rejects.toThrow(/protected against deletion/);
    await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    await client.send(new DeleteTableCommand({ TableName }));
    const error = await failure(client.send(new DescribeTableCommand({ TableName })));
    expect(error).toBeInstanceOf(ResourceNotFoundException);
    await createTableFromTemplate(database.url, template, TableName);
    expect(await read("gone")).toBeUndefined();
  });

  it("keep tags and take changes of their settings", async () => {
    const { TableDescription } = await client.send(
      new CreateTableCommand({
        TableName: "tagged",
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        BillingMode: "PAY_PER_REQUEST",
        Tags: [{ Key: "stage", Value: "local" }],
      }),
    );
    expect(TableDescription?.TableStatus).toBe("ACTIVE");
    const tags = await client.send(new ListTagsOfResourceCommand({ ResourceArn: TableDescription?.TableArn }));
    expect(tags.Tags).toEqual([{ Key: "stage", Value: "local" }]);
    const off = { PointInTimeRecoveryEnabled: false };
    const changed = await client.send(
      new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification: off }),
    );
    expect(changed.ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus).toBe(
      "DISABLED",
    );
  });
});

describe("single writes", () => {
  it("return the item that failed their condition, where it was asked for", async () => {
    await client.send(transact(put("a", { state: { S: "old" } })));
    const Item = { ...key("a"), state: { S: "new" } };
    const ConditionExpression = "attribute_not_exists(pk)";
    const asked = { ConditionExpression, ReturnValuesOnConditionCheckFailure: "ALL_OLD" } as const;
    const refused = [
      new PutItemCommand({ TableName, Item, ...asked }),
      new DeleteItemCommand({ TableName, Key: key("a"), ...asked }),
      new UpdateItemCommand({
        TableName,
        Key: key("a"),
        UpdateExpression: "REMOVE #s",
        ExpressionAttributeNames: { "#s": "state" },
        ...asked,
      }),
    ];
    for (const command of refused) {
      const error = await failure(client.send(command as PutItemCommand));
      expect(error).toBeInstanceOf(ConditionalCheckFailedException);
      expect(error).toMatchObject({ Item: { ...key("a"), state: { S: "old" } } });
    }
    const silent = await failure(client.send(new PutItemCommand({ TableName, Item, ConditionExpression })));
    expect(silent).toBeInstanceOf(ConditionalCheckFailedException);
    expect((silent as ConditionalCheckFailedException).Item).toBeUndefined();
    expect(await read("a")).toEqual({ ...key("a"), state: { S: "old" } });
  });

  it("keep a sparse index in step, whichever way an item is written", async () => {
    const open = { open: { S: "y" } };
    await client.send(new PutItemCommand({ TableName, Item: { ...key("a"), ...open, due: { N: "30" } } }));
    await client.send(new PutItemCommand({ TableName, Item: key("never") }));
    await client.send(
      new BatchWriteItemCommand({
        RequestItems: { [TableName]: [{ PutRequest: { Item: { ...key("b"), ...open, due: { N: "9" } } } }] },
      }),
    );
    await client.send(
      transact(putNew("c", { ...open, due: { N: "20" } }), putNew("later", { ...open, due: { N: "101" } })),
    );
    expect(await inFlight()).toEqual(["b", "c", "a"]);

    const close = {
      TableName,
      Key: key("a"),
      UpdateExpression: "REMOVE #o",
      ExpressionAttributeNames: { "#o": "open" },
    };
    await client.send(transact({ Update: close }, { Delete: { TableName, Key: key("b") } }));
    expect(await inFlight()).toEqual(["c"]);
    const move = { ...key("c"), ...open, due: { N: "200" } };
    await client.send(new PutItemCommand({ TableName, Item: move }));
    expect(await inFlight()).toEqual([]);
  });

  it("and reads of batches pass through", async () => {
    await client.send(transact(put("a"), put("b")));
    const RequestItems = { [TableName]: { Keys: [key("a"), key("b"), key("absent")], ConsistentRead: true } };
    const { Responses } = await client.send(new BatchGetItemCommand({ RequestItems }));
    expect(Responses?.[TableName]?.map((item) => item["pk"]?.S).sort()).toEqual(["a", "b"]);
  });
});

describe("transactions", () => {
  it("carry out all four actions together", async () => {
    await client.send(transact(put("checked", { state: { S: "x" } }), put("updated"), put("deleted")));
    await client.send(
      transact(
        {
          ConditionCheck: {
            TableName,
            Key: key("checked"),
            ConditionExpression: "#s = :x",
            ExpressionAttributeNames: { "#s": "state" },
            ExpressionAttributeValues: { ":x": { S: "x" } },
          },
        },
        putNew("added"),
        {
          Update: {
            TableName,
            Key: key("updated"),
            UpdateExpression: "SET version = if_not_exists(version, :zero) + :one",
            ExpressionAttributeValues: { ":zero": { N: "0" }, ":one": { N: "1" } },
          },
        },
        { Delete: { TableName, Key: key("deleted"), ConditionExpression: "attribute_exists(pk)" } },
      ),
    );
    expect(await read("checked")).toEqual({ ...key("checked"), state: { S: "x" } });
    expect(await read("added")).toEqual(key("added"));
    expect(await read("updated")).toEqual({ ...key("updated"), version: { N: "1" } });
    expect(await read("deleted")).toBeUndefined();
  });

  it("that fail write nothing and give the reason of each action in order, with the item where asked for", async () => {
    await client.send(transact(put("taken", { owner: { S: "first" } })));
    const silent: TransactWriteItem = {
      Delete: { TableName, Key: key("absent"), ConditionExpression: "attribute_exists(pk)" },
    };
    const badKey: TransactWriteItem = { Put: { TableName, Item: { pk: { S: "no range key" } } } };
    const error = await failure(client.send(transact(put("a"), putNew("taken"), silent, badKey)));
    expect(error).toBeInstanceOf(TransactionCanceledException);
    const { CancellationReasons, message } = error as TransactionCanceledException;
    expect(CancellationReasons).toEqual([
      { Code: "None" },
      {
        Code: "ConditionalCheckFailed",
        Message: "The conditional request failed",
        Item: { ...key("taken"), owner: { S: "first" } },
      },
      { Code: "ConditionalCheckFailed", Message: "The conditional request failed" },
      { Code: "ValidationError", Message: expect.stringContaining("Missing the key sk") },
    ]);
    expect(message).toContain("[None, ConditionalCheckFailed, ConditionalCheckFailed, ValidationError]");
    expect(await read("a")).toBeUndefined();
  });

  it.each<[string, TransactWriteItem[], RegExp]>([
    [
      "two actions on one item",
      [put("a"), { Delete: { TableName, Key: key("a") } }],
      /multiple operations on one item/,
    ],
    ["a check and a write on one item", [check("a"), put("a")], /multiple operations on one item/],
    ["no action", [], /length less than or equal to 100/],
    ["over a hundred actions", Array.from({ length: 101 }, (_, n) => put(`${n}`)), /length less than or equal to 100/],
    ["an entry of two actions", [{ ...put("a"), Delete: { TableName, Key: key("b") } }], /only contain one of/],
    ["an expression that is none", [{ ...check("a", "pk <<") }], /Invalid ConditionExpression/],
    [
      "values that are not used",
      [
        {
          Put: {
            ...put("a").Put!,
            ConditionExpression: "attribute_exists(pk)",
            ExpressionAttributeValues: { ":x": { S: "" } },
          },
        },
      ],
      /unused in expressions/,
    ],
  ])("with %s are refused as a whole", async (_, items, message) => {
    const error = await failure(client.send(transact(...items)));
    expect(error).toMatchObject({ name: "ValidationException", message: expect.stringMatching(message) });
    expect(await read("a")).toBeUndefined();
  });

  it("on a table that is not there say so", async () => {
    const elsewhere = { Put: { TableName: "nowhere", Item: key("a") } };
    const error = await failure(client.send(transact(put("a"), elsewhere)));
    expect(error).toBeInstanceOf(ResourceNotFoundException);
    expect(await read("a")).toBeUndefined();
  });

  it("take a hundred actions", async () => {
    await client.send(transact(...Array.from({ length: 100 }, (_, n) => putNew(`${n}`))));
    expect(await read("99")).toEqual(key("99"));
  });

  it("repeated under their token have no second effect; other content under it is refused", async () => {
    const ClientRequestToken = "token-1";
    const TransactItems: TransactWriteItem[] = [putNew("a"), add("counter")];
    await client.send(new TransactWriteItemsCommand({ ClientRequestToken, TransactItems }));
    await client.send(new TransactWriteItemsCommand({ ClientRequestToken, TransactItems }));
    expect((await read("counter"))?.["n"]).toEqual({ N: "1" });
    expect(
      database
        .requests()
        .slice(-3)
        .map(({ operation, written }) => [operation, written]),
    ).toEqual([
      ["TransactWriteItems", true],
      ["TransactWriteItems", false],
      ["GetItem", false],
    ]);
    const other = new TransactWriteItemsCommand({ ClientRequestToken, TransactItems: [add("counter")] });
    expect(await failure(client.send(other))).toBeInstanceOf(IdempotentParameterMismatchException);
  });

  it("that were cancelled may use their token again", async () => {
    await client.send(transact(put("a")));
    const command = new TransactWriteItemsCommand({ ClientRequestToken: "token-2", TransactItems: [putNew("a")] });
    expect(await failure(client.send(command))).toBeInstanceOf(TransactionCanceledException);
    await client.send(new DeleteItemCommand({ TableName, Key: key("a") }));
    await client.send(command);
    expect(await read("a")).toEqual(key("a"));
  });

  it("are refused while another under their token is carried out", async () => {
    const tokens = new TransactionTokens();
    const end = Promise.withResolvers<void>();
    const first = tokens.once("token", [1], () => end.promise);
    const second = failure(tokens.once("token", [1], () => expect.fail("carried out twice")));
    expect(await second).toMatchObject({ code: "TransactionInProgressException" });
    end.resolve();
    expect(await first).toBe(true);
    expect(await tokens.once("token", [1], () => expect.fail("carried out twice"))).toBe(false);
  });

  it("are protected by their token for ten minutes, whatever the order of their members", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const tokens = new TransactionTokens();
    const nothing = async () => {};
    expect(await tokens.once("token", [{ a: 1, b: { c: 2, d: 3 } }], nothing)).toBe(true);
    vi.advanceTimersByTime(9.9 * 60_000);
    expect(await tokens.once("token", [{ b: { d: 3, c: 2 }, a: 1 }], nothing)).toBe(false);
    vi.advanceTimersByTime(0.2 * 60_000);
    expect(await tokens.once("token", [{ a: 1, b: { c: 2, d: 3 } }], nothing)).toBe(true);
  });

  it("read several items at once, in their order", async () => {
    await client.send(transact(put("a", { n: { N: "1" }, m: { N: "2" } })));
    const { Responses } = await client.send(
      new TransactGetItemsCommand({
        TransactItems: [
          { Get: { TableName, Key: key("absent") } },
          { Get: { TableName, Key: key("a"), ProjectionExpression: "n" } },
        ],
      }),
    );
    expect(Responses).toEqual([{}, { Item: { n: { N: "1" } } }]);
  });

  it("and single writes on the same items never lose an update", async () => {
    const increments = Array.from({ length: 60 }, (_, n) =>
      n % 2 === 0
        ? client.send(transact(add("left"), add("right")))
        : client.send(new UpdateItemCommand({ ...add("left").Update, Key: key("left"), TableName } as never)),
    );
    await Promise.all(increments);
    expect((await read("left"))?.["n"]).toEqual({ N: "60" });
    expect((await read("right"))?.["n"]).toEqual({ N: "30" });
  });

  it("of which many want one item let exactly one have it, whole", async () => {
    // Later rounds find the connections open, so that their requests arrive together.
    for (let round = 0; round < 5; round++) {
      const race = async (n: number) => {
        const mine = putNew(`mapping-${round}-${n}`);
        const won = client.send(transact(putNew(`claim-${round}`, { owner: { N: `${n}` } }), mine));
        return won.then(
          () => n,
          () => undefined,
        );
      };
      const outcomes = await Promise.all(Array.from({ length: 40 }, (_, n) => race(n)));
      const winners = outcomes.filter((n) => n !== undefined);
      expect(winners).toHaveLength(1);
      expect((await read(`claim-${round}`))?.["owner"]).toEqual({ N: `${winners[0]}` });
      const mappings = await Promise.all(outcomes.map((_, n) => read(`mapping-${round}-${n}`)));
      expect(mappings.flatMap((mapping, n) => (mapping === undefined ? [] : [n]))).toEqual(winners);
    }
  });

  it("are never seen by halves", async () => {
    // On disk, where reads take their time; in memory they all happen in one moment.
    const onDisk = await startEmbeddedDynamoDb({ port: 0, dataDir: await temporaryDirectory() });
    const caller = clientOf(onDisk.url, 1);
    onTestFinished(async () => {
      caller.destroy();
      await onDisk.close();
    });
    await createTableFromTemplate(onDisk.url, template, TableName);
    const keys = ["left", ...Array.from({ length: 90 }, (_, n) => `absent-${n}`), "right"];
    const get = new TransactGetItemsCommand({
      TransactItems: keys.map((pk) => ({ Get: { TableName, Key: key(pk) } })),
    });
    const write = async () => {
      for (let n = 0; n < 50; n++) {
        await caller.send(transact(add("left"), add("right")));
      }
    };
    const seen = new Set<string | undefined>();
    const look = async () => {
      for (let n = 0; n < 25; n++) {
        const { Responses } = await caller.send(get);
        expect(Responses?.at(-1)?.Item?.["n"]).toEqual(Responses?.[0]?.Item?.["n"]);
        seen.add(Responses?.[0]?.Item?.["n"]?.N);
      }
    };
    await Promise.all([write(), write(), look(), look()]);
    expect(seen.size).toBeGreaterThan(5);
  });
});

describe("switches", () => {
  it("make writes conflict with a transaction, as often as they say", async () => {
    database.configure({ transactionConflict: { count: 2 } });
    const cancelled = await failure(once.send(transact(put("a"), put("b"))));
    expect(cancelled).toBeInstanceOf(TransactionCanceledException);
    const reasons = (cancelled as TransactionCanceledException).CancellationReasons;
    expect(reasons?.map((reason) => reason.Code)).toEqual(["TransactionConflict", "None"]);
    const single = await failure(once.send(new PutItemCommand({ TableName, Item: key("a") })));
    expect(single).toBeInstanceOf(TransactionConflictException);
    expect(await read("a")).toBeUndefined();
    await once.send(transact(put("a"), put("b")));
    expect(database.requests().slice(-4)).toEqual([
      {
        operation: "TransactWriteItems",
        tables: [TableName],
        items: 2,
        written: false,
        error: "TransactionCanceledException",
        fault: "transactionConflict",
      },
      {
        operation: "PutItem",
        tables: [TableName],
        items: 1,
        written: false,
        error: "TransactionConflictException",
        fault: "transactionConflict",
      },
      { operation: "GetItem", tables: [TableName], items: 1, written: false },
      { operation: "TransactWriteItems", tables: [TableName], items: 2, written: true },
    ]);
  });

  it("throttle the operations that they name, which the SDK retries", async () => {
    database.configure({ throttling: { count: 1, operations: ["GetItem"] } });
    await once.send(transact(put("a")));
    const error = await failure(once.send(new GetItemCommand({ TableName, Key: key("a") })));
    expect(error).toBeInstanceOf(ProvisionedThroughputExceededException);

    database.configure({ throttling: { count: 1 }, throttlingError: "ThrottlingException" });
    expect(await read("a")).toEqual(key("a"));
    database.configure({ throttling: { count: 1 }, throttlingError: "ThrottlingError" });
    const cancelled = await failure(once.send(transact(put("a"))));
    expect(cancelled).toMatchObject({ CancellationReasons: [{ Code: "ThrottlingError" }] });
  });

  it("lose the reply after the write, so that the retry meets its own item", async () => {
    database.configure({ resetAfterWrite: { count: 1 } });
    const Item = { ...key("a"), token: { S: "mine" } };
    const command = new PutItemCommand({
      TableName,
      Item,
      ConditionExpression: "attribute_not_exists(pk)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    const error = await failure(client.send(command));
    expect(error).toBeInstanceOf(ConditionalCheckFailedException);
    expect(error).toMatchObject({ Item });
  });

  it("lose the reply of a transaction, whose retry under the same token succeeds", async () => {
    database.configure({ resetAfterWrite: { count: 1 } });
    await client.send(transact(putNew("a"), add("counter")));
    expect((await read("counter"))?.["n"]).toEqual({ N: "1" });
    const transactions = database.requests().filter(({ operation }) => operation === "TransactWriteItems");
    expect(transactions.map(({ written, fault }) => [written, fault])).toEqual([
      [true, "resetAfterWrite"],
      [false, undefined],
    ]);
  });

  it("reset the connection before the write, which then has not happened", async () => {
    database.configure({ resetBeforeWrite: { count: 1, skip: 1 } });
    await once.send(transact(put("a")));
    expect(await failure(once.send(transact(put("b"))))).toMatchObject({ code: "ECONNRESET" });
    expect(await read("b")).toBeUndefined();
  });

  it("strike the same requests under the same seed", async () => {
    const run = async (seed: number) => {
      database.configure({ seed, transactionConflict: { probability: 0.5 } });
      const outcomes: boolean[] = [];
      for (let n = 0; n < 40; n++) {
        outcomes.push(
          await once.send(transact(put(`${n}`))).then(
            () => true,
            () => false,
          ),
        );
      }
      return outcomes;
    };
    const first = await run(7);
    expect(first).toContain(true);
    expect(first).toContain(false);
    expect(await run(7)).toEqual(first);
    expect(await run(8)).not.toEqual(first);
  });

  it("hold the n-th write before it is carried out; the others pass it by", async () => {
    database.configure({ hold: { write: 2, at: "before" } });
    await client.send(transact(put("first")));
    const second = client.send(transact(put("second")));
    await database.held();
    await client.send(transact(put("third")));
    expect(await read("second")).toBeUndefined();
    database.release();
    await second;
    expect(await read("second")).toEqual(key("second"));
  });

  it("hold the n-th write after it is carried out, and a repetition under its token does not wait", async () => {
    database.configure({ hold: { write: 1, at: "after" } });
    const command = new TransactWriteItemsCommand({ ClientRequestToken: "token-3", TransactItems: [add("counter")] });
    let answered = false;
    const held = client.send(command).then(() => {
      answered = true;
    });
    await database.held();
    expect((await read("counter"))?.["n"]).toEqual({ N: "1" });
    expect(answered).toBe(false);
    await client.send(command);
    database.release();
    await held;
    expect((await read("counter"))?.["n"]).toEqual({ N: "1" });
  });

  it("are set, read and released over HTTP too", async () => {
    const control = (method: string, path: string, body?: unknown) =>
      fetch(`${database.url}${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
    expect((await control("PUT", "/_dynamodb", { hold: { write: 1, at: "before" } })).status).toBe(200);
    const write = client.send(transact(put("a")));
    await database.held();
    expect((await control("POST", "/_dynamodb/release")).status).toBe(200);
    await write;
    const { requests } = (await (await control("GET", "/_dynamodb")).json()) as { requests: unknown[] };
    expect(requests.at(-1)).toEqual({ operation: "TransactWriteItems", tables: [TableName], items: 1, written: true });
    expect((await control("PUT", "/_dynamodb", { throttling: { probability: 2 } })).status).toBe(400);
    expect((await control("PUT", "/_dynamodb", { trottling: { count: 2 } })).status).toBe(400);
  });
});

describe("the endpoint", () => {
  it("closes at once with a write held and connections open, and the write is lost", async () => {
    const directory = await temporaryDirectory();
    const mine = await startEmbeddedDynamoDb({ port: 0, dataDir: directory });
    await createTableFromTemplate(mine.url, template, TableName);
    mine.configure({ hold: { write: 1, at: "before" } });
    const caller = clientOf(mine.url, 1);
    const lost = failure(caller.send(transact(put("lost"))));
    await mine.held();
    const started = performance.now();
    await Promise.all([mine.close(), mine.close()]);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(await lost).toBeInstanceOf(Error);
    caller.destroy();
  });

  it("keeps tables, settings, items and indexes in its directory", async () => {
    const dataDir = await temporaryDirectory();
    const first = await startEmbeddedDynamoDb({ port: 0, dataDir: join(dataDir, "deep", "down") });
    await createTableFromTemplate(first.url, template, TableName);
    const before = clientOf(first.url, 1);
    await before.send(transact(put("a", { open: { S: "y" }, due: { N: "1" } })));
    before.destroy();
    await expect(startEmbeddedDynamoDb({ port: 0, dataDir: join(dataDir, "deep", "down") })).rejects.toThrow();
    await first.close();

    await database.close();
    database = await startEmbeddedDynamoDb({ port: 0, dataDir: join(dataDir, "deep", "down") });
    client.destroy();
    client = clientOf(database.url, 3);
    await createTableFromTemplate(database.url, template, TableName);
    expect((await read("a"))?.["due"]).toEqual({ N: "1" });
    expect(await inFlight()).toEqual(["a"]);
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName }));
    expect(TimeToLiveDescription?.AttributeName).toBe("expires");
  });

  it("serves a thousand callers at once", { timeout: 60_000 }, async () => {
    const headers = {
      authorization: "AWS4-HMAC-SHA256 Credential=local",
      "x-amz-target": "DynamoDB_20120810.TransactWriteItems",
    };
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, n) => {
        const body = JSON.stringify({
          TransactItems: [putNew(`load-${n}`), putNew(`index-${n}`), add(`count-${n % 10}`)],
        });
        const response = await fetch(database.url, { method: "POST", headers, body });
        await response.text();
        return response.status;
      }),
    );
    expect(new Set(answers)).toEqual(new Set([200]));
    expect((await read("count-3"))?.["n"]).toEqual({ N: "100" });
  });

  it("refuses what is unsigned, unknown or no JSON", async () => {
    const post = async (headers: Record<string, string>, body: string) => {
      const response = await fetch(database.url, { method: "POST", headers, body });
      return [response.status, ((await response.json()) as { __type: string }).__type.replace(/.*#/, "")];
    };
    const target = { "x-amz-target": "DynamoDB_20120810.ListTables" };
    const signed = { authorization: "AWS4-HMAC-SHA256 Credential=local" };
    expect(await post(target, "{}")).toEqual([400, "MissingAuthenticationTokenException"]);
    expect(await post({ ...signed, ...target }, "{")).toEqual([400, "SerializationException"]);
    expect(await post({ ...signed, "x-amz-target": "DynamoDB_20120810.toString" }, "{}")).toEqual([
      400,
      "UnknownOperationException",
    ]);
    expect(await post(signed, "{}")).toEqual([400, "UnknownOperationException"]);
  });
});

function check(pk: string, ConditionExpression = "attribute_not_exists(pk)"): TransactWriteItem {
  return { ConditionCheck: { TableName, Key: key(pk), ConditionExpression } };
}

function add(pk: string): TransactWriteItem {
  const one = { ":one": { N: "1" } };
  return { Update: { TableName, Key: key(pk), UpdateExpression: "ADD n :one", ExpressionAttributeValues: one } };
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "embedded-dynamodb-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
