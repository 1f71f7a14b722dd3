import type { Patient } from "fhir/r4";
import type { Twin } from "../../local/twin.ts";
import { crashAt } from "./crash-points.ts";
import { type Answer, type FhirClient, idIn } from "./fhir-over-http.ts";
import { henrick, MRN } from "./registration-harness.ts";
import type { World } from "./registration-invariants.ts";
import type { TwinWorld } from "./world-of-twin.ts";

/** A running deployment, and one made-up person in it who is told from all others by `tag`. */
export type Scene = {
  readonly twin: Twin;
  readonly client: FhirClient;
  readonly world: TwinWorld;
  readonly tag: string;
};

/** What there is to see of the person. */
export type Sight = {
  /** The city of each patient that Particle holds. */
  readonly cities: readonly string[];
  /** States of the mappings that its identifier leads to; an abandoned one leads nobody anywhere. */
  readonly states: readonly string[];
};

export type CrashOperation = {
  readonly name: string;
  /** The operation whose side effects it has, in their order: what differs is how it comes to them. */
  readonly hasEffectsOf?: string;
  /** The function that is stopped dead. */
  readonly functionName:
    | "CreatePatient"
    | "UpdatePatient"
    | "PatchPatient"
    | "DeletePatient"
    | "ProcessBundle"
    | "RecoverRegistrations";
  /** Brings the person to where the operation begins; answers the FHIR id where there is one. */
  readonly prepare: (scene: Scene) => Promise<string>;
  /** Answers an HTTP status. */
  readonly run: (scene: Scene, id: string) => Promise<number>;
  /** What the client sends when it comes back. */
  readonly repeat: (scene: Scene, id: string) => Promise<Answer<unknown>>;
  /** Statuses that tell the client that it has what it wanted. */
  readonly successes: readonly number[];
  /**
   * When recovery alone ends it as done: if Particle carried a call out, as soon as the operation was written down, only
   * after its last write, whatever happened, or not at all.
   */
  readonly isDone: "if-committed" | "once-begun" | "after-its-last-write" | "always" | "never";
  readonly done: Sight;
  readonly undone: Sight;
};

const ROXBURY: Sight = { cities: ["Roxbury"], states: ["registered"] };
const BOSTON: Sight = { cities: ["Boston"], states: ["registered"] };
const NOTHING: Sight = { cities: [], states: [] };

const emailOf = (tag: string): string => `${tag}@testingson.example`;

/** The same person in another city. */
const inCity = (city: string, postalCode: string) => (patient: Patient) => ({
  ...patient,
  address: [{ line: ["1 Elm Street"], city, state: "MA", postalCode }],
});
const inBoston = inCity("Boston", "02215");
const inCambridge = inCity("Cambridge", "02139");

const tagged = (tag: string): Partial<Patient> => ({
  identifier: [{ system: MRN.system, value: tag }],
  telecom: [{ system: "email", value: emailOf(tag) }],
});
const person = (tag: string, changes: Partial<Patient> = {}): Patient => henrick({ ...tagged(tag), ...changes });
const whereIdentified = (tag: string): string => `/Patient?identifier=${encodeURIComponent(`${MRN.system}|${tag}`)}`;

async function register({ client }: Scene, patient: Patient): Promise<string> {
  const { status, headers } = await client.create(patient);
  if (status !== 201) {
    throw new Error(`The person could not be registered (${status}).`);
  }
  return idIn(headers);
}

const none = async () => "";
const registered = (scene: Scene) => register(scene, person(scene.tag));

/** An operation that is one request, and repeated by the same one. */
const request = (
  operation: Omit<CrashOperation, "run" | "repeat">,
  send: (scene: Scene, id: string) => Promise<Answer<unknown>>,
): CrashOperation => ({ ...operation, run: async (scene, id) => (await send(scene, id)).status, repeat: send });

const creation = {
  functionName: "CreatePatient",
  prepare: none,
  successes: [200, 201],
  isDone: "if-committed",
  done: ROXBURY,
  undone: NOTHING,
} as const satisfies Partial<CrashOperation>;

const change = {
  functionName: "UpdatePatient",
  prepare: registered,
  successes: [200],
  isDone: "if-committed",
  done: BOSTON,
  undone: ROXBURY,
} as const satisfies Partial<CrashOperation>;

const resolution = (name: string, done: Sight): CrashOperation =>
  request(
    {
      name,
      functionName: "UpdatePatient",
      prepare: async (scene) => {
        await register(scene, person(`${scene.tag}-survivor`));
        return registered(scene);
      },
      successes: [200],
      isDone: "once-begun",
      done,
      undone: ROXBURY,
    },
    ({ client, tag }, id) => {
      const other = { identifier: { system: MRN.system, value: `${tag}-survivor` } };
      return client.update(person(tag, { id, active: false, link: [{ type: "replaced-by", other }] }));
    },
  );

/** Recovery of an operation whose function died before its call to Particle, or after. */
const recovery = ({
  died,
  end,
  ...operation
}: Omit<CrashOperation, "functionName" | "prepare" | "run"> & Death): CrashOperation => {
  return {
    ...operation,
    functionName: "RecoverRegistrations",
    prepare: (scene) => diedIn(scene, { died, end }),
    run: async ({ twin }) => ((await twin.invoke("RecoverRegistrations", {})).ok ? 200 : 500),
  };
};

/** An operation whose function died before its call to Particle, or after. */
type Death = { readonly died: CrashOperation; readonly end: "before" | "after" };

