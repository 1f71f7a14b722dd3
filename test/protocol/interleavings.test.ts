import fc from "fast-check";
import { describe, it } from "vitest";
import { AdapterError } from "../../shared/failure/failure.ts";
import { updatePatient } from "../../shared/registration/update-patient.ts";
import { type Fate, PARTICLE_FAULTS, STORE_FAULTS } from "../support/interleaved-registration.ts";
import {
  ONE,
  type ProtocolRequest,
  REQUESTS,
  type RequestName,
  SURVIVOR,
  SURVIVORS_MRN,
} from "../support/protocol-requests.ts";
import { faultsOf, type Plan, type Run } from "../support/protocol-run.ts";
import {
  createHarness,
  type Harness,
  henrick,
  LOST_REPLY,
  LOST_REQUEST,
  MRN,
  SETTLE_MS,
} from "../support/registration-harness.ts";

/**
 * Schedules per property: `PROTOCOL_RUNS=100000 npx vitest run test/protocol` for a long run. A failing one is printed
 * with its seed and path: `PROTOCOL_SEED=… PROTOCOL_PATH=<its first number> npx vitest run test/protocol -t '<name of the
 * property>'` runs that one and shrinks it again (the rest of the path leads past it: a schedule is made as it runs). Its
 * steps are in the counterexample in their order.
 */
const { PROTOCOL_RUNS = "90", PROTOCOL_SEED, PROTOCOL_PATH } = process.env;
const PARAMETERS: fc.Parameters<unknown> = {
  numRuns: Number(PROTOCOL_RUNS),
  ...(PROTOCOL_SEED !== undefined && { seed: Number(PROTOCOL_SEED) }),
  ...(PROTOCOL_PATH !== undefined && { path: PROTOCOL_PATH }),
};
const TIMEOUT_MS = 60_000 + Number(PROTOCOL_RUNS) * 100;

type Settings = Parameters<typeof createHarness>[0];

const seldom = <Fault extends string>(faults: readonly [Fault, ...Fault[]], maxLength: number) => {
  const [none, ...others] = faults;
  return fc.array(
    fc.oneof({ weight: 2, arbitrary: fc.constant(none) }, { weight: 3, arbitrary: fc.constantFrom(...others) }),
    { maxLength },
  );
};

const fate: fc.Arbitrary<Fate> = fc.record({
  crashAt: fc.option(fc.integer({ min: 1, max: 18 }), { nil: undefined, freq: 3 }),
  particle: seldom(PARTICLE_FAULTS, 2),
  landsAfter: fc.nat(20),
  store: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: seldom(STORE_FAULTS, 3) }),
});

const planOf = (names: readonly RequestName[]): fc.Arbitrary<Plan> =>
  fc.record({
    first: fc.array(fc.record({ request: fc.constantFrom(...names), fate }), { minLength: 2, maxLength: 3 }),
    clockMovesAfter: fc.option(fc.nat(30), { nil: undefined, freq: 3 }),
    second: fc.array(fc.record({ who: fc.oneof(fc.nat(2), fc.constant("recover" as const)), fate }), {
      minLength: 1,
      maxLength: 3,
    }),
    retriesFirst: fc.boolean(),
    later: fc.constantFrom("retries", "retries-after-the-window", "updates"),
  });

async function check(run: Run): Promise<void> {
  const faults = await faultsOf(run);
  if (faults.length > 0) {
    throw new Error(faults.join("\n"));
  }
}

type Claiming = { readonly settings: Settings; readonly requests: readonly RequestName[] };

/** Registrations that nobody saw arrive, of these requests. */
async function abandon(harness: Harness, names: readonly RequestName[]): Promise<void> {
  for (const name of names) {
    harness.particle.failNext("putPatient", LOST_REQUEST);
    await askInVain(harness, REQUESTS[name]);
    settle(harness);
    await ask(harness, REQUESTS.recover);
  }
}

/** Requests that are all about one identity, which therefore must never become two patients. */
const CLAIMS: Readonly<Record<string, Claiming>> = {
  "If-None-Exist": {
    settings: { retryWindowMs: 0 },
    requests: ["createIfNone", "createMovedIfNone", "feed", "feedMoved", "feedOne", "read", "recover"],
  },
  "If-None-Exist that is also deleted": {
    settings: { retryWindowMs: 0 },
    requests: ["createIfNone", "createMovedIfNone", "feedOne", "deleteByMrn", "deleteOne"],
  },
  "an Idempotency-Key": {
    settings: { retryWindowMs: 0 },
    requests: ["createKeyed", "createKeyedIfNone", "read", "recover"],
  },
  "identical content": { settings: {}, requests: ["create", "createIfNone", "read", "recover"] },
  "a unique identifier": {
    settings: { retryWindowMs: 0, uniqueIdentifierSystems: [MRN.system] },
    requests: ["create", "createMoved", "createIfNone", "createKeyed", "putOne", "putTwo", "feedOne", "deleteOne"],
  },
  "a unique identifier, and identical content": {
    settings: { uniqueIdentifierSystems: [MRN.system] },
    requests: ["create", "createMoved", "createKeyedIfNone", "putOne", "feedMoved", "deleteByMrn"],
  },
  "a patient_id that the data names": {
    settings: { patientIdSystem: MRN.system },
    requests: ["create", "createMoved", "createIfNone", "createKeyed", "putOne", "putOneMoved", "putTwo", "feed"],
  },
  "a patient_id that the data names, also deleted": {
    settings: { patientIdSystem: MRN.system, retryWindowMs: 0, uniqueIdentifierSystems: [MRN.system] },
    requests: ["create", "createMoved", "putOne", "putOneMoved", "putTwo", "deleteOne", "deleteByMrn"],
  },
};

