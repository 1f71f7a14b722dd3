import { DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { encodeKey, mappingKey } from "../shared/store/table.ts";
import { EXAMPLE_PATIENT, MRN, MRN_SYSTEM } from "./example-patients.ts";
import { PLACE } from "./template/intrinsics.ts";
import type { Twin } from "./twin.ts";

/**
 * Registers the example patient through the front door and shows what became of it: the answer, what Particle holds
 * now, and what the adapter remembers. The patient may be there from an earlier start.
 */
export async function tour(twin: Twin, print: (line: string) => void): Promise<void> {
  const token = await twin.issuer?.token({ scope: "system/Patient.cs" });
  const ifNoneExist = `identifier=${MRN_SYSTEM}|${MRN}`;
  print("");
  print(`POST ${twin.url}/Patient`);
  print("Content-Type: application/fhir+json");
  if (token !== undefined) {
    print("Authorization: Bearer (a token with the scope system/Patient.cs)");
  }
  print(`If-None-Exist: ${ifNoneExist}`);
  print("");
  print(indented(EXAMPLE_PATIENT));

  const answer = await fetch(`${twin.url}/Patient`, {
    method: "POST",
    headers: {
      "content-type": "application/fhir+json",
      "if-none-exist": ifNoneExist,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(EXAMPLE_PATIENT),
  });
  const body = await answer.text();
  const location = answer.headers.get("location");
  print("");
  print(`  → ${answer.status} ${answer.statusText}`);
  print(`    Location: ${location}`);
  print(`    ETag: ${answer.headers.get("etag")}`);
  const id = location?.split("/Patient/")[1]?.split("/")[0];
  if (!answer.ok || id === undefined) {
    print(body);
    return;
  }

  const { Item } = await readTable(twin, id);
  const mapping = Item === undefined ? undefined : unmarshall(Item);
  const record = twin.particle.patients().find(({ patient_id }) => patient_id === mapping?.["patient_id"]);
  const { order: _, written_at: __, ...held } = record ?? {};
  print("");
  print("What Particle's simulator holds now:");
  print(indented(held));
  print("");
  print(`What the adapter remembers, in the table ${twin.tableName} (keyed hashes, no demographics):`);
  print(indented(mapping));
}

async function readTable(twin: Twin, id: string) {
  const client = new DynamoDBClient({
    endpoint: twin.dynamodb.url,
    region: PLACE.region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  try {
    return await client.send(
      new GetItemCommand({ TableName: twin.tableName, Key: encodeKey(mappingKey(id)), ConsistentRead: true }),
    );
  } finally {
    client.destroy();
  }
}

const indented = (value: unknown): string => (JSON.stringify(value, undefined, 2) ?? "nothing").replace(/^/gm, "  ");
