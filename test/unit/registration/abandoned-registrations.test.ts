import type { Identifier, Patient } from "fhir/r4";
import { describe, expect, it } from "vitest";
import {
  deletePatientConditionally,
  updatePatientConditionally,
} from "../../../shared/registration/conditional-writes.ts";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { deletePatient } from "../../../shared/registration/delete-patient.ts";
import { recoverRegistrations } from "../../../shared/registration/recover-registrations.ts";
import { searchPatients } from "../../../shared/registration/search-patients.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import { worldOf } from "../../support/protocol-aftermath.ts";
import {
  createHarness,
  type Harness,
  henrick,
  LOST_REQUEST,
  MRN,
  REFUSED,
  RETRY_WINDOW_MS,
  SETTLE_MS,
} from "../../support/registration-harness.ts";
import { discrepancies } from "../../support/registration-invariants.ts";

const OTHER_MRN = { system: MRN.system, value: "MRN-2" };
const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;

const create = (harness: Harness, request: Partial<Parameters<typeof createPatient>[1]> = {}) =>
  createPatient(harness, { patient: henrick(), ...request }, harness.task());

/** Particle did not get it, and nobody knows; after this, anyone may decide it. */
async function createInVain(harness: Harness, request: Partial<Parameters<typeof createPatient>[1]> = {}) {
  harness.particle.failNext("putPatient", LOST_REQUEST);
  await failureOf(create(harness, request));
  harness.pass(20_000 + SETTLE_MS + 1);
}

const claimsOf = ({ store: { contents } }: Harness) => [...contents.claims.values()];
const endOfWindow = (harness: Harness) => {
  harness.pass(RETRY_WINDOW_MS + 2_000);
  harness.store.collectGarbage(harness.now());
};