const ask = async (harness: Harness, request: ProtocolRequest): Promise<void> => {
  await request.run(harness, harness.task());
};

/** Of a request that fails on the way. */
async function askInVain(harness: Harness, request: ProtocolRequest): Promise<void> {
  await ask(harness, request).catch((error: unknown) => {
    if (!(error instanceof AdapterError)) {
      throw error;
    }
  });
}

const settle = (harness: Harness) => harness.pass(20_000 + SETTLE_MS + 1);

const overdue =
  (
    fault: typeof LOST_REPLY | typeof LOST_REQUEST,
    method: "putPatient" | "deletePatient",
    before: readonly ProtocolRequest[],
    request: ProtocolRequest,
  ) =>
  async (harness: Harness) => {
    for (const one of before) {
      await ask(harness, one);
    }
    harness.particle.failNext(method, fault);
    await askInVain(harness, request);
    settle(harness);
  };

const { feedOne, putOneWithSsn, putOneMoved, deleteOne, resolve, recover } = REQUESTS;

/** What there is of the patient before the requests come. */
const STARTS: Readonly<Record<string, (harness: Harness) => Promise<void>>> = {
  nothing: async () => {},
  registered: (harness) => ask(harness, feedOne),
  "registered with SSN": async (harness) => {
    await ask(harness, feedOne);
    await ask(harness, putOneWithSsn);
  },
  deleted: async (harness) => {
    await ask(harness, feedOne);
    await ask(harness, deleteOne);
  },
  replaced: async (harness) => {
    await ask(harness, feedOne);
    await ask(harness, resolve);
  },
  abandoned: async (harness) => {
    await overdue(LOST_REQUEST, "putPatient", [], feedOne)(harness);
    await ask(harness, recover);
  },
  drifted: async (harness) => {
    await overdue(LOST_REQUEST, "putPatient", [feedOne], putOneMoved)(harness);
    const patient_id = harness.store.contents.mappings.get(ONE)?.patient_id ?? "";
    const patient = harness.particle.held.get(patient_id);
    if (patient) {
      const demographics = { ...patient.demographics, address_city: "Elsewhere" };
      harness.particle.held.set(patient_id, { ...patient, demographics });
    }
    await ask(harness, recover);
  },
  "overdue create that arrived": overdue(LOST_REPLY, "putPatient", [], feedOne),
  "overdue create": overdue(LOST_REQUEST, "putPatient", [], feedOne),
  "overdue update that arrived": overdue(LOST_REPLY, "putPatient", [feedOne], putOneMoved),
  "overdue update": overdue(LOST_REQUEST, "putPatient", [feedOne, putOneWithSsn], putOneMoved),
  "overdue delete that arrived": overdue(LOST_REPLY, "deletePatient", [feedOne], deleteOne),
  "overdue delete": overdue(LOST_REQUEST, "deletePatient", [feedOne], deleteOne),
  "overdue revival that arrived": overdue(LOST_REPLY, "putPatient", [feedOne, deleteOne], feedOne),
  "overdue revival": overdue(LOST_REQUEST, "putPatient", [feedOne, deleteOne], feedOne),
};

const ON_ONE: readonly RequestName[] = [
  "putOne",
  "putOneForced",
  "putOneMoved",
  "putOneWithSsn",
  "putOneRenumbered",
  "patchOne",
  "patchOneRenumbered",
  "feedMoved",
  "feedOne",
  "resolve",
  "deleteOne",
  "deleteByMrn",
  "createIfNone",
  "read",
  "recover",
];

const SETTINGS: readonly NonNullable<Settings>[] = [
  {},
  { replacedPatients: "delete" },
  { uniqueIdentifierSystems: [MRN.system], replacedPatients: "delete", retryWindowMs: 0 },
];

describe("registrations of one identity at once, with crashes and faults", () => {
  it.each(Object.keys(CLAIMS))("make one patient at most: %s", { timeout: TIMEOUT_MS }, async (name) => {
    const { settings, requests } = CLAIMS[name]!;
    const creates = requests.filter((request) => REQUESTS[request].does === "create");
    const abandoned = fc.option(fc.array(fc.constantFrom(...creates), { minLength: 1, maxLength: 2 }), {
      nil: [],
      freq: 1,
    });
    const property = fc.asyncProperty(fc.scheduler(), planOf(requests), abandoned, async (scheduler, plan, names) => {
      const harness = createHarness(settings);
      await abandon(harness, names);
      await check({ harness, scheduler, plan, isOneIdentity: true, expectations: { ...settings } });
    });
    await fc.assert(property, PARAMETERS);
  });
});

describe("writes of one patient at once, with crashes and faults", () => {
  it.each(Object.keys(STARTS))("end in what the mapping says: %s", { timeout: TIMEOUT_MS }, async (name) => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      planOf(ON_ONE),
      fc.constantFrom(...SETTINGS),
      async (scheduler, plan, settings) => {
        const harness = createHarness(settings);
        const survivor = henrick({ id: SURVIVOR, identifier: [SURVIVORS_MRN], birthDate: "1957-03-24" });
        await updatePatient(harness, { id: SURVIVOR, patient: survivor }, harness.task());
        await STARTS[name]!(harness);
        await check({ harness, scheduler, plan, isOneIdentity: false, expectations: { ...settings } });
      },
    );
    await fc.assert(property, PARAMETERS);
  });
});
