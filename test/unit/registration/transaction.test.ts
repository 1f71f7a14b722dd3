import fc from "fast-check";
import type { Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import { AdapterError } from "../../../shared/failure/failure.ts";
import { deletePatientConditionally } from "../../../shared/registration/conditional-writes.ts";
import { type CreateRequest, createPatient } from "../../../shared/registration/create-patient.ts";
import { deletePatient } from "../../../shared/registration/delete-patient.ts";
import { readPatient } from "../../../shared/registration/read-patient.ts";
import { recoverRegistrations } from "../../../shared/registration/recover-registrations.ts";
import {
  identityOf,
  isSameIdentity,
  registerTogether,
  type Together,
} from "../../../shared/registration/register-together.ts";
import type { Registered } from "../../../shared/registration/registered.ts";
import type { Registration, Task } from "../../../shared/registration/registration.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import { type Fate, interleave, PARTICLE_FAULTS, STORE_FAULTS } from "../../support/interleaved-registration.ts";
import { worldOf } from "../../support/protocol-aftermath.ts";
import {
  createHarness,
  type Harness,
  henrick,
  LOST_REPLY,
  LOST_REQUEST,
  MRN,
  REFUSED,
  SETTLE_MS,
} from "../../support/registration-harness.ts";
import { discrepancies } from "../../support/registration-invariants.ts";

/** `PROTOCOL_RUNS=20000` for a long run. */
const RUNS = Number(process.env["PROTOCOL_RUNS"] ?? 300);

const mrn = (number: number) => ({ system: MRN.system, value: `MRN-${number}` });
const person = (number: number, changes: Partial<Patient> = {}): Patient =>
  henrick({ identifier: [mrn(number)], ...changes });
const THREE = [person(1), person(2), person(3)].map((patient): CreateRequest => ({ patient }));

type Reads = Together<Registered>["reads"];

const together = (
  registration: Registration,
  task: Task,
  creates: readonly CreateRequest[] = THREE,
  reads: Reads = [],
) =>
  registerTogether<Registered>(
    registration,
    {
      creates: creates.map((request) => ({
        id: registration.newId(),
        register: (part, member) => createPatient(registration, { ...request, member }, part),
      })),
      reads,
    },
    task,
  );

const mappingsOf = (harness: Harness) => [...harness.store.contents.mappings.values()];
const statesOf = (harness: Harness) => mappingsOf(harness).map(({ state }) => state);
const openOf = (harness: Harness) => harness.store.contents.transactions.size;
const recover = (harness: Harness) => recoverRegistrations(harness, harness.task());
const settle = (harness: Harness) => harness.pass(20_000 + SETTLE_MS + 1);
const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;

async function whatIsWrong(harness: Harness): Promise<string[]> {
  const faults = discrepancies(worldOf(harness, await harness.keyedHash()));
  const inTransaction = mappingsOf(harness).filter(({ transaction }) => transaction !== undefined);
  return [
    ...faults,
    ...inTransaction.map(({ id }) => `${id} is still part of a transaction.`),
    ...(openOf(harness) > 0 ? ["A transaction is open."] : []),
  ];
}

/** As a process that ends after its last create, before the commit. */
function endBeforeCommit(harness: Harness): Registration {
  return { ...harness, store: { ...harness.store, commitTransaction: () => new Promise(() => {}) } };
}

/** Whose creates are all done and whose commit never comes. */
async function leftOpen(harness: Harness): Promise<void> {
  void together(endBeforeCommit(harness), harness.task());
  await new Promise((resolve) => setImmediate(resolve));
  expect(statesOf(harness)).toEqual(["registered", "registered", "registered"]);
  expect(openOf(harness)).toBe(1);
}

describe("registerTogether", () => {
  it("registers all, and leaves nothing of the transaction behind", async () => {
    const harness = createHarness();
    const { created } = await together(harness, harness.task());
    expect(created.map(({ outcome }) => outcome)).toEqual(["created", "created", "created"]);
    expect(harness.particle.held.size).toBe(3);
    expect(await whatIsWrong(harness)).toEqual([]);
    await updatePatient(harness, { id: created[0]!.mapping.id, patient: person(9) }, harness.task());
  });

  it("deletes what it has registered when one is refused, and says why that one was", async () => {
    const harness = createHarness();
    harness.particle.beforeNext("putPatient", () => undefined);
    harness.particle.beforeNext("putPatient", () => harness.particle.failNext("putPatient", REFUSED));
    expect(await failureOf(together(harness, harness.task()))).toEqual(REFUSED.failure);
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
    const again = await together(harness, harness.task());
    expect(again.created.map(({ outcome }) => outcome)).toEqual(["created", "created", "created"]);
    expect(harness.particle.held.size).toBe(3);
  });

  it("has time left for taking back when a create has used up its own", async () => {
    const harness = createHarness();
    const register = (patient: Patient) => (part: Task, member: NonNullable<CreateRequest["member"]>) =>
      createPatient(harness, { patient, member }, part);
    const creates = [
      { id: harness.newId(), register: register(person(1)) },
      {
        id: harness.newId(),
        register: async (part: Task, member: NonNullable<CreateRequest["member"]>) => {
          const { outcome } = await register(person(2))(part, member);
          expect(outcome).toBe("created");
          harness.pass(part.deadline - harness.now());
          throw new AdapterError(REFUSED.failure, "It took all of its time.");
        },
      },
    ];
    const work = registerTogether<Registered>(harness, { creates, reads: [] }, harness.task());
    expect(await failureOf(work)).toEqual(REFUSED.failure);
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("begins nothing more after the first failure", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", REFUSED);
    const many = Array.from({ length: 20 }, (_, number): CreateRequest => ({ patient: person(number) }));
    expect(await failureOf(together(harness, harness.task(), many))).toEqual(REFUSED.failure);
    expect(harness.particle.calls.filter(({ method }) => method === "putPatient").length).toBeLessThanOrEqual(4);
  });

  it("takes the creates back when a read fails", async () => {
    const harness = createHarness();
    const missing: Reads = [
      async (task) => {
        await readPatient(harness, { id: "missing" }, task.deadline);
        throw new Error("It was read.");
      },
    ];
    expect(await failureOf(together(harness, harness.task(), THREE, missing))).toMatchObject({ kind: "not-found" });
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("leaves a patient alone that was there before, whatever becomes of the others", async () => {
    const harness = createHarness();
    const before = await createPatient(harness, { patient: person(1) }, harness.task());
    harness.particle.failNext("putPatient", REFUSED);
    const creates = [{ patient: person(1), ifNoneExist: mrn(1) }, { patient: person(2) }];
    expect(await failureOf(together(harness, harness.task(), creates))).toEqual(REFUSED.failure);
    expect([...harness.particle.held.keys()]).toEqual([before.mapping.patient_id]);
    const { created } = await together(harness, harness.task(), creates);
    expect(created.map(({ outcome }) => outcome)).toEqual(["existing", "created"]);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("starts afresh where a create of its own was abandoned before", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await adapterErrorOf(createPatient(harness, { patient: person(2) }, harness.task()));
    settle(harness);
    await recover(harness);
    expect(statesOf(harness)).toEqual(["abandoned"]);
    const { created } = await together(harness, harness.task());
    expect(created.map(({ outcome }) => outcome)).toEqual(["created", "created", "created"]);
    expect(harness.particle.held.size).toBe(3);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("takes a create back, too, that was abandoned before", async () => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await adapterErrorOf(createPatient(harness, { patient: person(1) }, harness.task()));
    settle(harness);
    await recover(harness);
    const failing: Reads = [() => Promise.reject(new AdapterError({ kind: "deleted" }, "Gone."))];
    expect(await failureOf(together(harness, harness.task(), THREE, failing))).toEqual({ kind: "deleted" });
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("takes nothing back that is not of its own", async () => {
    const harness = createHarness();
    const { mapping } = await createPatient(harness, { patient: person(1) }, harness.task());
    const times = { deadline: 0, actionableAt: 0 };
    await harness.store.beginTransaction({ id: "one", token: "token", owner: "request", ids: [mapping.id], ...times });
    expect(await recover(harness)).toMatchObject({ found: 1, decided: 1 });
    expect(harness.particle.held.size).toBe(1);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("is taken back when the commit did not arrive, and says so", async () => {
    const harness = createHarness();
    const failure = { kind: "store-unavailable", retryAfterSeconds: 2 } as const;
    const store = {
      ...harness.store,
      commitTransaction: async () => {
        throw new AdapterError(failure, "It did not arrive.");
      },
    };
    expect(await failureOf(together({ ...harness, store }, harness.task()))).toEqual(failure);
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it.each([LOST_REPLY, LOST_REQUEST])("does not know the end when a create does not ($carriedOut)", async (lost) => {
    const harness = createHarness();
    harness.particle.failNext("putPatient", lost);
    expect(await failureOf(together(harness, harness.task()))).toMatchObject({ kind: "outcome-unknown" });
    expect(openOf(harness)).toBe(1);
    const retry = await failureOf(together(harness, harness.task()));
    expect(retry).toMatchObject({ kind: "in-flight" });
    settle(harness);
    expect(await recover(harness)).toMatchObject({ failed: 0 });
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
    expect((await together(harness, harness.task())).created.map(({ outcome }) => outcome)).toEqual([
      "created",
      "created",
      "created",
    ]);
  });

  it("does not know the end when taking back fails, and recovery takes back", async () => {
    const harness = createHarness();
    harness.particle.beforeNext("putPatient", () => harness.particle.failNext("putPatient", REFUSED));
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    const failure = await failureOf(together(harness, harness.task()));
    expect(failure).toMatchObject({ kind: "outcome-unknown" });
    expect(failure).toHaveProperty("retryAfterSeconds", 80);
    settle(harness);
    await recover(harness);
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("does not know the end when the commit is not answered, and is never taken back after it", async () => {
    const harness = createHarness();
    const store = {
      ...harness.store,
      commitTransaction: async (...args: Parameters<typeof harness.store.commitTransaction>) => {
        await harness.store.commitTransaction(...args);
        throw new AdapterError({ kind: "store-unavailable", retryAfterSeconds: 2 }, "No reply.");
      },
    };
    expect(await failureOf(together({ ...harness, store }, harness.task()))).toMatchObject({ kind: "outcome-unknown" });
    settle(harness);
    expect(await recover(harness)).toMatchObject({ found: 0 });
    const { created } = await together(harness, harness.task());
    expect(created.map(({ outcome }) => outcome)).toEqual(["existing", "existing", "existing"]);
    expect(harness.particle.held.size).toBe(3);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("says that nobody knows when somebody else took it over before the commit", async () => {
    const harness = createHarness();
    const store = {
      ...harness.store,
      commitTransaction: async (...args: Parameters<typeof harness.store.commitTransaction>) => {
        settle(harness);
        await recover(harness);
        return harness.store.commitTransaction(...args);
      },
    };
    expect(await failureOf(together({ ...harness, store }, harness.task()))).toMatchObject({ kind: "outcome-unknown" });
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("cannot begin a create any more once it was taken over", async () => {
    const harness = createHarness();
    const late = {
      patient: person(1),
      member: { id: harness.newId(), within: { id: "transaction", token: "token" } },
    };
    await harness.store.beginTransaction({
      ...{ id: "transaction", token: "token", owner: "request", ids: [late.member.id], deadline: 0, actionableAt: 0 },
    });
    await recover(harness);
    expect(await failureOf(createPatient(harness, late, harness.task()))).toMatchObject({ kind: "outcome-unknown" });
    expect(mappingsOf(harness)).toEqual([]);
    expect(harness.particle.held.size).toBe(0);
  });
});

describe("a patient of an open transaction", () => {
  it("can be read, and neither changed nor relied on", async () => {
    const harness = createHarness();
    await leftOpen(harness);
    const [{ id = "" } = {}] = mappingsOf(harness);
    expect(await readPatient(harness, { id }, harness.task().deadline)).toMatchObject({ mapping: { id } });
    const others: Record<string, () => Promise<unknown>> = {
      update: () => updatePatient(harness, { id, patient: person(1, { birthDate: "1957-03-24" }) }, harness.task()),
      delete: () => deletePatient(harness, { id }, harness.task()),
      "conditional delete": () => deletePatientConditionally(harness, { condition: mrn(1) }, harness.task()),
      "If-None-Exist": () => createPatient(harness, { patient: person(1), ifNoneExist: mrn(1) }, harness.task()),
      "identical content": () => createPatient(harness, { patient: person(1) }, harness.task()),
    };
    for (const retryAfterSeconds of [1, SETTLE_MS / 1_000]) {
      for (const [name, run] of Object.entries(others)) {
        expect([name, await failureOf(run())]).toEqual([name, { kind: "in-flight", retryAfterSeconds }]);
      }
      harness.pass(20_000);
    }
  });

  it("is taken back with all of the others by whoever comes after its time", async () => {
    const harness = createHarness();
    await leftOpen(harness);
    settle(harness);
    const { outcome } = await createPatient(harness, { patient: person(1) }, harness.task());
    expect(outcome).toBe("created");
    expect(harness.particle.held.size).toBe(1);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("is taken back with all of the others by the recovery, which counts it", async () => {
    const harness = createHarness();
    await leftOpen(harness);
    expect(await recover(harness)).toMatchObject({ found: 0 });
    settle(harness);
    harness.pass(5_000);
    expect(await recover(harness)).toEqual({ found: 1, decided: 1, failed: 0, oldestSeconds: 6 });
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
  });

  it("is taken back in the end also when the one who does so stops on the way", async () => {
    const harness = createHarness();
    await leftOpen(harness);
    settle(harness);
    harness.particle.failNext("deletePatient", LOST_REPLY);
    expect(await recover(harness)).toMatchObject({ found: 1, failed: 1 });
    expect(openOf(harness)).toBe(1);
    settle(harness);
    expect(await recover(harness)).toMatchObject({ failed: 0 });
    expect(harness.particle.held.size).toBe(0);
    expect(await whatIsWrong(harness)).toEqual([]);
  });
});

describe("a transaction of which processes stop at any step, whatever else happens at the same time", () => {
  const seldom = <Fault extends string>(faults: readonly Fault[]) =>
    fc.array(fc.oneof({ weight: 4, arbitrary: fc.constant(faults[0]!) }, fc.constantFrom(...faults)), { maxLength: 6 });
  const fate: fc.Arbitrary<Fate> = fc.record({
    crashAt: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined, freq: 4 }),
    particle: seldom(PARTICLE_FAULTS),
    store: seldom(STORE_FAULTS),
  });

  /** `isSlow`: the time of the transaction is over before its process goes on. */
  const plan = fc.record({ one: fate, retry: fate, recovery: fate, early: fc.nat(60), isSlow: fc.boolean() });

  it("ends with all of its patients or with none, and with nothing in flight", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), plan, async (scheduler, { one, retry, recovery, early, isSlow }) => {
        const harness = createHarness();
        const interleaved = interleave(harness, scheduler);
        const bugs: unknown[] = [];
        const begin = (name: string, own: Fate, work: (as: Registration) => Promise<unknown>) => {
          work(interleaved.actor(name, own)).catch((error: unknown) => {
            if (!(error instanceof AdapterError)) {
              bugs.push(error);
            }
          });
        };
        begin("transaction", one, (as) => together(as, harness.task()));
        for (let step = 0; step < early && scheduler.count() > 0; step += 1) {
          await scheduler.waitNext(1);
        }
        if (isSlow) {
          harness.pass(20_001);
          await scheduler.waitFor(interleaved.landed());
          harness.pass(SETTLE_MS);
        }
        begin("early retry", retry, (as) => together(as, harness.task()));
        await scheduler.waitIdle();
        await scheduler.waitFor(interleaved.landed());
        settle(harness);
        begin("late retry", retry, (as) => together(as, harness.task()));
        begin("recovery", recovery, (as) => recoverRegistrations(as, harness.task()));
        begin("other recovery", { particle: [], store: [] }, (as) => recoverRegistrations(as, harness.task()));
        await scheduler.waitIdle();
        await scheduler.waitFor(interleaved.landed());
        for (let round = 0; round < 3; round += 1) {
          settle(harness);
          await recover(harness);
        }
        expect(bugs).toEqual([]);
        expect(interleaved.faults).toEqual([]);
        expect(await whatIsWrong(harness)).toEqual([]);
        expect([0, 3]).toContain(harness.particle.held.size);
        const { created } = await together(harness, harness.task());
        expect(created.every(({ outcome }) => outcome === created[0]?.outcome)).toBe(true);
        expect(harness.particle.held.size).toBe(3);
      }),
      { numRuns: RUNS },
    );
  }, 120_000);
});

describe("isSameIdentity", () => {
  const identities = (one: CreateRequest, other: CreateRequest, uniqueIdentifierSystems: string[] = []) => {
    const harness = createHarness({ uniqueIdentifierSystems });
    return Promise.all([identityOf(harness, one), identityOf(harness, other)]);
  };
  const moved = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];

  it.each([
    ["identical content", { patient: person(1) }, { patient: person(1) }, [], true],
    ["other content", { patient: person(1) }, { patient: person(1, { address: moved }) }, [], false],
    [
      "the same condition",
      { patient: person(1), ifNoneExist: mrn(1) },
      { patient: person(1, { address: moved }), ifNoneExist: mrn(1) },
      [],
      true,
    ],
    [
      "a condition on an identifier of the other",
      { patient: person(1), ifNoneExist: mrn(1) },
      { patient: person(1, { address: moved }) },
      [],
      true,
    ],
    ["a unique identifier", { patient: person(1) }, { patient: person(1, { address: moved }) }, [MRN.system], true],
    ["other identifiers", { patient: person(1) }, { patient: person(2) }, [MRN.system], false],
  ] as [string, CreateRequest, CreateRequest, string[], boolean][])("%s", async (_, one, other, unique, expected) => {
    const [first, second] = await identities(one, other, unique);
    expect(isSameIdentity(first, second)).toBe(expected);
    expect(isSameIdentity(second, first)).toBe(expected);
  });
});
