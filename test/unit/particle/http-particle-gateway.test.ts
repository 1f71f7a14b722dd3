import { afterEach, describe, expect, it } from "vitest";
import { renderFailure } from "../../../shared/fhir/operation-outcome.ts";
import type { Demographics } from "../../../shared/mapping/demographics.ts";
import { createParticleGateway, type ParticleSettings } from "../../../shared/particle/http-particle-gateway.ts";
import { adapterErrorOf } from "../../support/adapter-error.ts";
import { type Received, type Reply, type ScriptedServer, startScriptedServer } from "../../support/scripted-server.ts";

const henrick: Demographics = {
  given_name: "Henrick",
  family_name: "Testingson",
  date_of_birth: "1957-03-23",
  gender: "MALE",
  postal_code: "12345",
  address_city: "Roxbury",
  address_state: "MA",
  address_lines: ["123 Mulberry Court"],
};

let server: ScriptedServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

const tokens = { current: async () => "t-1", reread: async () => "t-1" };
const effects = { now: Date.now, random: () => 0, sleep: async () => {} };
const soon = () => ({ deadline: Date.now() + 5_000 });

async function gatewayTo(reply: (request: Received) => Reply, settings: Partial<ParticleSettings> = {}) {
  server = await startScriptedServer(reply);
  const defaults = { apiVersion: "v1", authorizationPrefix: "Bearer", attemptTimeoutMs: 2_000 } as const;
  return createParticleGateway({ baseUrl: server.url, ...defaults, ...settings }, tokens, effects);
}

