import { onTestFinished } from "vitest";
import {
  type ParticleSimulator,
  type ParticleSimulatorOptions,
  startParticleSimulator,
} from "../../local/particle/simulator.ts";
import type { SwitchChanges } from "../../local/particle/switches.ts";

/** The example of the vendor's page, with a mail address in place of the one that the page hides. */
export const henrick = {
  given_name: "Henrick",
  family_name: "Testingson",
  date_of_birth: "1957-03-23",
  gender: "MALE",
  postal_code: "12345",
  patient_id: "examplepatientid1",
  ssn: "123-45-6789",
  email: "henrick@example.com",
  telephone: "123-456-7890",
  address_lines: ["123 Mulberry Court"],
  address_city: "Roxbury",
  address_state: "MA",
} as const;

/** The same without what may be left out. */
export const required = {
  given_name: "Henrick",
  family_name: "Testingson",
  date_of_birth: "1957-03-23",
  gender: "MALE",
  postal_code: "12345",
  patient_id: "examplepatientid1",
  address_city: "Roxbury",
  address_state: "MA",
} as const;

export const goodCredentials = { "client-id": "local-client", "client-secret": "local-secret" };

type Page = { readonly continuation_token?: string | null; readonly patients: readonly unknown[] | null };

/** Signs in and talks to the simulator as any client would. */
export async function clientOf({ url }: Pick<ParticleSimulator, "url">) {
  const token = await (await fetch(`${url}/auth`, { headers: goodCredentials })).text();
  const call = (method: string, path: string, body?: unknown, init: RequestInit = {}) =>
    fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      ...init,
    });
  return {
    token,
    call,
    post: (patient: unknown, init?: RequestInit) => call("POST", "/api/v1/patients", patient, init),
    get: (id: string) => call("GET", `/api/v1/patients/${encodeURIComponent(id)}`),
    remove: (id: string) => call("DELETE", `/api/v1/patients/${encodeURIComponent(id)}`),
    list: async (continuation_token?: string | null) => {
      const query = continuation_token ? `?continuation_token=${encodeURIComponent(continuation_token)}` : "";
      return (await (await call("GET", `/api/v1/patients${query}`)).json()) as Page;
    },
  };
}

export type SimulatorClient = Awaited<ReturnType<typeof clientOf>>;

/** A simulator that ends with the test, and a client of it. */
export async function start(options: Partial<ParticleSimulatorOptions> = {}) {
  const simulator = await startParticleSimulator({ port: 0, ...options });
  onTestFinished(() => simulator.close());
  return { simulator, ...(await clientOf(simulator)) };
}

export const startWithFaults = (...faults: NonNullable<SwitchChanges["faults"]>) => start({ switches: { faults } });

export const readJson = async (response: Response) => (await response.json()) as Record<string, unknown>;

/** Every page of the list from the first to the last. */
export async function allPages({ list }: Pick<SimulatorClient, "list">) {
  const pages = [await list()];
  for (let token = pages[0]?.continuation_token; token; token = pages.at(-1)?.continuation_token) {
    pages.push(await list(token));
  }
  return pages.map((page) => page.patients ?? []);
}

export const someIds = (count: number) => Array.from({ length: count }, (_, index) => `patient-${index}`);

/** Registers one after the other, so that they are listed in this order. */
export async function addAll({ post }: Pick<SimulatorClient, "post">, ids: readonly string[]) {
  for (const patient_id of ids) {
    const { status } = await post({ ...required, patient_id });
    if (status !== 200) throw new Error(`The simulator answered ${status} to a valid patient`);
  }
}
