import type { Bundle, Patient } from "fhir/r4";
import { idIn } from "./fhir-over-http.ts";
import { henrick, MRN } from "./registration-harness.ts";
import type { Send } from "./retrying-client.ts";

/** A made-up person, and what its client knows for certain about it. */
export type Person = {
  readonly tag: string;
  id: string;
  version: number;
  standing: "unknown" | "registered" | "replaced" | "deleted";
  /** First line of the address: another one with each change. */
  line: string;
};

type Turn = {
  readonly send: Send;
  /** The people of this client alone. */
  readonly people: Person[];
  /** One of them. */
  readonly person: Person;
  /** One of the people that all clients change. */
  readonly shared: SharedPerson;
  readonly freshLine: () => string;
  /** Takes down what is not as it must be. */
  readonly require: (isSo: boolean, problem: string) => void;
};

export type SharedPerson = {
  readonly tag: string;
  readonly ids: Set<string>;
  readonly lines: Map<number, string>;
  created: number;
};

type LoadOperation = {
  /** How often it is chosen, beside the others. */
  readonly weight: number;
  readonly standings: readonly Person["standing"][];
  readonly run: (turn: Turn) => Promise<void>;
};

export const FIRST_LINE = "1 Elm Street";

export const emailOf = (tag: string): string => `${tag}@testingson.example`;
const patientOf = (tag: string, line: string, changes: Partial<Patient> = {}): Patient =>
  henrick({
    identifier: [{ system: MRN.system, value: tag }],
    telecom: [{ system: "email", value: emailOf(tag) }],
    address: [{ line: [line], city: "Boston", state: "MA", postalCode: "02215" }],
    ...changes,
  });
const whereIdentified = (tag: string): string => `/Patient?identifier=${encodeURIComponent(`${MRN.system}|${tag}`)}`;
const versionIn = (headers: Headers): number => Number(/"(\d+)"/.exec(headers.get("etag") ?? "")?.[1]);

type Written = Awaited<ReturnType<Send>>;

/** A write of the client's own person was answered: what the answer says must be so, and is so from now on. */
function written({ person, require }: Turn, line: string, { status, headers, resource }: Written): void {
  require(status === 200 || status === 201, `a write of ${person.tag} was answered ${status}`);
  const version = versionIn(headers);
  require(version > person.version, `${person.tag} went from version ${person.version} to ${version}`);
  const shown = (resource as Patient | undefined)?.address?.[0]?.line?.[0];
  require(shown === undefined || shown === line, `a write of ${person.tag} was answered with other content`);
  Object.assign(person, { version, line, standing: "registered" });
}

/** Registers a person that this client never sent before, and learns its id. */
const registration =
  (headersOf: (tag: string) => Readonly<Record<string, string>>): LoadOperation["run"] =>
  async (turn) => {
    const { send, person } = turn;
    const answer = await send("POST", "/Patient", {
      body: patientOf(person.tag, FIRST_LINE),
      headers: headersOf(person.tag),
    });
    written(turn, FIRST_LINE, answer);
    person.id = idIn(answer.headers);
  };

