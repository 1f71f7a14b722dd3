import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OrderedIds } from "../../local/particle/ordered-ids.ts";
import { listPage } from "../../local/particle/patient-list.ts";
import { PatientRecords } from "../../local/particle/patient-records.ts";
import { defaultSwitches } from "../../local/particle/switches.ts";
import { addAll, allPages, required, someIds, start } from "../support/particle-simulator-client.ts";

describe("the list", () => {
  it.each([
    [0, [0]],
    [200, [200]],
    [201, [200, 1]],
    [400, [200, 200]],
    [450, [200, 200, 50]],
  ])("of %i patients has pages of %j, a token on all but the last", async (count, sizes) => {
    const { post, list } = await start();
    const ids = someIds(count);
    await addAll({ post }, ids);
    const pages = await allPages({ list });
    expect(pages.map((page) => page.length)).toEqual(sizes);
    expect(pages.flat()).toEqual(ids);
  });

  it("has a token that must be encoded, and refuses one that was not or is none of its own", async () => {
    const { post, list, call } = await start();
    await addAll({ post }, someIds(201));
    const { continuation_token } = await list();
    expect(continuation_token).toContain("+");
    for (const token of [continuation_token, "nonsense"]) {
      expect((await call("GET", `/api/v1/patients?continuation_token=${token}`)).status).toBe(400);
    }
  });

  it.each([
    ["absent", {}],
    ["empty", { continuation_token: "" }],
    ["null", { continuation_token: null }],
  ] as const)("ends with the token %s", async (lastToken, ending) => {
    const { list } = await start({ switches: { lastToken, emptyList: "null" } });
    expect(await list()).toEqual({ ...ending, patients: null });
  });

  it("may hold rows, several for a patient, over the end of a page", async () => {
    const { post, list } = await start({ switches: { listItems: "objects", listRowsPerPatient: 3 } });
    const ids = someIds(70);
    await addAll({ post }, ids);
    const pages = await allPages({ list });
    expect(pages.map((page) => page.length)).toEqual([200, 10]);
    const rows = pages.flat() as { external_patient_id: string }[];
    expect(rows.map((row) => row.external_patient_id)).toEqual(ids.flatMap((id) => [id, id, id]));
    expect(rows[0]).toMatchObject({ particle_patient_id: expect.any(String), family_name: "Testingson" });
  });

  it("shows one who is there throughout exactly once, whoever comes and goes while it is read", async () => {
    const patients = fc.array(fc.nat(1400), { maxLength: 300, size: "max" });
    const moves = fc.array(fc.record({ remove: patients, update: patients, add: fc.nat(150) }), {
      minLength: 8,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1400 }), moves, async (count, steps) => {
        const records = await PatientRecords.open(undefined, () => 0);
        const ids = someIds(count);
        for (const patient_id of ids) records.put({ ...required, patient_id });

        const met: unknown[] = [];
        const removed = new Set<string>();
        let token: string | undefined;
        let added = 0;
        for (let step = 0; step === 0 || token !== undefined; step += 1) {
          const page = listPage(records, token, defaultSwitches)!;
          token = (page as { continuation_token?: string }).continuation_token;
          met.push(...page.patients!);
          for (const index of steps[step]?.remove ?? []) {
            if (records.delete(`patient-${index}`)) removed.add(`patient-${index}`);
          }
          for (let left = steps[step]?.add ?? 0; left > 0; left -= 1) {
            records.put({ ...required, patient_id: `late-${added}` });
            added += 1;
          }
          for (const index of steps[step]?.update ?? []) {
            if (records.get(`patient-${index}`)) records.put({ ...required, patient_id: `patient-${index}` });
          }
        }
        expect(new Set(met).size).toBe(met.length);
        const throughout = ids.filter((id) => !removed.has(id));
        expect(met.filter((id) => throughout.includes(id as string))).toEqual(throughout);
      }),
      { numRuns: 40 },
    );
  });

  it("keeps the few who remain of many, from any place on", () => {
    const orders = Array.from({ length: 1300 }, (_, order) => order);
    const isKept = fc.oneof(
      fc.uniqueArray(fc.nat(1299), { maxLength: 5 }).map((kept) => (order: number) => kept.includes(order)),
      fc.integer({ min: 1, max: 600 }).map((step) => (order: number) => order % step === 0),
    );
    fc.assert(
      fc.property(isKept, fc.boolean(), fc.nat(1400), (kept, backwards, begin) => {
        const ids = new OrderedIds();
        for (const order of orders) ids.append(order, String(order));
        const removed = orders.filter((order) => !kept(order));
        for (const order of backwards ? removed.reverse() : removed) ids.remove(order);
        ids.append(1300, "1300");
        expect([...ids.from(begin)]).toEqual(
          [...orders.filter(kept), 1300].filter((order) => order >= begin).map(String),
        );
      }),
    );
  });
});
