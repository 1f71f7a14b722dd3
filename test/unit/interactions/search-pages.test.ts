import type { Bundle, FhirResource, Patient } from "fhir/r4";
import { beforeAll, describe, expect, it } from "vitest";
import { sizeInAnswer } from "../../../shared/http/answer-size.ts";
import type { Parameter } from "../../../shared/http/request.ts";
import { bundleInteraction } from "../../../shared/interactions/process-bundle.ts";
import { searchInteraction } from "../../../shared/interactions/search-patients.ts";
import { createPatient } from "../../../shared/registration/create-patient.ts";
import { BASE, bundleOf, bundleRequest, entriesOf, get, post, statusesOf } from "../../support/bundle-requests.ts";
import { createHarness, type Harness, henrick, MRN } from "../../support/registration-harness.ts";

/** What Lambda answers at most. */
const SIX_MB = 6 * 1024 * 1024;
const PATIENTS = 50;

const large = (number: number): Patient =>
  henrick({
    identifier: [{ system: MRN.system, value: `MRN-${number}` }, { value: "common" }],
    address: [{ line: ['"'.repeat(90_000)], city: "Roxbury", state: "MA", postalCode: "12345" }],
  });

let harness: Harness;
let ids: string[];

beforeAll(async () => {
  harness = createHarness();
  ids = [];
  for (let number = 0; number < PATIENTS; number += 1) {
    ids.push((await createPatient(harness, { patient: large(number) }, harness.task())).mapping.id);
  }
});

async function search(query: readonly Parameter[]): Promise<Bundle> {
  const request = bundleRequest("", harness.task());
  const { resource } = await searchInteraction(harness)({ ...request, method: "GET", route: "/Patient", query });
  return resource as Bundle;
}

const nextOf = ({ link = [] }: Bundle): Parameter[] | undefined => {
  const url = link.find(({ relation }) => relation === "next")?.url;
  return url === undefined ? undefined : [...new URL(url).searchParams];
};

async function pagesOf(query: readonly Parameter[]): Promise<Bundle[]> {
  const pages = [await search(query)];
  for (let next = nextOf(pages[0] as Bundle); next !== undefined; next = nextOf(pages.at(-1) as Bundle)) {
    pages.push(await search(next));
  }
  return pages;
}

const idsIn = (pages: readonly Bundle[]): (string | undefined)[] =>
  pages.flatMap(({ entry = [] }) => entry.map(({ resource }) => resource?.id));

describe("pages of large patients", () => {
  it.each<[string, Parameter[]]>([
    ["a list", []],
    ["a list that is indented", [["_pretty", "true"]]],
    ["a search by identifier", [["identifier", "common"]]],
  ])("fit an answer and lead to each patient once: %s", async (_, query) => {
    const pages = await pagesOf(query);
    const isPretty = query.length > 0 && query[0]?.[0] === "_pretty";
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) {
      expect(sizeInAnswer(page, isPretty)).toBeLessThan(SIX_MB);
    }
    expect(idsIn(pages).sort()).toEqual([...ids].sort());
  });

  it("have the total of the whole search", async () => {
    expect((await search([["identifier", "common"]])).total).toBe(PATIENTS);
  });

  it("are longer where only small elements are wanted", async () => {
    const page = await search([["_elements", "birthDate"]]);
    expect([page.entry?.length, nextOf(page)]).toEqual([PATIENTS, undefined]);
  });

  it("hold one patient where it alone is too large", async () => {
    const { particle, ...rest } = createHarness();
    const small = { ...rest, particle };
    const own: string[] = [];
    for (const number of [1, 2]) {
      const { mapping } = await createPatient(small, { patient: large(number) }, small.task());
      const held = particle.held.get(mapping.patient_id);
      if (held) {
        const demographics = { ...held.demographics, address_lines: ["x".repeat(4_100_000)] };
        particle.held.set(mapping.patient_id, { ...held, demographics });
      }
      own.push(mapping.id);
    }
    const request = { ...bundleRequest("", small.task()), method: "GET", route: "/Patient" };
    const first = (await searchInteraction(small)(request)).resource as Bundle;
    const second = (await searchInteraction(small)({ ...request, query: nextOf(first) ?? [] })).resource as Bundle;
    expect([first.entry?.length, idsIn([first, second]).sort(), nextOf(second)]).toEqual([1, own.sort(), undefined]);
  });
});

describe("responses to Bundles", () => {
  const send = async (type: "batch" | "transaction", entries: Parameters<typeof bundleOf>[1]) =>
    bundleInteraction(harness, () => {})(bundleRequest(bundleOf(type, entries), harness.task()));
  const sizeOf = (resource: FhirResource | undefined): number => sizeInAnswer(resource, false);

  it.each(["batch", "transaction"] as const)(
    "say of each read of a %s that does not fit to do it alone",
    async (type) => {
      const search = get("Patient?identifier=common");
      const response = await send(type, [search, get(`Patient/${ids[0]}`), search, get(`Patient/${ids[1]}`)]);
      expect(sizeOf(response.resource)).toBeLessThan(SIX_MB);
      expect(statusesOf(response)).toEqual(["200 OK", "200 OK", "422 Unprocessable Entity", "200 OK"]);
      expect(entriesOf(response)[2]).toMatchObject({ response: { outcome: { issue: [{ code: "too-costly" }] } } });
    },
  );

  it.each(["batch", "transaction"] as const)("keep what became of each write of a %s", async (type) => {
    const patient = large(type === "batch" ? 1_001 : 1_002);
    const address = (patient.address ?? []).map((one) => ({ ...one, line: ["x".repeat(900_000)] }));
    const searches = [get("Patient?identifier=common"), get("Patient?identifier=common&_count=4")];
    const response = await send(type, [...searches, post({ ...patient, address })]);
    expect(sizeOf(response.resource)).toBeLessThan(SIX_MB);
    expect(statusesOf(response)).toEqual(["200 OK", "200 OK", "201 Created"]);
    const { resource, response: written } = entriesOf(response)[2] ?? {};
    expect([resource === undefined, written?.etag, written?.location]).toEqual([
      true,
      'W/"1"',
      expect.stringContaining(`${BASE}/Patient/`),
    ]);
    expect(written?.outcome).toMatchObject({ issue: [{ severity: "information" }] });
  });
});
