import { describe, expect, it } from "vitest";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { deletePatient } from "../../../shared/registration/delete-patient.ts";
import { readPatient } from "../../../shared/registration/read-patient.ts";
import { recoverRegistrations } from "../../../shared/registration/recover-registrations.ts";
import { updatePatient } from "../../../shared/registration/update-patient.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import {
  createHarness,
  type Harness,
  henrick,
  LOST_REPLY,
  LOST_REQUEST,
  REFUSED,
  SETTLE_MS,
} from "../../support/registration-harness.ts";

const failureOf = async (work: Promise<unknown>) => (await adapterErrorOf(work)).failure;

async function registered() {
  const harness = createHarness();
  const { mapping } = await createPatient(harness, { patient: henrick() }, harness.task());
  return { harness, id: mapping.id, remove: () => deletePatient(harness, { id: mapping.id }, harness.task()) };
}

const stateOf = (harness: Harness, id: string) => harness.store.contents.mappings.get(id)?.state;

describe("deletePatient", () => {
  it("deletes at Particle, keeps a tombstone, and may be repeated", async () => {
    const { harness, id, remove } = await registered();
    await remove();
    await remove();
    expect(harness.particle.held.size).toBe(0);
    expect(harness.particle.calls.filter(({ method }) => method === "deletePatient")).toHaveLength(1);
    expect(harness.store.contents.mappings.get(id)).toMatchObject({
      state: "deleted",
      version: 2,
      indexKeys: [],
      claims: [],
    });
    expect(harness.store.contents.reverse.size).toBe(1);
    expect(await failureOf(readPatient(harness, { id }, harness.task().deadline))).toEqual({ kind: "deleted" });
  });

  it("counts a patient that never was as deleted", async () => {
    const harness = createHarness();
    await deletePatient(harness, { id: "never" }, harness.task());
    expect(harness.particle.calls).toEqual([]);
  });

  it("may be repeated with the If-Match that it had", async () => {
    const { harness, id } = await registered();
    const request = { id, ifMatch: "1" };
    expect(await deletePatient(harness, request, harness.task())).toBe(true);
    expect(await deletePatient(harness, request, harness.task())).toBe(false);
  });

  it("honours If-Match", async () => {
    const { harness, id } = await registered();
    const stale = deletePatient(harness, { id, ifMatch: "7" }, harness.task());
    expect(await failureOf(stale)).toEqual({ kind: "version-conflict" });
    expect(harness.particle.held.size).toBe(1);
  });

  it.each([
    ["arrived", LOST_REPLY],
    ["did not arrive", LOST_REQUEST],
  ])("is locked while a deletion that %s is open, and deleted once it was decided", async (_, fault) => {
    const { harness, id, remove } = await registered();
    harness.particle.failNext("deletePatient", fault);
    await failureOf(remove());
    expect(await failureOf(readPatient(harness, { id }, harness.task().deadline))).toMatchObject({ kind: "in-flight" });
    expect(await failureOf(remove())).toMatchObject({ kind: "in-flight" });
    harness.pass(20_000 + SETTLE_MS + 1);
    await remove();
    expect(stateOf(harness, id)).toBe("deleted");
    expect(harness.particle.held.size).toBe(0);
  });

  it("ends as it began where Particle refuses for certain to delete what it holds", async () => {
    const { harness, id, remove } = await registered();
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(remove());
    harness.pass(20_000 + SETTLE_MS + 1);
    harness.particle.failNext("deletePatient", REFUSED);
    expect(await failureOf(remove())).toMatchObject({ kind: "particle-rejected" });
    expect(stateOf(harness, id)).toBe("registered");
    await remove();
    expect(stateOf(harness, id)).toBe("deleted");
  });

  it("stays open where Particle could not be asked again", async () => {
    const { harness, id, remove } = await registered();
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(remove());
    harness.pass(20_000 + SETTLE_MS + 1);
    harness.particle.failNext("deletePatient", { failure: { kind: "particle-unavailable", retryAfterSeconds: 1 } });
    expect(await failureOf(remove())).toMatchObject({ kind: "particle-unavailable" });
    expect(stateOf(harness, id)).toBe("deleting");
  });

  it("takes an open deletion over before it is sent again, so that only one decider sends it", async () => {
    const { harness, id, remove } = await registered();
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(remove());
    harness.pass(20_000 + SETTLE_MS + 1);
    let meanwhile: unknown;
    harness.particle.beforeNext("deletePatient", async () => {
      meanwhile = await failureOf(remove());
    });
    await remove();
    expect(meanwhile).toMatchObject({ kind: "in-flight" });
    expect(stateOf(harness, id)).toBe("deleted");
  });

  it("is not sent again by who did not get it: the patient may have been revived meanwhile", async () => {
    const { harness, id, remove } = await registered();
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(remove());
    harness.pass(20_000 + SETTLE_MS + 1);
    const { getPatient } = harness.particle;
    const particle = {
      ...harness.particle,
      getPatient: async (...call: Parameters<typeof getPatient>) => {
        const held = await getPatient(...call);
        await remove();
        await updatePatient(harness, { id, patient: henrick({ id }) }, harness.task());
        return held;
      },
    };
    await recoverRegistrations({ ...harness, particle }, harness.task());
    expect(stateOf(harness, id)).toBe("registered");
    expect(harness.particle.held.size).toBe(1);
  });

  it("is told under the request that began it, whoever has sent it again", async () => {
    const { harness, id, remove } = await registered();
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    await failureOf(remove());
    const recover = () => {
      harness.pass(20_000 + SETTLE_MS + 1);
      return recoverRegistrations(harness, { ...harness.task(), owner: "recovery" });
    };
    harness.particle.failNext("deletePatient", LOST_REQUEST);
    expect(await recover()).toMatchObject({ failed: 1 });
    expect(await recover()).toMatchObject({ decided: 1 });
    expect(harness.decisions).toEqual([{ id, kind: "delete", owner: "request", verdict: "completed" }]);
  });
});