function json(body: unknown): Reply {
  return { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

const echo = (patient_id: string) => json({ ...henrick, patient_id });

describe("the requests", () => {
  it("posts the record as the vendor documents it", async () => {
    const gateway = await gatewayTo(() => echo("p-1"));
    await gateway.putPatient("p-1", henrick, soon());
    expect(server?.received).toHaveLength(1);
    const [request] = server?.received ?? [];
    expect(request).toMatchObject({
      method: "POST",
      path: "/api/v1/patients",
      headers: { authorization: "Bearer t-1", "content-type": "application/json", accept: "application/json" },
    });
    expect(JSON.parse(request?.body ?? "")).toStrictEqual({ ...henrick, patient_id: "p-1" });
  });

  it("names the patient in the path, and the configured version", async () => {
    const gateway = await gatewayTo(() => echo("a/b?ü"), { apiVersion: "v2", authorizationPrefix: "" });
    await gateway.getPatient("a/b?ü", soon());
    await gateway.deletePatient("a/b?ü", soon());
    expect(server?.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "GET /api/v2/patients/a%2Fb%3F%C3%BC",
      "DELETE /api/v2/patients/a%2Fb%3F%C3%BC",
    ]);
    expect(server?.received.map(({ headers }) => headers.authorization)).toEqual(["t-1", "t-1"]);
    expect(server?.received[1]).toMatchObject({ body: "" });
  });

  it.each(["", ".", "..", "\ud800"])("sends nothing for a patient_id that no path can name: %j", async (id) => {
    const gateway = await gatewayTo(() => echo(id));
    for (const work of [
      gateway.putPatient(id, henrick, soon()),
      gateway.getPatient(id, soon()),
      gateway.deletePatient(id, soon()),
    ]) {
      expect(await adapterErrorOf(work)).toMatchObject({
        failure: { kind: "particle-rejected" },
        outcomeUnknown: false,
      });
    }
    expect(server?.received).toEqual([]);
  });
});

describe("a success that is not understood", () => {
  it.each([
    { what: "another patient", reply: echo("p-2") },
    { what: "no JSON", reply: { body: "<html>Testingson" } },
    { what: "nothing", reply: { status: 204 } },
    { what: "no object", reply: json("created") },
  ])("leaves the outcome of a put unknown, without a repeat: $what", async ({ reply }) => {
    const gateway = await gatewayTo(() => reply);
    const error = await adapterErrorOf(gateway.putPatient("p-1", henrick, soon()));
    expect(error.failure).toStrictEqual({ kind: "particle-unintelligible" });
    expect(error.outcomeUnknown).toBe(true);
    expect(error.message).not.toMatch(/Testingson|p-2/);
    expect(server?.received).toHaveLength(1);
  });

  it("is no patient and no list", async () => {
    const gateway = await gatewayTo(() => json({ message: "ok" }));
    const pages = gateway.listPatientIds(undefined, soon())[Symbol.asyncIterator]();
    for (const work of [gateway.getPatient("p-1", soon()), pages.next()]) {
      const error = await adapterErrorOf(work);
      expect(error).toMatchObject({ failure: { kind: "particle-unintelligible" }, outcomeUnknown: false });
    }
  });
});

describe("deletePatient", () => {
  it.each([
    { reply: json("delete successful") },
    { reply: json({ message: "delete successful" }) },
    { reply: { body: "“delete successful”" } },
    { reply: { status: 204 } },
    { reply: { status: 404, body: "not found" } },
    { reply: { status: 410 } },
  ])("is done with $reply", async ({ reply }) => {
    const gateway = await gatewayTo(() => reply);
    await gateway.deletePatient("p-1", soon());
    expect(server?.received).toHaveLength(1);
  });

  it("repeats nothing of what Particle says of the patient whom it holds", async () => {
    const message = "family_name testingson of this patient is on hold";
    const gateway = await gatewayTo(() => ({ status: 422, body: JSON.stringify({ message }) }));
    const error = await adapterErrorOf(gateway.deletePatient("p-1", soon()));
    expect(error.failure).toStrictEqual({ kind: "particle-rejected", refused: "deletion" });
    expect(renderFailure(error.failure).outcome.issue[0]?.diagnostics).toMatch(/^Particle refused the deletion: /);
  });
});

describe("listPatientIds", () => {
  async function pagesOf(pages: AsyncIterable<unknown>): Promise<unknown[]> {
    const read: unknown[] = [];
    for await (const page of pages) {
      read.push(page);
    }
    return read;
  }

  it("hands the token back as it came", async () => {
    const gateway = await gatewayTo(({ path }) =>
      json(path.includes("?") ? { patients: ["b"] } : { patients: ["a"], continuation_token: "a+/=&b c" }),
    );
    expect(await pagesOf(gateway.listPatientIds(undefined, soon()))).toStrictEqual([
      { patient_ids: ["a"], continuation_token: "a+/=&b c" },
      { patient_ids: ["b"] },
    ]);
    const { searchParams } = new URL(server?.received[1]?.path ?? "", "http://localhost");
    expect([...searchParams]).toEqual([["continuation_token", "a+/=&b c"]]);
  });

  it.each([
    { tokens: ["t1", "t1"], start: undefined, pages: 2 },
    { tokens: ["t1", "t2", "t1"], start: undefined, pages: 3 },
    { tokens: ["t0"], start: "t0", pages: 1 },
  ])("ends with a token that was seen before: $start, then $tokens", async ({ tokens: given, start, pages }) => {
    let index = 0;
    const gateway = await gatewayTo(() => json({ patients: [`p-${index}`], continuation_token: given[index++] }));
    const read = await pagesOf(gateway.listPatientIds(start, soon()));
    expect(read).toHaveLength(pages);
    expect(read.at(-1)).not.toHaveProperty("continuation_token");
  });

  it("fails without Particle's words when the token is refused", async () => {
    const gateway = await gatewayTo(() => ({ status: 400, body: "continuation_token t-x is not valid" }));
    const error = await adapterErrorOf(pagesOf(gateway.listPatientIds("t-x", soon())));
    expect(error.failure).toEqual({ kind: "particle-rejected", refused: "page" });
  });

  it("does not take a missing list for an empty one", async () => {
    const gateway = await gatewayTo(() => ({ status: 404 }));
    const error = await adapterErrorOf(pagesOf(gateway.listPatientIds(undefined, soon())));
    expect(error.failure.kind).toBe("particle-unintelligible");
  });
});

describe("over a real connection", () => {
  it("repeats what a kept connection lost, and succeeds", async () => {
    let requests = 0;
    const gateway = await gatewayTo(() => {
      requests += 1;
      return requests === 2 ? (socket) => void socket.resetAndDestroy() : echo("p-1");
    });
    await gateway.putPatient("p-1", henrick, soon());
    await gateway.putPatient("p-1", henrick, soon());
    expect(requests).toBe(3);
  });

  it("aborts at the deadline, and then does not know", async () => {
    const gateway = await gatewayTo(() => "silence");
    const started = Date.now();
    const error = await adapterErrorOf(gateway.putPatient("p-1", henrick, { deadline: started + 300 }));
    expect(error).toMatchObject({ failure: { kind: "outcome-unknown" }, outcomeUnknown: true });
    expect(Date.now() - started).toBeLessThan(1_500);
    expect(server?.received).toHaveLength(1);
  });

  it("repeats an attempt that took too long", async () => {
    let requests = 0;
    const gateway = await gatewayTo(
      () => {
        requests += 1;
        return requests === 1 ? "silence" : echo("p-1");
      },
      { attemptTimeoutMs: 200 },
    );
    expect((await gateway.putPatient("p-1", henrick, soon())).patient_id).toBe("p-1");
    expect(requests).toBe(2);
  });
});
