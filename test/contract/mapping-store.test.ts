import { randomUUID } from "node:crypto";
import { GetItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { abandoned, completed, NO_CONTENT, opened, rolledBack } from "../../shared/registration/transitions.ts";
import type { Begin, Claim, Content, Mapping, MappingStore, Transaction } from "../../shared/store/mapping-store.ts";
import * as table from "../../shared/store/table.ts";
import { startStoreOnDynamoDb } from "../support/mapping-store-on-dynamodb.ts";
import { createMemoryMappingStore } from "../support/memory-mapping-store.ts";

type Running = {
  readonly store: MappingStore;
  /** Makes a mapping, or the record of a transaction, what nobody can read. */
  spoil(kind: "mapping" | "transaction", id: string): Promise<void>;
  /** Of an entry of the identifier index, in epoch seconds: only time to live looks at it. */
  expiryOf(indexKey: string, id: string): Promise<number | undefined>;
  close(): Promise<void>;
};

const STORES: Readonly<Record<string, () => Promise<Running>>> = {
  memory: async () => {
    const store = createMemoryMappingStore();
    const expiryOf = async (indexKey: string, id: string) => store.contents.index.get(indexKey)?.get(id);
    return { store, spoil: async (_, id) => store.spoil(id), expiryOf, close: async () => {} };
  },
  DynamoDB: async () => {
    const { store, client, tableName, close } = await startStoreOnDynamoDb();
    const spoil: Running["spoil"] = async (kind, id) => {
      const key = kind === "mapping" ? table.mappingKey(id) : table.transactionKey(id);
      // As a newer version could write it, which knows more states and another kind of deadline.
      const newer = {
        UpdateExpression: "SET #state = :newer, deadline = :newer",
        ExpressionAttributeNames: { "#state": "state" },
        ExpressionAttributeValues: { ":newer": { S: "what a newer version says" } },
      };
      await client.send(new UpdateItemCommand({ TableName: tableName, Key: table.encodeKey(key), ...newer }));
    };
    const expiryOf = async (hash: string, id: string) => {
      const Key = table.encodeKey(table.indexKey(hash, id));
      const { Item } = await client.send(new GetItemCommand({ TableName: tableName, Key }));
      return Item?.["expiresAt"] && Number(Item["expiresAt"].N);
    };
    return { store, spoil, expiryOf, close };
  },
};

const NOW = Date.parse("2026-11-22T12:00:00Z");
const KEPT_UNTIL = NOW / 1_000 + 86_400;
const operation = () => ({ token: randomUUID(), owner: "request", deadline: NOW, actionableAt: NOW + 60_000 });
const content = (changes: Partial<Content> = {}): Content => ({
  sent: { whole: "k1.whole", fields: { family_name: "k1.family" } },
  identifiers: [{ system: "https://hospital.example/mrn", value: "MRN-1", use: "usual" }],
  indexKeys: [],
  claims: [],
  ...changes,
});

/** A create that begins now, with everything that it reserves. */
function creation(
  changes: Partial<Begin> & { content?: Partial<Content>; id?: string; patient_id?: string } = {},
): Begin & {
  next: ReturnType<typeof opened>;
} {
  const { content: part, id = randomUUID(), patient_id = randomUUID(), ...begin } = changes;
  const intended = content(part);
  const next = opened({ id, patient_id }, "create", intended, operation());
  const claims: Claim[] = intended.claims.map((key) => ({ key, id }));
  return { prior: undefined, claims, unclaimed: [], indexKeys: intended.indexKeys, now: NOW, ...begin, next };
}

async function registered(store: MappingStore, changes: Parameters<typeof creation>[0] = {}): Promise<Mapping> {
  const begin = creation(changes);
  expect(await store.begin(begin)).toBeUndefined();
  const finish = completed(begin.next, { now: NOW, keptUntil: KEPT_UNTIL });
  expect(await store.finish(finish)).toBe(true);
  return finish.next!;
}

describe.each(Object.keys(STORES))("MappingStore: %s", (name) => {
  let running: Running;
  let store: MappingStore;
  beforeAll(async () => {
    running = await STORES[name]!();
    ({ store } = running);
  }, 120_000);
  afterAll(() => running?.close());

  it("finds nothing where nothing is", async () => {
    expect(await store.find("none")).toBeUndefined();
    expect(await store.findMany(["none"])).toEqual([]);
    expect(await store.findMany([])).toEqual([]);
    expect(await store.findIdsByIndexKeys(["none"])).toEqual([]);
    expect(await store.findIdsByPatientIds(["none"])).toEqual(new Map());
    expect(await store.findClaims(["none"])).toEqual([]);
  });

  it("gives back what was begun, field for field", async () => {
    const begin = creation({ content: { indexKeys: [randomUUID()], claims: [randomUUID()] } });
    expect(await store.begin(begin)).toBeUndefined();
    expect(await store.find(begin.next.id)).toEqual(begin.next);
    expect(await store.findIdsByPatientIds([begin.next.patient_id])).toEqual(
      new Map([[begin.next.patient_id, begin.next.id]]),
    );
    expect(await store.findClaims(begin.next.operation.intended.claims)).toEqual(begin.claims);
  });

  it("gives back what was completed, and leads to it by its index keys", async () => {
    const key = randomUUID();
    const mapping = await registered(store, { content: { indexKeys: [key] } });
    expect(await store.find(mapping.id)).toEqual(mapping);
    expect(await store.findMany([mapping.id, "none"])).toEqual([mapping]);
    expect(await store.findIdsByIndexKeys([key, key, "none"])).toEqual([mapping.id]);
  });

  it("takes its own begin for begun when it is repeated, and refuses another", async () => {
    const begin = creation();
    await store.begin(begin);
    const other = creation({ id: begin.next.id });
    expect(await store.begin(other)).toEqual({ kind: "mapping", mapping: begin.next });
    expect(await store.find(begin.next.id)).toEqual(begin.next);
  });

  it("begins on a mapping only in the version and state that the caller saw, without an operation", async () => {
    const mapping = await registered(store);
    const update = (prior: Mapping): Begin => ({
      ...creation(),
      next: opened(prior, "update", content(), operation()),
      prior,
    });
    expect(await store.begin(update({ ...mapping, version: 7 }))).toEqual({ kind: "mapping", mapping });
    expect(await store.begin(update({ ...mapping, state: "drifted" }))).toEqual({ kind: "mapping", mapping });
    expect(await store.begin(update(mapping))).toBeUndefined();
    expect(await store.begin(update(mapping))).toMatchObject({ kind: "mapping", mapping: { state: "updating" } });
  });

  it("gives a claim to one of many who want it at once", async () => {
    const claims = [randomUUID()];
    const begins = Array.from({ length: 20 }, () => creation({ content: { claims } }));
    const conflicts = await Promise.all(begins.map((begin) => store.begin(begin)));
    const winners = begins.filter((_, index) => conflicts[index] === undefined);
    expect(winners).toHaveLength(1);
    const id = winners[0]!.next.id;
    expect(conflicts.filter((conflict) => conflict !== undefined)).toEqual(
      Array.from({ length: 19 }, () => ({ kind: "claims", claims: [{ key: claims[0], id }] })),
    );
    expect(await store.findMany(begins.map(({ next }) => next.id))).toHaveLength(1);
  });

  it("gives an expired claim to the next, and leaves it there when its first holder goes", async () => {
    const key = randomUUID();
    const claimed = (id: string): Partial<Begin> => ({ claims: [{ key, id }] });
    const [first, second] = [randomUUID(), randomUUID()];
    const unwanted = randomUUID();
    const one = await registered(store, { id: first, content: { claims: [key, unwanted] } });
    const tooEarly = creation({ id: second, ...claimed(second), now: KEPT_UNTIL * 1_000 });
    expect(await store.begin(tooEarly)).toMatchObject({ kind: "claims", claims: [{ id: first }] });
    expect(await store.begin({ ...tooEarly, now: (KEPT_UNTIL + 1) * 1_000 })).toBeUndefined();

    const removal = opened(one, "delete", NO_CONTENT, operation());
    expect(await store.begin({ ...creation(), claims: [], next: removal, prior: one })).toBeUndefined();
    expect(await store.finish(completed(removal, { now: NOW, keptUntil: KEPT_UNTIL }))).toBe(true);
    expect(await store.findClaims([key, unwanted])).toMatchObject([{ id: second }]);
  });

  it("gives no end to a claim that another has taken since", async () => {
    const [key, second] = [randomUUID(), randomUUID()];
    const begin = creation({ content: { claims: [key] } });
    await store.begin(begin);
    const left = abandoned(begin.next, KEPT_UNTIL);
    await store.finish(left);
    const claims = [{ key, id: second }];
    expect(await store.begin(creation({ id: second, claims, now: (KEPT_UNTIL + 1) * 1_000 }))).toBeUndefined();
    const again = opened(left.next!, "create", content(), operation());
    expect(await store.begin({ ...creation(), next: again, prior: left.next })).toBeUndefined();
    expect(await store.finish(rolledBack(again, KEPT_UNTIL + 60))).toBe(true);
    expect(await store.findClaims([key])).toEqual(claims);
  });

  it("refuses what another holds under an older hash key", async () => {
    const old = randomUUID();
    const mapping = await registered(store, { content: { claims: [old] } });
    const begin = creation({ content: { claims: [randomUUID()] }, unclaimed: [old] });
    expect(await store.begin(begin)).toMatchObject({ kind: "claims", claims: [{ key: old, id: mapping.id }] });
  });

  it("gives what stands for a whole request an end only when its operation has ended", async () => {
    const [content, unique] = [`CONTENT#${randomUUID()}`, `UNIQUE#${randomUUID()}`];
    const begin = creation({ content: { claims: [content, unique] } });
    await store.begin(begin);
    const at = async () => new Map((await store.findClaims([content, unique])).map((claim) => [claim.key, claim]));
    expect((await at()).get(content)).not.toHaveProperty("expiresAt");
    await store.finish(completed(begin.next, { now: NOW, keptUntil: KEPT_UNTIL }));
    expect((await at()).get(content)).toMatchObject({ expiresAt: KEPT_UNTIL });
    expect((await at()).get(unique)).not.toHaveProperty("expiresAt");
  });

  it("says who holds a claim rather than who holds the patient_id", async () => {
    const content = { claims: [`CONTENT#${randomUUID()}`] };
    const { id, patient_id } = await registered(store, { content });
    expect(await store.begin(creation({ patient_id, content }))).toMatchObject({ kind: "claims", claims: [{ id }] });
  });

  it("forgets an abandoned registration with what it holds, and nothing that was taken up again", async () => {
    const content = { claims: [`UNIQUE#${randomUUID()}`], indexKeys: [randomUUID()] };
    const begin = creation({ content });
    await store.begin(begin);
    const { next: left } = abandoned(begin.next, KEPT_UNTIL);
    await store.finish(abandoned(begin.next, KEPT_UNTIL));
    const again = opened(left!, "create", begin.next.operation.intended, operation());
    await store.begin({ ...begin, next: again, prior: left });
    await store.forgetAbandoned(left!);
    expect(await store.find(left!.id)).toEqual(again);

    const finish = abandoned(again, KEPT_UNTIL);
    await store.finish(finish);
    await store.forgetAbandoned(left!);
    expect(await store.find(left!.id)).toEqual(finish.next);
    await store.forgetAbandoned(finish.next!);
    await store.forgetAbandoned(finish.next!);
    expect(await store.find(left!.id)).toBeUndefined();
    expect(await store.findClaims(content.claims)).toEqual([]);
    expect(await store.findIdsByIndexKeys(content.indexKeys)).toEqual([]);
    expect(await store.findIdsByPatientIds([left!.patient_id])).toEqual(new Map());
  });

  it("gives the patient_id of an abandoned registration to another when that is over, and not before", async () => {
    const begin = creation();
    await store.begin(begin);
    const { patient_id } = begin.next;
    await store.finish(abandoned(begin.next, KEPT_UNTIL));
    const other = creation({ patient_id, now: KEPT_UNTIL * 1_000 });
    expect(await store.begin(other)).toEqual({ kind: "patient_id", id: begin.next.id });
    expect(await store.begin({ ...other, now: (KEPT_UNTIL + 1) * 1_000 })).toBeUndefined();
    expect(await store.findIdsByPatientIds([patient_id])).toEqual(new Map([[patient_id, other.next.id]]));
  });

  it("keeps the patient_id of an abandoned registration that is taken up again", async () => {
    const begin = creation();
    await store.begin(begin);
    const left = abandoned(begin.next, KEPT_UNTIL);
    await store.finish(left);
    const again = opened(left.next!, "create", begin.next.operation.intended, operation());
    expect(await store.begin({ ...begin, next: again, prior: left.next })).toBeUndefined();
    const other = creation({ patient_id: again.patient_id, now: (KEPT_UNTIL + 1) * 1_000 });
    expect(await store.begin(other)).toEqual({ kind: "patient_id", id: again.id });
  });

  it("never gives a patient_id to a second FHIR patient, also after a deletion", async () => {
    const mapping = await registered(store);
    const removal = opened(mapping, "delete", NO_CONTENT, operation());
    await store.begin({ ...creation(), claims: [], next: removal, prior: mapping });
    await store.finish(completed(removal, { now: NOW, keptUntil: KEPT_UNTIL }));
    const thief = creation({ patient_id: mapping.patient_id });
    expect(await store.begin(thief)).toEqual({ kind: "patient_id", id: mapping.id });
  });

  it("finishes an operation once, for the one who holds its token", async () => {
    const begin = creation();
    await store.begin(begin);
    const stranger = { ...begin.next, operation: { ...begin.next.operation, token: randomUUID() } };
    expect(await store.finish(completed(stranger, { now: NOW, keptUntil: KEPT_UNTIL }))).toBe(false);
    const finish = completed(begin.next, { now: NOW, keptUntil: KEPT_UNTIL });
    expect(await store.finish(finish)).toBe(true);
    expect(await store.finish(finish)).toBe(true);
    expect(await store.find(begin.next.id)).toEqual(finish.next);
  });

  it("does not take another's verdict for its own", async () => {
    const mapping = await registered(store);
    const update = opened(mapping, "update", content(), operation());
    await store.begin({ ...creation(), claims: [], next: update, prior: mapping });
    expect(await store.finish(rolledBack(update, 0))).toBe(true);
    expect(await store.finish(completed(update, { now: NOW, keptUntil: KEPT_UNTIL }))).toBe(false);
  });

  it("leaves nothing of a create that is rolled back", async () => {
    const begin = creation({ content: { indexKeys: [randomUUID()], claims: [randomUUID()] } });
    await store.begin(begin);
    expect(await store.finish(rolledBack(begin.next, 0))).toBe(true);
    const { indexKeys, claims } = begin.next.operation.intended;
    expect(await store.find(begin.next.id)).toBeUndefined();
    expect(await store.findIdsByIndexKeys(indexKeys)).toEqual([]);
    expect(await store.findClaims(claims)).toEqual([]);
    expect(await store.findIdsByPatientIds([begin.next.patient_id])).toEqual(new Map());
    expect(await store.finish(rolledBack(begin.next, 0))).toBe(true);
    expect(await store.finish(completed(begin.next, { now: NOW, keptUntil: KEPT_UNTIL }))).toBe(false);
  });

  it("keeps what was abandoned until its time, and lets the retry go on", async () => {
    const begin = creation({ content: { indexKeys: [randomUUID()], claims: [randomUUID()] } });
    await store.begin(begin);
    const finish = abandoned(begin.next, NOW / 1_000 + 60);
    expect(await store.finish(finish)).toBe(true);
    expect(await store.find(begin.next.id)).toEqual(finish.next);
    expect(await store.findClaims(finish.next!.claims)).toMatchObject([{ expiresAt: NOW / 1_000 + 60 }]);
    const [indexKey = ""] = finish.next!.indexKeys;
    expect(await running.expiryOf(indexKey, begin.next.id)).toBe(NOW / 1_000 + 60);
    const again = opened(finish.next!, "create", begin.next.operation.intended, operation());
    expect(await store.begin({ ...begin, next: again, prior: finish.next })).toBeUndefined();
    expect(await running.expiryOf(indexKey, begin.next.id)).toBeUndefined();
  });

  it("keeps and gives back more than one transaction can write", async () => {
    const keys = (count: number) => Array.from({ length: count }, () => randomUUID());
    const first = creation({ content: { indexKeys: keys(60), claims: keys(33) } });
    await store.begin(first);
    const before = abandoned(first.next, NOW / 1_000 + 60);
    expect(await store.finish(before)).toBe(true);
    const intended = content({ indexKeys: keys(60), claims: keys(33) });
    const next = opened(before.next!, "create", intended, operation());
    const claims = intended.claims.map((key) => ({ key, id: next.id }));
    expect(
      await store.begin({ ...first, next, prior: before.next, claims, indexKeys: intended.indexKeys }),
    ).toBeUndefined();
    const [lost = ""] = first.next.operation.intended.claims.slice(-1);
    const taker = creation({ content: { claims: [lost] }, now: NOW + 61_000 });
    expect(await store.begin(taker)).toBeUndefined();
    const finish = abandoned(next, NOW / 1_000 + 90);
    expect(await store.finish({ ...finish, token: randomUUID() })).toBe(false);
    expect(await store.finish(finish)).toBe(true);
    expect(await store.finish(finish)).toBe(true);
    expect(await store.findClaims(first.next.operation.intended.claims)).toEqual(taker.claims);
    const kept = await store.findClaims(intended.claims);
    expect(kept.map(({ expiresAt }) => expiresAt)).toEqual(intended.claims.map(() => NOW / 1_000 + 90));
    expect(await store.findIdsByIndexKeys(first.indexKeys)).toEqual([]);
    expect(await store.findIdsByIndexKeys(intended.indexKeys)).toEqual([next.id]);
  });

  it("does not open an operation again that was rolled back, when a repetition of its begin comes late", async () => {
    const mapping = await registered(store);
    const begin = {
      next: opened(mapping, "delete", NO_CONTENT, operation()),
      prior: mapping,
      claims: [],
      unclaimed: [],
      indexKeys: [],
      now: NOW,
    };
    expect(await store.begin(begin)).toBeUndefined();
    expect(await store.finish(rolledBack(begin.next, 0))).toBe(true);
    expect(await store.begin(begin)).toMatchObject({ kind: "mapping", mapping: { state: "registered" } });
    const again = { ...begin, next: opened(mapping, "delete", NO_CONTENT, operation()) };
    expect(await store.begin(again)).toMatchObject({ kind: "mapping" });
    expect(await store.begin({ ...again, prior: (await store.find(mapping.id))! })).toBeUndefined();
  });

  it("adds a claim to a patient that is there, unless somebody else holds it", async () => {
    const [one, other] = [await registered(store), await registered(store)];
    const [key, older] = [randomUUID(), randomUUID()];
    expect(await store.addClaim({ key, id: one.id }, [older], NOW)).toBe(true);
    expect(await store.addClaim({ key, id: one.id }, [older], NOW)).toBe(true);
    expect(await store.addClaim({ key, id: other.id }, [], NOW)).toBe(false);
    expect(await store.addClaim({ key: randomUUID(), id: other.id }, [key], NOW)).toBe(false);
    expect(await store.addClaim({ key, id: other.id, takenFrom: "somebody else" }, [], NOW)).toBe(false);
    expect(await store.addClaim({ key, id: other.id, takenFrom: one.id }, [], NOW)).toBe(true);
    expect(await store.findClaims([key])).toEqual([{ key, id: other.id }]);
  });

  it("begins nothing once another mapping that it relies on has changed", async () => {
    const [relied, begun] = [await registered(store), creation()];
    expect(await store.begin({ ...begun, unchanged: { ...relied, version: 7 } })).toMatchObject({
      kind: "mapping",
      mapping: { id: relied.id },
    });
    expect(await store.begin({ ...begun, unchanged: { ...relied, id: randomUUID() } })).toMatchObject({
      kind: "mapping",
    });
    expect(await store.begin({ ...begun, unchanged: relied })).toBeUndefined();
  });

  it("hands an open operation over once", async () => {
    const begin = creation();
    await store.begin(begin);
    const next = { ...begin.next.operation, token: randomUUID() };
    expect(await store.takeOver(begin.next, next)).toBe(true);
    expect(await store.takeOver(begin.next, next)).toBe(true);
    expect(await store.takeOver(begin.next, { ...next, token: randomUUID() })).toBe(false);
    expect(await store.finish(completed(begin.next, { now: NOW, keptUntil: KEPT_UNTIL }))).toBe(false);
    expect(await store.finish(completed({ ...begin.next, operation: next }, { now: NOW, keptUntil: KEPT_UNTIL }))).toBe(
      true,
    );
  });

  describe("transactions", () => {
    const begun = async (ids: readonly string[] = [], changes: Partial<Transaction> = {}): Promise<Transaction> => {
      const transaction = { id: randomUUID(), ids, ...operation(), ...changes };
      await store.beginTransaction(transaction);
      return transaction;
    };
    /** A patient that was registered within the transaction. */
    const member = async (transaction: Transaction): Promise<Mapping> => {
      const begin = creation();
      const next = { ...begin.next, transaction: transaction.id };
      expect(await store.begin({ ...begin, next, within: transaction })).toBeUndefined();
      const finish = completed(next, { now: NOW, keptUntil: KEPT_UNTIL });
      expect(await store.finish(finish)).toBe(true);
      return finish.next!;
    };
    const alone = ({ transaction: _, ...mapping }: Mapping): Mapping => mapping;

    it("gives back what was begun, field for field", async () => {
      const transaction = await begun([randomUUID(), randomUUID()]);
      expect(await store.findTransaction(transaction.id)).toEqual(transaction);
      expect(await store.findTransaction("none")).toBeUndefined();
    });

    it("lets its patients stand on their own when it is committed, all at once", async () => {
      const transaction = await begun();
      const members = await Promise.all(Array.from({ length: 20 }, () => member(transaction)));
      expect(await store.findMany([members[0]!.id])).toEqual([members[0]]);
      expect(members[0]).toMatchObject({ transaction: transaction.id });
      expect(await store.commitTransaction(transaction, members)).toBe(true);
      expect(await store.findTransaction(transaction.id)).toBeUndefined();
      for (const mapping of members) {
        expect(await store.find(mapping.id)).toEqual(alone(mapping));
      }
      expect(await store.commitTransaction(transaction, members)).toBe(true);
    });

    it("is committed where nothing was registered in it", async () => {
      const transaction = await begun();
      expect(await store.commitTransaction(transaction, [])).toBe(true);
      expect(await store.findTransaction(transaction.id)).toBeUndefined();
    });

    it("is not committed, and begins nothing any more, once it is in other hands", async () => {
      const transaction = await begun();
      const mapping = await member(transaction);
      const next = { ...transaction, token: randomUUID() };
      expect(await store.takeOverTransaction(transaction, next)).toBe(true);
      expect(await store.takeOverTransaction(transaction, next)).toBe(true);
      expect(await store.takeOverTransaction(transaction, { ...next, token: randomUUID() })).toBe(false);
      expect(await store.commitTransaction(transaction, [mapping])).toBe(false);
      expect(await store.find(mapping.id)).toEqual(mapping);
      const late = creation();
      await expect(store.begin({ ...late, within: transaction })).rejects.toMatchObject({
        failure: { kind: "outcome-unknown" },
      });
      expect(await store.find(late.next.id)).toBeUndefined();
      expect(await store.findTransaction(transaction.id)).toEqual(next);
    });

    it("is ended by the one who holds it, and nobody commits it after that", async () => {
      const transaction = await begun();
      const mapping = await member(transaction);
      expect(await store.endTransaction({ ...transaction, token: randomUUID() })).toBe(false);
      expect(await store.findTransaction(transaction.id)).toEqual(transaction);
      expect(await store.endTransaction(transaction)).toBe(true);
      expect(await store.endTransaction(transaction)).toBe(true);
      expect(await store.commitTransaction(transaction, [mapping])).toBe(false);
      expect(await store.takeOverTransaction(transaction, { ...transaction, token: randomUUID() })).toBe(false);
      await expect(store.begin({ ...creation(), within: transaction })).rejects.toThrow();
    });

    it("comes up when its time is over, apart from the operations", async () => {
      const early = 1_000_000;
      const [second, first] = [
        await begun([], { actionableAt: early + 2 }),
        await begun([], { actionableAt: early + 1 }),
      ];
      const begin = creation();
      const next = { ...begin.next, operation: { ...begin.next.operation, actionableAt: early } };
      await store.begin({ ...begin, next });
      const idsAt = async (now: number) => (await store.findOverdueTransactions(now, 10)).found.map(({ id }) => id);
      expect(await idsAt(early)).toEqual([]);
      expect(await idsAt(early + 1)).toEqual([first.id]);
      expect(await idsAt(early + 2)).toEqual([first.id, second.id]);
      expect(await store.findOverdueTransactions(early + 2, 1)).toEqual({ found: [first], unreadable: [] });
      expect(await store.findOverdue(early - 1, 10)).toEqual({ found: [], unreadable: [] });
      expect(await store.findOverdue(early, 10)).toEqual({ found: [next], unreadable: [] });
      expect(await store.findOverdue(early + 2, 10)).toEqual({ found: [next], unreadable: [] });
      await store.takeOverTransaction(first, { ...first, token: randomUUID(), actionableAt: early + 9 });
      expect(await idsAt(early + 2)).toEqual([second.id]);
    });
  });

  it("does not let overdue operations hide an overdue transaction", async () => {
    const transaction = { id: randomUUID(), token: randomUUID(), owner: "request", ids: [], deadline: NOW };
    await store.beginTransaction({ ...transaction, actionableAt: 2_000_002 });
    const operations = Array.from({ length: 40 }, async () => {
      const begin = creation();
      const next = { ...begin.next, operation: { ...begin.next.operation, actionableAt: 2_000_001 } };
      await store.begin({ ...begin, next });
    });
    await Promise.all(operations);
    const overdue = await store.findOverdueTransactions(2_000_002, 1_000);
    expect(overdue.found.map(({ id }) => id)).toContain(transaction.id);
    const one = await store.findOverdueTransactions(2_000_002, 1);
    expect(one.found).toHaveLength(1);
  });

  it("finds what is overdue also beside what cannot be read, and says what that is without its values", async () => {
    const at = 500_000;
    const operations = [at, at + 1].map(async (actionableAt) => {
      const begin = creation();
      await store.begin({ ...begin, next: { ...begin.next, operation: { ...begin.next.operation, actionableAt } } });
      return begin.next.id;
    });
    const transactions = [at, at + 1].map(async (actionableAt) => {
      const transaction = { id: randomUUID(), token: randomUUID(), owner: "request", ids: [], deadline: NOW };
      await store.beginTransaction({ ...transaction, actionableAt });
      return transaction.id;
    });
    const [spoiltMapping = "", mapping] = await Promise.all(operations);
    const [spoiltTransaction = "", transaction] = await Promise.all(transactions);
    await running.spoil("mapping", spoiltMapping);
    await running.spoil("transaction", spoiltTransaction);
    for (const [{ found, unreadable }, id] of [
      [await store.findOverdue(at + 1, 10), mapping],
      [await store.findOverdueTransactions(at + 1, 10), transaction],
    ] as const) {
      expect(found.map((one) => one.id)).toEqual([id]);
      expect(unreadable).toEqual([{ error: expect.any(Error), actionableAt: at }]);
      expect(String(unreadable[0]?.error)).toMatch(/not readable at/);
      expect(String(unreadable[0]?.error)).not.toContain("newer");
    }
    await expect(store.find(spoiltMapping)).rejects.toThrow(/not readable at/);
  });

  it("reads more than one batch holds", async () => {
    const mappings = await Promise.all(Array.from({ length: 130 }, () => registered(store)));
    const ids = mappings.map(({ id }) => id);
    expect(new Set((await store.findMany(ids)).map(({ id }) => id))).toEqual(new Set(ids));
    const byPatientId = await store.findIdsByPatientIds(mappings.map(({ patient_id }) => patient_id));
    expect(byPatientId.size).toBe(130);
  });
});