export const LOAD_OPERATIONS: Readonly<Record<string, LoadOperation>> = {
  create: { weight: 3, standings: ["unknown"], run: registration(() => ({})) },
  "create with If-None-Exist": {
    weight: 3,
    standings: ["unknown"],
    run: registration((tag) => ({ "If-None-Exist": `identifier=${MRN.system}|${tag}` })),
  },
  "create with Idempotency-Key": {
    weight: 3,
    standings: ["unknown"],
    run: registration((tag) => ({ "Idempotency-Key": tag })),
  },
  "update as create": {
    weight: 2,
    standings: ["unknown"],
    async run(turn) {
      const { send, person } = turn;
      const body = patientOf(person.tag, FIRST_LINE, { id: person.tag });
      written(turn, FIRST_LINE, await send("PUT", `/Patient/${person.tag}`, { body }));
      person.id = person.tag;
    },
  },
  update: {
    weight: 6,
    standings: ["registered", "replaced", "deleted"],
    async run(turn) {
      const { send, person, freshLine } = turn;
      const line = freshLine();
      const body = patientOf(person.tag, line, { id: person.id });
      written(turn, line, await send("PUT", `/Patient/${person.id}`, { body }));
    },
  },
  "conditional update": {
    weight: 3,
    standings: ["registered", "replaced"],
    async run(turn) {
      const { send, person, freshLine } = turn;
      const line = freshLine();
      written(turn, line, await send("PUT", whereIdentified(person.tag), { body: patientOf(person.tag, line) }));
    },
  },
  patch: {
    weight: 3,
    standings: ["registered"],
    async run(turn) {
      const { send, person, freshLine } = turn;
      const line = freshLine();
      const answer = await send("PATCH", `/Patient/${person.id}`, {
        body: [{ op: "replace", path: "/address/0/line/0", value: line }],
        headers: { "Content-Type": "application/json-patch+json" },
      });
      written(turn, line, answer);
    },
  },
  delete: {
    weight: 2,
    standings: ["registered", "replaced"],
    async run({ send, person, require }) {
      const { status } = await send("DELETE", `/Patient/${person.id}`);
      require(status === 204, `a deletion of ${person.tag} was answered ${status}`);
      Object.assign(person, { standing: "deleted" });
    },
  },
  "resolve duplicate": {
    weight: 1,
    standings: ["registered"],
    async run({ send, people, person, require }) {
      const survivor = people.find(({ standing, tag }) => standing === "registered" && tag !== person.tag);
      if (survivor) {
        const link: Patient["link"] = [{ type: "replaced-by", other: { reference: `Patient/${survivor.id}` } }];
        const body = patientOf(person.tag, person.line, { id: person.id, active: false, link });
        const { status, headers } = await send("PUT", `/Patient/${person.id}`, { body });
        require(status === 200, `the resolution of ${person.tag} was answered ${status}`);
        Object.assign(person, { standing: "replaced", version: versionIn(headers) });
      }
    },
  },
  read: {
    weight: 6,
    standings: ["registered", "replaced", "deleted"],
    async run({ send, person, require }) {
      const { status, resource } = await send<Patient>("GET", `/Patient/${person.id}`);
      const expected = person.standing === "deleted" ? 410 : 200;
      require(status === expected, `a read of ${person.tag} (${person.standing}) was answered ${status}`);
      require(status !== 200 ||
        resource.address?.[0]?.line?.[0] ===
          person.line, `a read of ${person.tag} was answered with other content than was written last`);
    },
  },
  search: {
    weight: 3,
    standings: ["registered", "replaced", "deleted"],
    async run({ send, person, require }) {
      const { status, resource } = await send<Bundle<Patient>>("GET", whereIdentified(person.tag));
      const ids = (resource.entry ?? []).map((entry) => entry.resource?.id);
      const expected = person.standing === "deleted" ? [] : [person.id];
      require(status === 200 &&
        ids.join() ===
          expected.join(), `a search for ${person.tag} (${person.standing}) was answered ${status} with ${ids.length} patients`);
    },
  },
  "create what others create as well": {
    weight: 2,
    standings: ["unknown", "registered", "replaced", "deleted"],
    async run({ send, shared, require }) {
      const { status, headers } = await send("POST", "/Patient", {
        body: patientOf(shared.tag, FIRST_LINE),
        headers: { "If-None-Exist": `identifier=${MRN.system}|${shared.tag}` },
      });
      require(status === 200 || status === 201, `the creation of ${shared.tag} was answered ${status}`);
      shared.ids.add(idIn(headers));
      shared.created += status === 201 ? 1 : 0;
      if (status === 201) {
        shared.lines.set(versionIn(headers), FIRST_LINE);
      }
    },
  },
  "update what others update as well": {
    weight: 4,
    standings: ["unknown", "registered", "replaced", "deleted"],
    async run({ send, shared, freshLine, require }) {
      const [id] = shared.ids;
      if (id !== undefined) {
        const line = freshLine();
        const body = patientOf(shared.tag, line, { id });
        const { status, headers } = await send("PUT", `/Patient/${id}`, { body });
        require(status === 200, `an update of ${shared.tag} was answered ${status}`);
        const version = versionIn(headers);
        require(!shared.lines.has(version), `two clients were told of version ${version} of ${shared.tag}`);
        shared.lines.set(version, line);
      }
    },
  },
};

/** The name of an operation that makes sense for the person now. */
export function chosenFor({ standing }: Person, random: number): string {
  const possible = Object.entries(LOAD_OPERATIONS).filter(([, { standings }]) => standings.includes(standing));
  let left = random * possible.reduce((sum, [, { weight }]) => sum + weight, 0);
  for (const [name, { weight }] of possible) {
    left -= weight;
    if (left < 0) {
      return name;
    }
  }
  return possible.at(-1)?.[0] ?? "";
}
