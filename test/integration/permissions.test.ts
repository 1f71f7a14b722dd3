import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStack, type Template } from "../../local/template/assembly.ts";
import type { Twin } from "../../local/twin.ts";
import { accessesOf, permissionsIn } from "../support/allowed-calls.ts";
import { fhirClient, idIn, startAdapter } from "../support/fhir-over-http.ts";
import { henrick } from "../support/registration-harness.ts";
import { synthesisedApp } from "../support/synthesised-app.ts";

/** Function and action, of every call to AWS. */
const used = new Map<string, Set<string>>();
let twin: Twin;
let template: Template;

beforeAll(async () => {
  template = readStack(await synthesisedApp(), "beta").template;
  twin = await startAdapter({
    onAwsCall(call) {
      const actions = used.get(call.caller) ?? new Set();
      used.set(call.caller, actions);
      for (const { action } of accessesOf(call)) {
        actions.add(action);
      }
    },
  });
  const client = fhirClient(twin.url);
  const patient = henrick();
  const id = idIn((await client.create(patient)).headers);
  await client.read(id);
  const [{ system, value } = {}] = patient.identifier ?? [];
  await client.search(`?identifier=${encodeURIComponent(`${system}|${value}`)}`);
  await client.update({ ...patient, id, telecom: [{ system: "email", value: "henrick@example.org" }] });
  const patch = [{ op: "replace", path: "/telecom/0/value", value: "testingson@example.org" }];
  await client.send("PATCH", `/Patient/${id}`, {
    body: patch,
    headers: { "Content-Type": "application/json-patch+json" },
  });
  await client.send("POST", `/Patient/$to-particle?patient=${id}`, { body: { ...patient, id } });
  const entry = [{ request: { method: "GET", url: `Patient/${id}` } }];
  await client.send("POST", "/", { body: { resourceType: "Bundle", type: "batch", entry } });
  await client.remove(id);
}, 120_000);
afterAll(() => twin?.close());

const actionsOf = (name: string): string[] => [...(used.get(name) ?? [])].sort();
const audit = ["logs:CreateLogStream", "logs:PutLogEvents"];

describe("the calls of the functions to AWS", () => {
  it("are seen, those of every function that makes any", () => {
    const functions = twin.deployment.functions.map(({ name }) => name);
    const silent = functions.filter((name) => !used.has(name));
    expect(silent.sort()).toEqual(["AnswerUnrouted", "DescribeCapabilities"]);
  });

  it.each([
    ["ReadPatient", ["dynamodb:GetItem", ...audit, "secretsmanager:GetSecretValue"]],
    ["SearchPatients", ["dynamodb:BatchGetItem", "dynamodb:Query", ...audit, "secretsmanager:GetSecretValue"]],
    ["PatientOperation", ["dynamodb:GetItem", ...audit, "secretsmanager:GetSecretValue"]],
    ["RefreshToken", ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]],
  ])("of %s are all that it may call, and need it", (name, actions) => {
    expect(actionsOf(name)).toEqual(actions);
  });

  it("are refused where the policy of the function does not name the action and the resource", () => {
    const isAllowed = permissionsIn(template);
    const table = `arn:aws:dynamodb:us-east-1:000000000000:table/${twin.tableName}`;
    expect(isAllowed("ReadPatient", { action: "dynamodb:GetItem", resource: table })).toBe(true);
    expect(isAllowed("ReadPatient", { action: "dynamodb:PutItem", resource: table })).toBe(false);
    expect(isAllowed("ReadPatient", { action: "dynamodb:GetItem", resource: `${table}2` })).toBe(false);
    expect(isAllowed("SearchPatients", { action: "dynamodb:Query", resource: `${table}/index/open-operations` })).toBe(
      false,
    );
    expect(isAllowed("AnswerUnrouted", { action: "dynamodb:GetItem", resource: table })).toBe(false);
  });
});
