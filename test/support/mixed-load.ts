import type { Twin } from "../../local/twin.ts";
import { chosenFor, emailOf, FIRST_LINE, LOAD_OPERATIONS, type Person, type SharedPerson } from "./load-operations.ts";
import { type Patience, retryingClient } from "./retrying-client.ts";
import { seededRandom } from "./seeded-random.ts";

export type LoadOptions = Pick<Patience, "longestWaitMs" | "giveUpAfterMs"> & {
  /** Tells the people of this load from those of others on the same twin. */
  readonly name: string;
  readonly clients: number;
  /** Operations of each client, unless `until` comes first. */
  readonly operations: number;
  /** Epoch milliseconds from which no operation begins. */
  readonly until?: number;
  /** The same choices of the clients; what comes of them also depends on who is faster. */
  readonly seed: number;
};

export type LoadReport = {
  /** By name, how often each came to its end. */
  readonly operations: ReadonlyMap<string, number>;
  /** How often a client was answered with each status, or with none. */
  readonly answers: ReadonlyMap<number | string, number>;
  /** What clients were told, and what is not so; to be asked when no request runs and every operation was decided. */
  readonly untruths: (held: ReturnType<Twin["particle"]["patients"]>) => string[];
};

const PEOPLE_OF_A_CLIENT = 12;
const SHARED_PEOPLE = 3;

/**
 * Clients that do everything there is to do, each with people of its own, whom nobody else touches, and with a few whom
 * all of them change. A client repeats a request until its answer is final, and holds each answer against what it was
 * told before.
 */
export async function runMixedLoad(base: string, options: LoadOptions): Promise<LoadReport> {
  const operations = new Map<string, number>();
  const answers = new Map<number | string, number>();
  const problems: string[] = [];
  const own: Person[] = [];
  const shared = Array.from(
    { length: SHARED_PEOPLE },
    (_, number): SharedPerson => ({
      tag: `${options.name}-shared-${number}`,
      ids: new Set(),
      lines: new Map(),
      created: 0,
    }),
  );
  let lines = 1;
  const freshLine = () => {
    lines += 1;
    return `${lines} Elm Street`;
  };

  async function client(number: number): Promise<void> {
    const random = seededRandom(options.seed * 1_000 + number);
    const send = retryingClient(base, { ...options, random, onAttempt: (status) => count(answers, status) });
    const people: Person[] = [];
    for (
      let turn = 0;
      turn < options.operations && Date.now() < (options.until ?? Number.POSITIVE_INFINITY);
      turn += 1
    ) {
      if (people.length < PEOPLE_OF_A_CLIENT && random() < 0.4) {
        const tag = `${options.name}-${number}-${people.length}`;
        people.push({ tag, id: "", version: 0, standing: "unknown", line: "" });
      }
      const person = people[Math.floor(random() * people.length)];
      if (person) {
        const name = chosenFor(person, random());
        const require = (isSo: boolean, problem: string) => {
          if (!isSo) {
            problems.push(`${name}: ${problem}.`);
          }
        };
        const anyShared = shared[Math.floor(random() * shared.length)] as SharedPerson;
        await LOAD_OPERATIONS[name]?.run({ send, people, person, shared: anyShared, freshLine, require });
        count(operations, name);
      }
    }
    own.push(...people);
  }

  await Promise.all(
    Array.from({ length: options.clients }, (_, number) =>
      client(number).catch((error: unknown) => problems.push(`A client ended: ${error}`)),
    ),
  );

  return {
    operations,
    answers,
    untruths(held) {
      const linesOf = (tag: string) =>
        held.flatMap(({ email, address_lines }) => (email === emailOf(tag) ? [address_lines?.[0]] : []));
      const compare = (tag: string, expected: readonly string[]) =>
        linesOf(tag).join() === expected.join()
          ? []
          : [`Particle holds [${linesOf(tag)}] for ${tag}, and clients were told [${expected}].`];
      return [
        ...problems,
        ...own.flatMap(({ tag, standing, line }) =>
          compare(tag, standing === "registered" || standing === "replaced" ? [line] : []),
        ),
        ...shared.flatMap(({ tag, ids, lines: known, created }) => [
          ...(ids.size > 1 ? [`${ids.size} ids were answered for ${tag}.`] : []),
          ...(created > 1 ? [`${created} clients were told that they created ${tag}.`] : []),
          ...compare(tag, ids.size === 0 ? [] : [known.get(Math.max(...known.keys())) ?? FIRST_LINE]),
        ]),
      ];
    },
  };
}

const count = <Key>(counts: Map<Key, number>, key: Key): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
