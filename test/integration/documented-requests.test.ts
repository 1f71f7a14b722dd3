import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Twin } from "../../local/twin.ts";
import { type DocumentedRequest, documentedRequests, withoutChance } from "../support/documented-requests.ts";
import { startAdapter } from "../support/fhir-over-http.ts";
import { readPage } from "../support/generate-docs.ts";

const BASE = "http://localhost:3000";
const SIMULATOR = "http://localhost:3001";

let twin: Twin;
beforeAll(async () => {
  twin = await startAdapter();
}, 120_000);
afterAll(() => twin?.close());

async function answerTo({ method, url, headers, body }: DocumentedRequest) {
  const response = await fetch(url.replace(BASE, twin.url).replace(SIMULATOR, twin.particle.url), {
    method,
    headers,
    ...(body !== undefined && { body }),
  });
  const asDocumented = (text: string) => withoutChance(text.replaceAll(twin.url, BASE));
  return {
    status: response.status,
    header: (name: string) => asDocumented(response.headers.get(name) ?? ""),
    body: asDocumented(await response.text()),
  };
}

describe.each([
  { file: "README.md", requests: 1 },
  { file: "docs/clients.md", requests: 8 },
  { file: "docs/local.md", requests: 2 },
])("the requests of $file", ({ file, requests }) => {
  it("get the answers that the page shows", async () => {
    const documented = documentedRequests(readPage(file));
    expect(documented).toHaveLength(requests);
    for (const request of documented) {
      const { answer } = request;
      const real = await answerTo(request);
      expect([request.url, real.status, real.body]).toEqual([request.url, answer.status, expect.anything()]);
      for (const [name, value] of Object.entries(answer.headers)) {
        expect(real.header(name), `${name} of ${request.url}`).toBe(withoutChance(value));
      }
      if (answer.body !== "") {
        expect(JSON.parse(real.body)).toEqual(JSON.parse(withoutChance(answer.body)));
      }
    }
  });
});
