import type { Patient } from "fhir/r4";
import {
  deletePatientConditionally,
  updatePatientConditionally,
} from "../../shared/registration/conditional-writes.ts";
import { type CreateRequest, createPatient } from "../../shared/registration/create-patient.ts";
import { deletePatient } from "../../shared/registration/delete-patient.ts";
import { patchPatient } from "../../shared/registration/patch-patient.ts";
import { readPatient } from "../../shared/registration/read-patient.ts";
import { recoverRegistrations } from "../../shared/registration/recover-registrations.ts";
import type { Registered } from "../../shared/registration/registered.ts";
import type { Registration, Task } from "../../shared/registration/registration.ts";
import { VISIBILITY } from "../../shared/registration/states.ts";
import { type UpdateRequest, updatePatient } from "../../shared/registration/update-patient.ts";
import { henrick, henrickWithSsn, MRN } from "./registration-harness.ts";

/** One request of a client (or of the schedule), which may be sent again as it is. */
export type ProtocolRequest = {
  readonly does: "create" | "update" | "patch" | "delete" | "replace" | "read" | "recover";
  /** The identifier under which the request looks for its patient. */
  readonly condition?: typeof MRN;
  /** What Particle is to hold, where the request says so. */
  readonly patient?: Patient;
  run(registration: Registration, task: Task): Promise<Registered | undefined>;
};

/** The patient that the requests are about, where they name one. */
export const ONE = "one";
/** Another patient, which replaces it as the one that is kept of two duplicates. */
export const SURVIVOR = "survivor";
export const SURVIVORS_MRN = { system: MRN.system, value: "MRN-2" } as const;

const RENUMBERED = { system: MRN.system, value: "MRN-3" };
const MOVED = [{ line: ["1 Elm Street"], city: "Boston", state: "MA", postalCode: "02215" }];

const create = (request: CreateRequest): ProtocolRequest => ({
  does: "create",
  patient: request.patient,
  run: (registration, task) => createPatient(registration, request, task),
});

const put = (request: Omit<UpdateRequest, "condition">): ProtocolRequest => ({
  does: "update",
  patient: request.patient,
  run: (registration, task) => updatePatient(registration, request, task),
});

const feed = (patient: Patient): ProtocolRequest => ({
  does: "update",
  patient,
  run: (registration, task) => updatePatientConditionally(registration, { patient, condition: MRN }, task),
});

const resolution: Patient = {
  resourceType: "Patient",
  identifier: [MRN],
  active: false,
  link: [{ type: "replaced-by", other: { reference: `Patient/${SURVIVOR}` } }],
};

const key = (name: string) => ({ caller: "ehr", key: name, body: "body" });

export const REQUESTS = {
  create: create({ patient: henrick() }),
  createMoved: create({ patient: henrick({ address: MOVED }) }),
  createIfNone: create({ patient: henrick(), ifNoneExist: MRN }),
  createMovedIfNone: create({ patient: henrick({ address: MOVED }), ifNoneExist: MRN }),
  createKeyed: create({ patient: henrick(), idempotencyKey: key("one") }),
  createKeyedIfNone: create({ patient: henrick(), idempotencyKey: key("one"), ifNoneExist: MRN }),
  putOne: put({ id: ONE, patient: henrick({ id: ONE }) }),
  putOneForced: put({ id: ONE, patient: henrick({ id: ONE }), force: true }),
  putOneMoved: put({ id: ONE, patient: henrick({ id: ONE, address: MOVED }) }),
  putOneWithSsn: put({ id: ONE, patient: henrickWithSsn({ id: ONE }) }),
  putOneRenumbered: put({
    id: ONE,
    patient: henrick({ id: ONE, identifier: [RENUMBERED] }),
  }),
  putTwo: put({ id: "two", patient: henrick({ id: "two", gender: "female" }) }),
  feed: feed(henrick()),
  feedMoved: feed(henrick({ address: MOVED })),
  feedOne: feed(henrick({ id: ONE })),
  patchOne: {
    does: "patch",
    run: (registration, task) =>
      patchPatient(registration, { id: ONE, change: () => henrick({ id: ONE, address: MOVED }) }, task),
  },
  patchOneRenumbered: {
    does: "patch",
    run: (registration, task) =>
      patchPatient(registration, { id: ONE, change: () => henrick({ id: ONE, identifier: [MRN, RENUMBERED] }) }, task),
  },
  resolve: {
    does: "replace",
    run: (registration, task) => updatePatient(registration, { id: ONE, patient: resolution }, task),
  },
  deleteOne: {
    does: "delete",
    run: async (registration, task) => {
      await deletePatient(registration, { id: ONE }, task);
      return undefined;
    },
  },
  deleteByMrn: {
    does: "delete",
    condition: MRN,
    run: async (registration, task) => {
      await deletePatientConditionally(registration, { condition: MRN }, task);
      return undefined;
    },
  },
  read: {
    does: "read",
    run: async (registration, task) => {
      const { indexKeysToFind } = await registration.keyedHash();
      const ids = await registration.store.findIdsByIndexKeys(indexKeysToFind(MRN.system, MRN.value));
      for (const { id, state } of await registration.store.findMany(ids)) {
        if (VISIBILITY[state] === "present") {
          await readPatient(registration, { id }, task.deadline);
        }
      }
      return undefined;
    },
  },
  recover: {
    does: "recover",
    run: async (registration, task) => {
      await recoverRegistrations(registration, task);
      return undefined;
    },
  },
} as const satisfies Record<string, ProtocolRequest>;

export type RequestName = keyof typeof REQUESTS;
