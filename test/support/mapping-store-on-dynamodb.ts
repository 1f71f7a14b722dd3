import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { type EmbeddedDynamoDb, startEmbeddedDynamoDb } from "../../local/dynamodb/embedded-dynamodb.ts";
import { createTableFromTemplate } from "../../local/dynamodb/table-from-template.ts";
import { readStack } from "../../local/template/assembly.ts";
import { createMappingStore } from "../../shared/store/dynamodb-mapping-store.ts";
import type { MappingStore } from "../../shared/store/mapping-store.ts";
import { synthesisedApp } from "./synthesised-app.ts";

export type StoreOnDynamoDb = {
  readonly store: MappingStore;
  readonly dynamodb: EmbeddedDynamoDb;
  readonly client: DynamoDBClient;
  readonly tableName: string;
  close(): Promise<void>;
};

/** The real store on an embedded DynamoDB, in the table that the CDK app declares. */
export async function startStoreOnDynamoDb(): Promise<StoreOnDynamoDb> {
  const { template } = readStack(await synthesisedApp(), "beta");
  const dynamodb = await startEmbeddedDynamoDb({ port: 0 });
  const tableName = "mappings";
  await createTableFromTemplate(dynamodb.url, template, tableName);
  const client = new DynamoDBClient({
    endpoint: dynamodb.url,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  return {
    store: createMappingStore(tableName, client),
    dynamodb,
    client,
    tableName,
    close: async () => {
      client.destroy();
      await dynamodb.close();
    },
  };
}