async function diedIn(scene: Scene, { died, end }: Death): Promise<string> {
  const id = await died.prepare(scene);
  await crashAt(scene.twin, died.functionName, { kind: "call", number: 1, method: "", end }, () => died.run(scene, id));
  await scene.world.passTime();
  return id;
}

const updateAsCreate = request(
  { ...creation, name: "update as create", hasEffectsOf: "create", functionName: "UpdatePatient" },
  ({ client, tag }) => client.update(person(tag, { id: tag })),
);
const create = request({ ...creation, name: "create" }, ({ client, tag }) => client.create(person(tag)));
const deletion = {
  functionName: "DeletePatient",
  prepare: registered,
  successes: [204],
  isDone: "once-begun",
  done: NOTHING,
  undone: ROXBURY,
} as const satisfies Partial<CrashOperation>;

const remove = request({ ...deletion, name: "delete" }, ({ client }, id) => client.remove(id));

const transaction = request(
  {
    ...creation,
    name: "transaction of a create and a search",
    functionName: "ProcessBundle",
    isDone: "after-its-last-write",
  },
  ({ client, tag }) =>
    client.send("POST", "/", {
      body: {
        resourceType: "Bundle",
        type: "transaction",
        entry: [
          { request: { method: "POST", url: "Patient" }, resource: person(tag) },
          { request: { method: "GET", url: whereIdentified(tag).slice(1) } },
        ],
      },
    }),
);

/** Everything that writes, in a deployment that leaves its settings alone. */
export const crashOperations: readonly CrashOperation[] = [
  create,
  request({ ...creation, name: "create with If-None-Exist", hasEffectsOf: "create" }, ({ client, tag }) =>
    client.create(person(tag), { "If-None-Exist": `identifier=${MRN.system}|${tag}` }),
  ),
  request({ ...creation, name: "create with an Idempotency-Key", hasEffectsOf: "create" }, ({ client, tag }) =>
    client.create(person(tag), { "Idempotency-Key": tag }),
  ),
  {
    ...updateAsCreate,
    name: "update that goes on with an abandoned create",
    hasEffectsOf: "create",
    async prepare(scene) {
      await diedIn(scene, { died: updateAsCreate, end: "before" });
      await scene.twin.invoke("RecoverRegistrations", {});
      return "";
    },
  },
  updateAsCreate,
  request(
    { ...creation, name: "conditional update of nobody", hasEffectsOf: "create", functionName: "UpdatePatient" },
    ({ client, tag }) => client.send("PUT", whereIdentified(tag), { body: person(tag) }),
  ),
  transaction,
  request({ ...change, name: "update" }, ({ client, tag }, id) => client.update(inBoston(person(tag, { id })))),
  request({ ...change, name: "patch", functionName: "PatchPatient" }, ({ client }, id) =>
    client.send("PATCH", `/Patient/${id}`, {
      body: [{ op: "replace", path: "/address", value: inBoston(person("")).address }],
      headers: { "Content-Type": "application/json-patch+json" },
    }),
  ),
  request({ ...change, name: "conditional update", hasEffectsOf: "update" }, ({ client, tag }) =>
    client.send("PUT", whereIdentified(tag), { body: inBoston(person(tag)) }),
  ),
  remove,
  request({ ...deletion, name: "conditional delete", hasEffectsOf: "delete" }, ({ client, tag }) =>
    client.send("DELETE", whereIdentified(tag)),
  ),
  request(
    {
      ...creation,
      name: "revival",
      functionName: "UpdatePatient",
      async prepare(scene) {
        const id = await registered(scene);
        await scene.client.remove(id);
        return id;
      },
    },
    ({ client, tag }, id) => client.update(person(tag, { id })),
  ),
  resolution("resolved duplicate that stays at Particle", { cities: ["Roxbury"], states: ["replaced"] }),
  recovery({ ...remove, name: "recovery of an open deletion", isDone: "always", died: remove, end: "before" }),
  recovery({ ...create, name: "recovery of an open registration", isDone: "always", died: create, end: "after" }),
  recovery({
    ...transaction,
    name: "recovery of an open transaction",
    died: transaction,
    end: "after",
    isDone: "never",
  }),
];

/** Where duplicates are deleted at Particle, and the patient_id is one of the patient's identifiers. */
export const crashOperationsOfOtherSettings = {
  environment: { REPLACED_PATIENTS: "delete", PATIENT_ID_SYSTEM: MRN.system },
  operations: [
    resolution("resolved duplicate that is deleted at Particle", { cities: [], states: ["replaced"] }),
    request({ ...creation, name: "create under the patient's own patient_id" }, ({ client, tag }) =>
      client.create(person(tag)),
    ),
  ] satisfies readonly CrashOperation[],
};

/** Any later operation, which must go through whatever became of the one before: moves the person to Cambridge. */
export const laterOperation = ({ client, tag }: Scene): Promise<Answer<unknown>> =>
  client.send("PUT", whereIdentified(tag), { body: inCambridge(person(tag)) });

export const AFTER_LATER_OPERATION: Sight = { cities: ["Cambridge"], states: ["registered"] };

/** What there is to see of the person in a world that was read just now. */
export function sightIn({ mappings, keyedHash }: World, { twin, tag }: Scene): Sight {
  const keys = keyedHash.indexKeysToFind(MRN.system, tag);
  return {
    cities: twin.particle.patients().flatMap((held) => (held.email === emailOf(tag) ? [held.address_city] : [])),
    states: [...mappings].flatMap(({ indexKeys, state }) =>
      state !== "abandoned" && keys.some((key) => indexKeys.includes(key)) ? [state] : [],
    ),
  };
}
