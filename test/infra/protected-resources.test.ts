import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type ComparedTemplate, lossesOf, type Waiver } from "../../infra/protected-resources.ts";
import { waivers } from "../../infra/release-waivers.ts";
import { resourcesOf, stageNames, synthesisedStages } from "./test-app.ts";

const templates = synthesisedStages();
const deployed = templates.beta.toJSON() as ComparedTemplate;
const idOf = (type: string, name = ""): string =>
  Object.keys(resourcesOf(templates.beta, type)).find((id) => id.includes(name))!;
const TABLE = idOf("AWS::DynamoDB::Table");
const DIGEST_KEY = idOf("AWS::SecretsManager::Secret", "DigestKey");
const KEY = idOf("AWS::KMS::Key");

const STACK = "beta-FhirParticleAdapter";
const TODAY = "2026-11-22";
const losses = (next: ComparedTemplate, released: readonly Waiver[] = []) =>
  lossesOf(deployed, next, STACK, released, TODAY);

/** The deployed template with other properties of one resource, or without it. */
function withResource(id: string, properties?: Record<string, unknown>): ComparedTemplate {
  const { [id]: resource, ...others } = deployed.Resources!;
  return {
    Resources:
      properties === undefined
        ? others
        : { ...others, [id]: { ...resource!, Properties: { ...resource!.Properties, ...properties } } },
  };
}

describe("a release", () => {
  it.each(stageNames)("of the same template loses nothing of %s", (name) => {
    const template = templates[name].toJSON() as ComparedTemplate;
    expect(lossesOf(template, template, STACK, [], TODAY)).toEqual([]);
  });

  it("to an account without the stack loses nothing", () => {
    expect(lossesOf({}, deployed, STACK, [], TODAY)).toEqual([]);
  });

  it.each([TABLE, DIGEST_KEY, KEY])("without %s loses it", (id) => {
    expect(losses(withResource(id))).toEqual([
      { logicalId: id, type: deployed.Resources![id]!.Type, because: "it is no longer in the template" },
    ]);
  });

  it("that gives the place of a resource to another type loses it", () => {
    const next = { Resources: { ...deployed.Resources, [TABLE]: { Type: "AWS::DynamoDB::GlobalTable" } } };
    expect(losses(next).map(({ logicalId }) => logicalId)).toEqual([TABLE]);
  });

  const definitions = deployed.Resources![TABLE]!.Properties!["AttributeDefinitions"] as object[];

  it.each([
    ["another name of the table", TABLE, { TableName: "mappings" }],
    ["other keys of the table", TABLE, { KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }] }],
    [
      "another type of a key attribute",
      TABLE,
      { AttributeDefinitions: [{ AttributeName: "pk", AttributeType: "B" }, ...definitions.slice(1)] },
    ],
    ["another name of a secret", DIGEST_KEY, { Name: "digest-key" }],
    ["another way to generate a secret", DIGEST_KEY, { GenerateSecretString: { PasswordLength: 65 } }],
    ["a value in place of a generated one", DIGEST_KEY, { SecretString: "{}" }],
    ["a key for several regions", KEY, { MultiRegion: true }],
  ])("with %s is a loss", (_, id, properties) => {
    const found = losses(withResource(id, properties));
    expect([...new Set(found.map(({ logicalId }) => logicalId))]).toEqual([id]);
  });

  it.each([
    [
      "an attribute for another index",
      TABLE,
      { AttributeDefinitions: [...definitions, { AttributeName: "x", AttributeType: "S" }] },
    ],
    ["another description", DIGEST_KEY, { Description: "Keys" }],
    ["no protection from deletion", TABLE, { DeletionProtectionEnabled: false }],
    ["another policy", KEY, { KeyPolicy: {} }],
  ])("with %s is none", (_, id, properties) => {
    expect(losses(withResource(id, properties))).toEqual([]);
  });
});

describe("a waiver", () => {
  const waiver: Waiver = { stackName: STACK, logicalId: TABLE, until: TODAY, reason: "moved to another account" };

  it("lets its resource go until its last day", () => {
    expect(losses(withResource(TABLE), [waiver])).toEqual([]);
    expect(losses(withResource(TABLE), [{ ...waiver, until: "2026-11-21" }])).toHaveLength(1);
  });

  it("holds for its stack and its resource only", () => {
    expect(losses(withResource(TABLE), [{ ...waiver, stackName: "prod-FhirParticleAdapter" }])).toHaveLength(1);
    expect(losses(withResource(KEY), [waiver])).toHaveLength(1);
  });

  it("has a day and a reason", () => {
    for (const { until, reason } of waivers) {
      expect(until).toMatch(/^\d{4}-\d{2}-\d{2}$/);
      expect(reason.length).toBeGreaterThan(20);
    }
  });
});

describe("npm run check:release", () => {
  const directory = mkdtempSync(join(tmpdir(), "check-release-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  const next = join(directory, "next.template.json");
  writeFileSync(next, JSON.stringify(withResource(TABLE)));

  /** Runs it with an AWS CLI that answers this, as the shell of the pipeline finds the real one. */
  const check = (cli: string): Promise<{ code: number; stdout: string; stderr: string }> => {
    writeFileSync(join(directory, "aws"), `#!/bin/sh\n${cli}\n`, { mode: 0o755 });
    const env = { PATH: `${directory}:${process.env["PATH"]}` };
    const args = ["infra/check-release.ts", "--stack-name", STACK, "--template", next];
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        args,
        { cwd: fileURLToPath(new URL("../..", import.meta.url)), env },
        (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), stdout: out, stderr: err }),
      );
    });
  };

  it("asks the AWS CLI what is deployed, and fails with what would be lost", async () => {
    const current = join(directory, "deployed.json");
    writeFileSync(current, JSON.stringify(deployed));
    const cli = `[ "$*" = "cloudformation get-template --stack-name ${STACK} --query TemplateBody --output json" ] && cat ${current}`;
    const { code, stdout } = await check(cli);
    expect(stdout).toContain(`${STACK} would lose ${TABLE} (AWS::DynamoDB::Table): it is no longer in the template.`);
    expect(code).toBe(1);
  });

  it("passes where the stack is not there yet", async () => {
    const answer = `An error occurred (ValidationError) when calling the GetTemplate operation: Stack with id ${STACK} does not exist`;
    expect(await check(`echo '${answer}' >&2; exit 254`)).toMatchObject({ code: 0 });
  });

  it("fails where it does not understand what is deployed", async () => {
    const { code, stderr } = await check(`echo '"Resources:"'`);
    expect(stderr).toContain("no template");
    expect(code).toBe(1);
  });

  it("fails where it may not look", async () => {
    const answer = "An error occurred (AccessDenied) when calling the GetTemplate operation: not authorized";
    const { code, stderr } = await check(`echo '${answer}' >&2; exit 254`);
    expect(stderr).toContain("AccessDenied");
    expect(code).toBe(1);
  });
});
