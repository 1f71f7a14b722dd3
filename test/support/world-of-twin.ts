import { setTimeout as sleep } from "node:timers/promises";
import { type AttributeValue, DynamoDBClient, PutItemCommand, paginateScan } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import * as v from "valibot";
import type { Twin } from "../../local/twin.ts";
import { createKeyedHash, type KeyedHash } from "../../shared/registration/keyed-hash.ts";
import { ENV } from "../../shared/runtime/env-names.ts";
import type { Claim } from "../../shared/store/mapping-store.ts";
import * as table from "../../shared/store/table.ts";
import type { World } from "./registration-invariants.ts";

const LOCAL = { region: "us-east-1", credentials: { accessKeyId: "local", secretAccessKey: "local" } };

export type TwinWorld = {
  /** Everything that the table and Particle hold now. Reads past the functions; faults of the table hit it as well. */
  read(): Promise<World>;
  /** Patients that an open operation, or the open transaction that they are part of, keeps from others. */
  open(): Promise<readonly { readonly id: string; readonly actionableAt: number }[]>;
  /**
   * Dates every open operation and transaction back, so that anyone may decide it: what waiting for deadline and settling does, without
   * the wait. Only right for operations whose owner is dead and whose requests have landed or never will.
   */
  passTime(): Promise<void>;
  /**
   * Waits, with the clock, until every operation was decided; recovery runs meanwhile.
   * @throws Error when that takes longer than `patienceMs`
   */
  rest(patienceMs: number): Promise<void>;
  close(): void;
};

/** A look at a running twin from outside of its functions. */
export async function worldOfTwin(twin: Twin): Promise<TwinWorld> {
  const client = new DynamoDBClient({ ...LOCAL, endpoint: twin.dynamodb.url });
  const keyedHash = await keyedHashOf(twin);
  const TableName = twin.tableName;

  async function items(): Promise<Item[]> {
    const found: Item[] = [];
    for await (const page of paginateScan({ client }, { TableName, ConsistentRead: true })) {
      found.push(...(page.Items ?? []));
    }
    return found;
  }
  const mappingsIn = (found: readonly Item[]) => found.filter(isMapping).map(table.decodeMapping);
  const transactionsIn = (found: readonly Item[]) =>
    found.filter(hasPk("TRANSACTION#")).map((item) => table.decodeTransaction(item));
  const write = (Item: Item) => client.send(new PutItemCommand({ TableName, Item }));

  async function open() {
    const found = await items();
    const times = new Map(transactionsIn(found).map(({ id, actionableAt }) => [id, actionableAt] as const));
    return mappingsIn(found).flatMap(({ id, operation, transaction = "" }) => {
      const actionableAt = operation?.actionableAt ?? times.get(transaction);
      return actionableAt === undefined ? [] : [{ id, actionableAt }];
    });
  }

  return {
    async read() {
      const found = await items();
      const mappings = mappingsIn(found);
      const reverse = found.filter(hasPk("PARTICLE#")).map((item) => ({
        patient_id: afterHash(item["pk"]?.S),
        id: table.decodeId(item),
        ...expiryOf(item),
      }));
      return {
        mappings,
        claims: found.filter(hasPk("CLAIM#")).map((item): Claim => table.decodeClaim(item)),
        index: found.filter(hasPk("IDENTIFIER#")).map(indexEntry),
        reverse,
        transactions: transactionsIn(found),
        particle: twin.particle.patients().map(({ patient_id, ...demographics }) => ({ patient_id, demographics })),
        keyedHash,
        now: Date.now(),
      };
    },
    open,
    async passTime() {
      const found = await items();
      const past = { deadline: 1, actionableAt: 2 };
      for (const { operation, ...mapping } of mappingsIn(found)) {
        if (operation) {
          await write(table.encodeMapping({ ...mapping, operation: { ...operation, ...past } }));
        }
      }
      for (const transaction of transactionsIn(found)) {
        await write(table.encodeTransaction({ ...transaction, ...past }));
      }
    },
    async rest(patienceMs) {
      for (const end = Date.now() + patienceMs; (await open()).length > 0; await sleep(250)) {
        if (Date.now() > end) {
          throw new Error("Operations are still open although their time is over.");
        }
        await twin.invoke("RecoverRegistrations", {});
      }
    },
    close: () => client.destroy(),
  };
}

type Item = Record<string, AttributeValue>;

const hasPk =
  (prefix: string) =>
  ({ pk }: Item): boolean =>
    pk?.S?.startsWith(prefix) === true;
const isMapping = hasPk("PATIENT#");
const afterHash = (pk = ""): string => pk.slice(pk.indexOf("#") + 1);

const expiryOf = ({ expiresAt }: Item) => (expiresAt?.N === undefined ? {} : { expiresAt: Number(expiresAt.N) });

const indexEntry = (item: Item) => ({
  key: afterHash(item["pk"]?.S),
  id: table.idOfIndexEntry({ sk: item["sk"]?.S ?? "" }),
  ...expiryOf(item),
});

const digestKeys = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string()));

async function keyedHashOf(twin: Twin): Promise<KeyedHash> {
  const [SecretId] = twin.deployment.functions.flatMap(({ environment }) => environment[ENV.digestKeySecret] ?? []);
  const client = new SecretsManagerClient({ ...LOCAL, endpoint: twin.secrets.url });
  const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId }));
  client.destroy();
  const { current = "", ...keys } = v.parse(digestKeys, SecretString);
  return createKeyedHash({ current, keys: new Map(Object.entries(keys)) });
}
