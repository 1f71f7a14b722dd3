import type { Bundle, Patient } from "fhir/r4";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { type FhirClient, fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick, MRN, SYSTEMS } from "../support/registration-harness.ts";

/** More than a page of Particle's list, and than two batches that DynamoDB reads at once. */
const PATIENTS = 250;

let twin: Twin;
let client: FhirClient;
let ids: string[];

const mrn = (number: number) => `MRN-${number}`;
const person = (number: number): Patient =>
  henrick({ identifier: [{ system: MRN.system, value: mrn(number) }, { value: "common" }] });

beforeAll(async () => {
  twin = await startAdapter();
  client = fhirClient(twin.url);
  ids = [];
  for (let start = 0; start < PATIENTS; start += 50) {
    const batch = Array.from({ length: 50 }, (_, offset) => client.create(person(start + offset)));
    ids.push(...(await Promise.all(batch)).map(({ headers }) => idIn(headers)));
  }
}, 180_000);
afterAll(() => twin?.close());

const idsOf = ({ entry = [] }: Bundle<Patient>): string[] => entry.flatMap(({ resource }) => resource?.id ?? []);

/** Every page that the `next` links lead to. */
async function follow(query: string, between: () => Promise<unknown> = async () => {}): Promise<Bundle<Patient>[]> {
  const pages: Bundle<Patient>[] = [];
  let next: string | undefined = query;
  while (next !== undefined) {
    const { status, resource }: { status: number; resource: Bundle<Patient> } = await client.search(next);
    expect(status).toBe(200);
    pages.push(resource);
    next = resource.link?.find(({ relation }) => relation === "next")?.url.replace(`${twin.url}/Patient`, "");
    await between();
  }
  return pages;
}

describe("search", () => {
  it("lists every patient once, over all pages", async () => {
    const pages = await follow("?_count=50");
    const found = pages.flatMap(idsOf);
    expect(found.length).toBe(PATIENTS);
    expect(new Set(found)).toEqual(new Set(ids));
    expect(pages.every(({ entry = [] }) => entry.length <= 50)).toBe(true);
    expect(pages[0]).toMatchObject({ type: "searchset", link: [{ relation: "self" }, { relation: "next" }] });
  }, 60_000);

  it("lists who stays once while others come and go", async () => {
    const leavers = await Promise.all(Array.from({ length: 8 }, (_, index) => client.create(person(PATIENTS + index))));
    let number = PATIENTS + 100;
    const pages = await follow("?_count=50", async () => {
      const leaver = leavers.pop();
      number += 1;
      await Promise.all([client.create(person(number)), leaver && client.remove(idIn(leaver.headers))]);
    });
    const found = pages.flatMap(idsOf).filter((id) => ids.includes(id));
    expect(found.length).toBe(PATIENTS);
    expect(new Set(found).size).toBe(PATIENTS);
  }, 60_000);

  it("finds by id and by identifier, in any of the ways that a token can be written", async () => {
    const [first = "", second = ""] = ids;
    const queries: Record<string, string[]> = {
      [`?_id=${first}`]: [first],
      [`?_id=${first},${second},unknown`]: [first, second].sort(),
      [`?identifier=${encodeURIComponent(`${MRN.system}|${mrn(0)}`)}`]: [first],
      [`?identifier=${mrn(0)}`]: [first],
      [`?identifier=${mrn(0)},${mrn(1)}`]: [first, second].sort(),
      [`?identifier=%7C${mrn(0)}`]: [],
      "?identifier=https%3A%2F%2Felsewhere%7CMRN-0": [],
      [`?_id=${first}&identifier=${mrn(1)}`]: [],
      [`?_id=${first}&identifier=${mrn(0)}`]: [first],
    };
    for (const [query, expected] of Object.entries(queries)) {
      const { resource } = await client.search(query);
      expect([query, idsOf(resource), resource.total]).toEqual([query, expected, expected.length]);
    }
  });

  it("finds by the ids of Particle that it answers", async () => {
    const { resource } = await client.read(ids[0] ?? "");
    for (const system of Object.values(SYSTEMS)) {
      const value = resource.identifier?.find((identifier) => identifier.system === system)?.value;
      const { resource: found } = await client.search(`?identifier=${encodeURIComponent(`${system}|${value}`)}`);
      expect(idsOf(found)).toEqual([ids[0]]);
    }
  });

  it("pages through the many that match an identifier", async () => {
    const pages = await follow("?identifier=%7Ccommon&_count=40");
    expect(new Set(pages.flatMap(idsOf)).size).toBeGreaterThanOrEqual(PATIENTS);
    expect(pages.every(({ entry = [] }) => entry.length <= 40)).toBe(true);
  }, 60_000);

  it("takes the parameters as a form, too", async () => {
    const { status, resource } = await client.send<Bundle<Patient>>("POST", "/Patient/_search", {
      body: new URLSearchParams({ identifier: `${MRN.system}|${mrn(0)}` }).toString(),
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
    });
    expect([status, idsOf(resource)]).toEqual([200, [ids[0]]]);
  });

  it("refuses what it does not know, or says what it ignored", async () => {
    const strict = await client.failure("GET", "/Patient?family=x&_count=none");
    expect([strict.status, strict.resource.issue.length]).toEqual([400, 2]);
    const lenient = await client.search(`?_id=${ids[0]}&family=x`, { Prefer: "handling=lenient" });
    expect(lenient.resource.entry).toMatchObject([{ search: { mode: "match" } }, { search: { mode: "outcome" } }]);
    expect(lenient.resource.link?.[0]?.url).not.toContain("family");
  });

  it("never searches by a social security number", async () => {
    const refused = await client.failure("GET", "/Patient?identifier=http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-ssn%7C123");
    expect(refused.status).toBe(400);
  });

  it.each([
    "?identifier=http%3A%2F%2Fhl7.org%2Ffhir%2Fsid%2Fus-ssn%7C123",
    "?identifier=a%7C",
    "?identifier=",
    "?identifier:exact=a",
    "?_id=",
  ])("answers nobody for %s, however lenient", async (query) => {
    const headers = { Prefer: "handling=lenient" };
    expect((await client.failure("GET", `/Patient${query}`, { headers })).status).toBe(400);
  });

  it("refuses a page that it did not make", async () => {
    expect((await client.failure("GET", "/Patient?page=nonsense")).status).toBe(400);
  });
});