describe("a registration that was abandoned", () => {
  it("binds its FHIR id to the patient_id that its data named until the end of the window only", async () => {
    const harness = createHarness({ patientIdSystem: MRN.system });
    const id = "henrick";
    const put = (identifier: Identifier) =>
      updatePatient(harness, { id, patient: henrick({ id, identifier: [identifier] }) }, harness.task());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(MRN));
    harness.pass(20_000 + SETTLE_MS + 1);
    await recoverRegistrations(harness, harness.task());
    expect(await failureOf(put(OTHER_MRN))).toMatchObject({ kind: "unprocessable" });
    // DynamoDB may collect it days later.
    harness.pass(RETRY_WINDOW_MS + 2_000);
    expect(await put(OTHER_MRN)).toMatchObject({ outcome: "created", mapping: { patient_id: OTHER_MRN.value } });
    expect(discrepancies(worldOf(harness, await harness.keyedHash()))).toEqual([]);
  });

  it("holds its identifier claims for good once it is registered under another claim", async () => {
    const harness = createHarness();
    await createInVain(harness, { ifNoneExist: MRN });
    const { outcome } = await create(harness);
    expect(outcome).toBe("created");
    const [onIdentifier] = claimsOf(harness).filter(({ key }) => key.startsWith("IF-NONE-EXIST#"));
    expect(onIdentifier).toBeDefined();
    expect(onIdentifier).not.toHaveProperty("expiresAt");
  });

  it("lets the claims on identifiers go that the retry does not bring any more", async () => {
    const harness = createHarness({ uniqueIdentifierSystems: [MRN.system] });
    const key = { caller: "ehr", key: "one", body: "body" };
    await createInVain(harness, { idempotencyKey: key });
    await create(harness, { idempotencyKey: key, patient: henrick({ identifier: [OTHER_MRN] }) });
    const other = await create(harness, { patient: henrick({ birthDate: "1957-03-24" }) });
    expect(other.outcome).toBe("created");
  });

  it("holds nothing longer than the window, also when its retry was refused", async () => {
    const harness = createHarness({ uniqueIdentifierSystems: [MRN.system] });
    await createInVain(harness, { ifNoneExist: MRN });
    harness.particle.failNext("putPatient", REFUSED);
    expect(await failureOf(create(harness, { ifNoneExist: MRN }))).toMatchObject({ kind: "particle-rejected" });
    endOfWindow(harness);
    expect(claimsOf(harness)).toEqual([]);
    expect((await create(harness, { ifNoneExist: MRN })).outcome).toBe("created");
  });

  it("takes no claim back that another patient took after the window", async () => {
    const harness = createHarness({ retryWindowMs: 0 });
    await createInVain(harness, { ifNoneExist: MRN });
    harness.particle.failNext("putPatient", REFUSED);
    await failureOf(create(harness, { ifNoneExist: MRN }));
    const abandoned = [...harness.store.contents.mappings.keys()][0] ?? "";
    harness.pass(RETRY_WINDOW_MS + 2_000);
    const second = await create(harness, { ifNoneExist: MRN });
    expect(second.mapping.id).not.toBe(abandoned);
    const put = { id: abandoned, patient: henrick({ gender: "female" }) };
    expect(await updatePatient(harness, put, harness.task())).toMatchObject({ outcome: "created" });
    const [claim] = claimsOf(harness);
    expect(claim?.id).toBe(second.mapping.id);
  });

  it("does not ask for a claim that became another's after the window, whatever was refused since", async () => {
    const harness = createHarness();
    const own = (patient: Partial<Patient>) =>
      updatePatient(harness, { id: "own", patient: henrick({ id: "own", ...patient }) }, harness.task());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    const feed = { patient: henrick({ id: "own" }), condition: MRN };
    await failureOf(updatePatientConditionally(harness, feed, harness.task()));
    harness.pass(20_000 + SETTLE_MS + 1);
    await recoverRegistrations(harness, harness.task());
    harness.pass(RETRY_WINDOW_MS + 2_000);
    const { mapping } = await create(harness, { ifNoneExist: MRN });
    harness.particle.failNext("putPatient", REFUSED);
    expect(await failureOf(own({ gender: "female" }))).toMatchObject({ kind: "particle-rejected" });
    expect(await own({ birthDate: "1957-03-24" })).toMatchObject({ outcome: "created" });
    expect(claimsOf(harness).filter(({ key }) => key.startsWith("IF-NONE-EXIST#"))).toMatchObject([{ id: mapping.id }]);
    expect(discrepancies(worldOf(harness, await harness.keyedHash()))).toEqual([]);
  });

  it("keeps the patient_id that the data names for the window: others are told which id to PUT", async () => {
    for (const uniqueIdentifierSystems of [[], [MRN.system]]) {
      const harness = createHarness({ patientIdSystem: MRN.system, uniqueIdentifierSystems });
      await createInVain(harness);
      const holder = [...harness.store.contents.mappings.keys()][0];
      const put = () => updatePatient(harness, { id: "own", patient: henrick({ id: "own" }) }, harness.task());
      expect(await failureOf(put())).toEqual({ kind: "duplicate", holder });
      endOfWindow(harness);
      expect(await put()).toMatchObject({ outcome: "created" });
    }
  });

  it("frees the patient_id that it named when it is deleted, or when its id is used again", async () => {
    const harness = createHarness({ patientIdSystem: MRN.system });
    const put = (identifier: { readonly system: string; readonly value: string }) =>
      updatePatient(harness, { id: "own", patient: henrick({ id: "own", identifier: [identifier] }) }, harness.task());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(put(MRN));
    harness.pass(20_000 + SETTLE_MS + 1);
    expect(await deletePatient(harness, { id: "own" }, harness.task())).toBe(false);
    expect((await put(OTHER_MRN)).outcome).toBe("created");
    expect((await create(harness)).outcome).toBe("created");
  });

  it("is not taken up by who has read it before it was abandoned once more", async () => {
    const harness = createHarness({ uniqueIdentifierSystems: [MRN.system] });
    const own = (patient: Partial<Patient>) =>
      updatePatient(harness, { id: "own", patient: henrick({ id: "own", ...patient }) }, harness.task());
    const inVain = async (patient: Partial<Patient>) => {
      harness.particle.failNext("putPatient", LOST_REQUEST);
      await failureOf(own(patient));
      harness.pass(20_000 + SETTLE_MS + 1);
      await recoverRegistrations(harness, harness.task());
    };
    await inVain({ identifier: [MRN] });
    const begin: Harness["store"]["begin"] = async (request) => {
      await inVain({ identifier: [MRN, OTHER_MRN] });
      slow.store.begin = harness.store.begin;
      return harness.store.begin(request);
    };
    const slow = { ...harness, store: { ...harness.store, begin } };
    const patient = henrick({ id: "own", telecom: [] });
    const patience = { owner: "slow", deadline: harness.now() + 1_000_000 };
    expect((await updatePatient(slow, { id: "own", patient }, patience)).outcome).toBe("created");
    expect(discrepancies(worldOf(harness, await harness.keyedHash()))).toEqual([]);
    const other = henrick({ identifier: [OTHER_MRN], birthDate: "1957-03-24" });
    expect((await create(harness, { patient: other })).outcome).toBe("created");
  });

  it("can be tried with thirty other identifiers each time, and holds those of the last attempt only", async () => {
    const harness = createHarness({ uniqueIdentifierSystems: [MRN.system] });
    const attempt = (number: number) =>
      henrick({
        identifier: Array.from({ length: 30 }, (_, n) => ({ system: MRN.system, value: `MRN-${number}-${n}` })),
      });
    const put = (number: number) => updatePatient(harness, { id: "own", patient: attempt(number) }, harness.task());
    for (const number of [1, 2, 3]) {
      harness.particle.failNext("putPatient", LOST_REQUEST);
      await failureOf(put(number));
      harness.pass(20_000 + SETTLE_MS + 1);
    }
    const first = await create(harness, { patient: attempt(1) });
    expect(first.outcome).toBe("created");
    expect(await put(3)).toMatchObject({ outcome: "created", mapping: { id: "own" } });
  });

  it("does not answer for content that was never registered", async () => {
    const another = henrick({ name: [{ family: "Else", given: ["Somebody"] }], gender: "female" });
    for (const keys of [true, false]) {
      const harness = createHarness({ uniqueIdentifierSystems: [MRN.system] });
      const keyed = (name: string) => (keys ? { idempotencyKey: { caller: "ehr", key: name, body: name } } : {});
      await createInVain(harness, keyed("first"));
      expect((await create(harness, { patient: another, ...keyed("second") })).outcome).toBe("created");
      expect(await failureOf(create(harness, keyed("first")))).toMatchObject({ kind: "duplicate" });
    }
  });

  it("does not block a request that meets two of them", async () => {
    const harness = createHarness();
    await createInVain(harness);
    await createInVain(harness, { patient: henrick({ telecom: [] }), ifNoneExist: MRN });
    expect((await create(harness, { ifNoneExist: MRN })).outcome).toBe("created");
    expect(harness.particle.held.size).toBe(1);
    const unique = createHarness({ uniqueIdentifierSystems: [MRN.system] });
    await createInVain(unique);
    await createInVain(unique, { patient: henrick({ identifier: [OTHER_MRN] }) });
    const both = await create(unique, { patient: henrick({ identifier: [MRN, OTHER_MRN] }) });
    expect(both.outcome).toBe("created");
  });

  it("leads nobody to the patient that is registered under its id later", async () => {
    const harness = createHarness();
    const own = (identifier: { system: string; value: string }) =>
      updatePatient(harness, { id: "own", patient: henrick({ id: "own", identifier: [identifier] }) }, harness.task());
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await failureOf(own(MRN));
    harness.pass(20_000 + SETTLE_MS + 1);
    await recoverRegistrations(harness, harness.task());
    harness.pass(RETRY_WINDOW_MS + 2_000);
    // Time to live takes the mapping first, and the entries of the index later.
    harness.store.forget("own");
    await own(OTHER_MRN);
    const found = await searchPatients(
      harness,
      [{ identifiers: [MRN] }],
      "",
      { count: 10, fitting: (all) => all },
      harness.task().deadline,
    );
    expect(found.total).toBe(0);
    expect(await deletePatientConditionally(harness, { condition: MRN }, harness.task())).toEqual({ wasThere: false });
    expect((await create(harness, { patient: henrick({ telecom: [] }), ifNoneExist: MRN })).outcome).toBe("created");
  });

  describe("that has to make way", () => {
    /** The retry of its own client comes exactly when somebody else has found it abandoned. */
    function withRetryAt(harness: Harness, read: number, retry: () => Promise<unknown>): Harness {
      let reads = 0;
      const find: Harness["store"]["find"] = async (id) => {
        const found = await harness.store.find(id);
        reads += found?.state === "abandoned" ? 1 : 0;
        if (reads === read) {
          reads += 1;
          await retry();
        }
        return found;
      };
      return { ...harness, store: { ...harness.store, find } };
    }
    const OTHER_PERSON = henrick({ birthDate: "1957-03-24" });

    it.each([
      {
        who: "If-None-Exist",
        other: (harness: Harness) => create(harness, { ifNoneExist: MRN }),
        settings: {},
      },
      {
        who: "a PUT with its unique identifier",
        other: (harness: Harness) =>
          updatePatient(harness, { id: "two", patient: { ...OTHER_PERSON, id: "two" } }, harness.task()),
        settings: { uniqueIdentifierSystems: [MRN.system], retryWindowMs: 0 },
      },
    ])("to $who stays when its retry has registered it meanwhile", async ({ other, settings }) => {
      for (const read of [1, 2]) {
        const harness = createHarness(settings);
        await createInVain(harness);
        await recoverRegistrations(harness, harness.task());
        const told: string[] = [];
        const retry = async () => {
          const { outcome } = await create(harness);
          told.push(outcome);
        };
        await other(withRetryAt(harness, read, retry)).catch(() => undefined);
        const states = [...harness.store.contents.mappings.values()].map(({ state }) => state);
        expect([read, told, states, harness.particle.held.size]).toEqual([
          read,
          told.length > 0 ? ["created"] : [],
          ["registered"],
          1,
        ]);
      }
    });

    it("leaves alone who came to be at Particle under the patient_id that it named", async () => {
      const unique = { system: "https://clinic.example/fhir/sid/chart", value: "C-1" };
      const harness = createHarness({ patientIdSystem: MRN.system, uniqueIdentifierSystems: [unique.system] });
      await createInVain(harness, { patient: henrick({ identifier: [MRN, unique] }) });
      await recoverRegistrations(harness, harness.task());
      const elsewhere = createHarness({ patientIdSystem: MRN.system });
      await create(elsewhere, { patient: OTHER_PERSON });
      harness.particle.held.set(MRN.value, elsewhere.particle.held.get(MRN.value)!);
      const { outcome } = await create(harness, { patient: henrick({ identifier: [OTHER_MRN, unique] }) });
      expect(outcome).toBe("created");
      expect([...harness.particle.held.keys()].sort()).toEqual([MRN.value, OTHER_MRN.value].sort());
    });
  });
});
