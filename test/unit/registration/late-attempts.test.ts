import { describe, expect, it } from "vitest";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { deletePatient } from "../../../shared/registration/delete-patient.ts";
import { patchPatient } from "../../../shared/registration/patch-patient.ts";
import { readPatient } from "../../../shared/registration/read-patient.ts";
import { recoverRegistrations } from "../../../shared/registration/recover-registrations.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import {
  createHarness,
  type Harness,
  henrick,
  LOST_REQUEST,
  MRN,
  SETTLE_MS,
} from "../../support/registration-harness.ts";

const ID = "patient-1";
const SURVIVOR = { system: MRN.system, value: "MRN-2" };
const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];

/** Particle, of which a first attempt ended unknown and a second one succeeded. */
const afterRetry = (harness: Harness): Harness => ({
  ...harness,
  particle: {
    ...harness.particle,
    putPatient: async (...call) => ({ ...(await harness.particle.putPatient(...call)), unsettled: true }),
    deletePatient: async (...call) => ({ ...(await harness.particle.deletePatient(...call)), unsettled: true }),
  },
});

const put = (harness: Harness, changes: Parameters<typeof henrick>[0] = {}) =>
  updatePatient(harness, { id: ID, patient: henrick({ id: ID, ...changes }) }, harness.task());
const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;
const LOCKED = { kind: "in-flight", retryAfterSeconds: SETTLE_MS / 1_000 };

describe("a success after an attempt of unknown end", () => {
  it("lets no other change begin while that attempt may still arrive", async () => {
    const harness = createHarness();
    expect(await put(afterRetry(harness))).toMatchObject({ outcome: "created", mapping: { version: 1 } });
    expect(await failureOf(put(harness, { address: MOVED }))).toEqual(LOCKED);
    expect(await failureOf(deletePatient(harness, { id: ID }, harness.task()))).toEqual(LOCKED);
    const change = () => henrick({ address: MOVED });
    expect(await failureOf(patchPatient(harness, { id: ID, change }, harness.task()))).toEqual(LOCKED);
    await createPatient(harness, { patient: henrick({ identifier: [SURVIVOR] }) }, harness.task());
    const link = [{ type: "replaced-by" as const, other: { identifier: SURVIVOR } }];
    expect(await failureOf(put(harness, { active: false, link }))).toEqual(LOCKED);
    harness.pass(SETTLE_MS);
    expect(await put(harness, { address: MOVED })).toMatchObject({ outcome: "updated", mapping: { version: 2 } });
    expect(await put(harness)).toMatchObject({ outcome: "updated", mapping: { version: 3 } });
  });

  it("hides nothing from who reads, and from who repeats", async () => {
    const harness = createHarness();
    const { mapping } = await createPatient(afterRetry(harness), { patient: henrick() }, harness.task());
    expect(await readPatient(harness, { id: mapping.id }, harness.task().deadline)).toMatchObject({
      mapping: { version: 1 },
    });
    expect(await createPatient(harness, { patient: henrick() }, harness.task())).toMatchObject({ outcome: "existing" });
    const repeated = { id: mapping.id, patient: henrick() };
    expect(await updatePatient(harness, repeated, harness.task())).toMatchObject({ outcome: "unchanged" });
  });

  it("does not let a deleted patient be revived before, nor be deleted again by what arrives late", async () => {
    const harness = createHarness();
    await put(harness);
    await deletePatient(afterRetry(harness), { id: ID }, harness.task());
    expect(await deletePatient(harness, { id: ID }, harness.task())).toBe(false);
    expect(await failureOf(put(harness))).toEqual(LOCKED);
    harness.pass(SETTLE_MS);
    expect(await put(harness)).toMatchObject({ outcome: "created", mapping: { version: 3 } });
  });

  it("does not let a patient be revived before, either, who was deleted by the recovery", async () => {
    const harness = createHarness();
    await put(harness);
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(deletePatient(harness, { id: ID }, harness.task()));
    harness.pass(20_000 + SETTLE_MS);
    expect(await recoverRegistrations(afterRetry(harness), harness.task())).toMatchObject({ decided: 1 });
    expect(await failureOf(put(harness))).toEqual(LOCKED);
  });
});
