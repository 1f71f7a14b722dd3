import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { ComparedResource, ComparedTemplate } from "../../infra/compared-template.ts";
import { lossesOf } from "../../infra/release-losses.ts";
import { waivers } from "../../infra/release-waivers.ts";
import { type Waiver, waivedIds } from "../../infra/waived-losses.ts";
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
  return properties === undefined
    ? { ...deployed, Resources: others }
    : withAttributes(id, { Properties: { ...resource!.Properties, ...properties } });
}

/** The deployed template with other attributes of one resource: what stands beside its properties. */
const withAttributes = (id: string, attributes: Partial<ComparedResource>): ComparedTemplate => ({
  ...deployed,
  Resources: { ...deployed.Resources, [id]: { ...deployed.Resources![id]!, ...attributes } },
});

/** Functions with this table in place of the deployed one, wherever their environment refers to it. */
function withFunctionsPointedAt(table: unknown, only?: string): ComparedTemplate {
  const functions = Object.entries(resourcesOf(templates.beta, "AWS::Lambda::Function")).filter(
    ([id, { Properties }]) =>
      Properties.Environment?.Variables.TABLE_NAME !== undefined && (only === undefined || id === only),
  );
  expect(functions.length).toBeGreaterThan(0);
  return {
    ...deployed,
    Resources: {
      ...deployed.Resources,
      ...Object.fromEntries(
        functions.map(([id, { Type, Properties }]) => {
          const Variables = { ...Properties.Environment.Variables, TABLE_NAME: table };
          return [id, { Type, Properties: { ...Properties, Environment: { Variables } } }];
        }),
      ),
    },
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
    ["no protection from deletion", TABLE, { DeletionProtectionEnabled: false }],
    ["a local index", TABLE, { LocalSecondaryIndexes: [{ IndexName: "local" }] }],
    [
      "another type of an attribute that only an index uses",
      TABLE,
      {
        AttributeDefinitions: definitions.map((definition) => ({ ...definition, AttributeType: "B" })),
        KeySchema: deployed.Resources![TABLE]!.Properties!["KeySchema"],
      },
    ],
    ["a key that is disabled", KEY, { Enabled: false }],
    ["a property that a condition decides", DIGEST_KEY, { Description: { "Fn::If": ["Some", "one", "other"] } }],
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
    ["another policy", KEY, { KeyPolicy: {} }],
    ["a key that is enabled, as it was", KEY, { Enabled: true }],
  ])("with %s is none", (_, id, properties) => {
    expect(losses(withResource(id, properties))).toEqual([]);
  });
});

describe.each([
  ["the table", TABLE],
  ["a secret", DIGEST_KEY],
  ["the key", KEY],
])("a release by which %s stays, but less surely,", (_, id) => {
  it.each([
    ["DeletionPolicy", { DeletionPolicy: "Delete" }],
    ["DeletionPolicy", { DeletionPolicy: undefined }],
    ["UpdateReplacePolicy", { UpdateReplacePolicy: "Snapshot" }],
    ["condition", { Condition: "Some" }],
  ])("for its %s, loses it", (what, attributes) => {
    expect(losses(withAttributes(id, attributes))).toEqual([
      { logicalId: id, type: deployed.Resources![id]!.Type, because: expect.stringContaining(what) },
    ]);
  });

  it("loses it where a condition that it had says something else", () => {
    const conditional = {
      ...withAttributes(id, { Condition: "Some" }),
      Conditions: { Some: { "Fn::Equals": [1, 1] } },
    };
    const next = { ...conditional, Conditions: { Some: { "Fn::Equals": [1, 2] } } };
    expect(lossesOf(conditional, conditional, STACK, [], TODAY)).toEqual([]);
    expect(lossesOf(conditional, next, STACK, [], TODAY).map(({ logicalId }) => logicalId)).toEqual([id]);
    expect(lossesOf(conditional, deployed, STACK, [], TODAY)).toEqual([]);
  });

  it("loses nothing where it is kept as well by the other word for it", () => {
    expect(losses(withAttributes(id, { DeletionPolicy: "RetainExceptOnCreate" }))).toEqual([]);
  });
});

describe("a table in several regions", () => {
  const replica = (Region: unknown, more: object = {}) => ({ Region, DeletionProtectionEnabled: true, ...more });
  const here = { Ref: "AWS::Region" };
  const table = (properties: object): ComparedTemplate => ({
    Resources: {
      Table: {
        Type: "AWS::DynamoDB::GlobalTable",
        Properties: { KeySchema: [], Replicas: [replica(here), replica("us-west-2")], ...properties },
      },
    },
  });
  const lost = (next: ComparedTemplate) => lossesOf(table({}), next, STACK, [], TODAY).map(({ because }) => because);

  it("is protected as one table is", () => {
    expect(lost(table({}))).toEqual([]);
    expect(lost({ Resources: {} })).toEqual(["it is no longer in the template"]);
    expect(lost(table({ TableName: "mappings" }))).toHaveLength(1);
    expect(lost(table({ KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }] }))).toHaveLength(1);
  });

  it("loses no region, and none its protection", () => {
    expect(lost(table({ Replicas: [replica("us-west-2"), replica(here), replica("us-east-2")] }))).toEqual([]);
    expect(lost(table({ Replicas: [replica(here)] }))).toEqual(["a region loses its replica"]);
    const unprotected = replica("us-west-2", { DeletionProtectionEnabled: false });
    expect(lost(table({ Replicas: [replica(here), unprotected] }))).toEqual([
      "it is no longer protected from deletion",
    ]);
  });
});

describe("a release that leaves everything in place and", () => {
  it.each([
    ["another table of the stack", { Ref: "OtherTable" }],
    ["a table of another stack", "mappings"],
    ["what an import says", { "Fn::ImportValue": "OtherTable" }],
  ])("points the functions at %s loses the table", (_, table) => {
    const found = losses(withFunctionsPointedAt(table));
    expect([...new Set(found.map(({ logicalId }) => logicalId))]).toEqual([TABLE]);
    expect(found[0]?.because).toMatch(/^TABLE_NAME of \w+ no longer points to it$/);
  });

  it("points one of the functions elsewhere loses the table", () => {
    const one = idOf("AWS::Lambda::Function", "CreatePatient");
    expect(losses(withFunctionsPointedAt("mappings", one))).toEqual([
      { logicalId: TABLE, type: "AWS::DynamoDB::Table", because: `TABLE_NAME of ${one} no longer points to it` },
    ]);
  });

  it("has no function left that knows the table loses it", () => {
    const others = Object.entries(deployed.Resources!).filter(([, { Type }]) => Type !== "AWS::Lambda::Function");
    const next = { ...deployed, Resources: Object.fromEntries(others) };
    expect(losses(next)).toContainEqual({
      logicalId: TABLE,
      type: "AWS::DynamoDB::Table",
      because: "no function points to it any more",
    });
  });

  it.each([{ "Fn::Sub": `\${${TABLE}}` }, { "Fn::Join": ["", [{ Ref: TABLE }]] }])(
    "writes the same reference as %j loses nothing",
    (table) => expect(losses(withFunctionsPointedAt(table))).toEqual([]),
  );

  it("takes a variable from one function that another one keeps loses nothing", () => {
    const one = idOf("AWS::Lambda::Function", "CreatePatient");
    const { Environment: _, ...properties } = deployed.Resources![one]!.Properties!;
    expect(losses(withAttributes(one, { Properties: properties }))).toEqual([]);
  });
});

describe("a nested stack, which is not looked into,", () => {
  const nested = (url: string): ComparedTemplate => ({
    Resources: {
      ...deployed.Resources,
      Nested: { Type: "AWS::CloudFormation::Stack", Properties: { TemplateURL: url } },
    },
  });

  it("is a loss where it appears, changes or disappears, and none where it stays as it is", () => {
    const lost = (before: ComparedTemplate, next: ComparedTemplate) =>
      lossesOf(before, next, STACK, [], TODAY).map(({ logicalId }) => logicalId);
    expect(lost(deployed, nested("one"))).toEqual(["Nested"]);
    expect(lost(nested("one"), nested("two"))).toEqual(["Nested"]);
    expect(lost(nested("one"), deployed)).toEqual(["Nested"]);
    expect(lost(nested("one"), nested("one"))).toEqual([]);
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

  it.each(["never", "", "2026/11/22", "2026-11-2", "2026-02-30", "9999-99-99", "2026-11-22T00:00:00Z", "20261122"])(
    "that ends on %j stops every release",
    (until) => {
      expect(() => losses(deployed, [{ ...waiver, until, stackName: "prod-FhirParticleAdapter" }])).toThrow(
        /YYYY-MM-DD/,
      );
    },
  );

  it("ends within 30 days", () => {
    expect(losses(withResource(TABLE), [{ ...waiver, until: "2026-12-22" }])).toEqual([]);
    expect(() => losses(deployed, [{ ...waiver, until: "2026-12-23" }])).toThrow(/30 days/);
  });

  it("has a day and a reason", () => {
    expect(() => waivedIds(waivers, STACK, new Date().toISOString().slice(0, 10))).not.toThrow();
    for (const { reason } of waivers) {
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
  const check = (
    cli: string,
    ...more: readonly string[]
  ): Promise<{ code: number; stdout: string; stderr: string }> => {
    writeFileSync(join(directory, "aws"), `#!/bin/sh\n${cli}\n`, { mode: 0o755 });
    const env = { PATH: `${directory}:${process.env["PATH"]}` };
    const args = ["infra/check-release.ts", "--stack-name", STACK, "--template", next, ...more];
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

  it("passes where the stack is not there only when it may be new", async () => {
    const answer = `An error occurred (ValidationError) when calling the GetTemplate operation: Stack with id ${STACK} does not exist`;
    const cli = `echo '${answer}' >&2; exit 254`;
    expect(await check(cli)).toMatchObject({ code: 1, stdout: expect.stringContaining("--allow-new") });
    const { code, stdout } = await check(cli, "--allow-new");
    expect(stdout).toBe(`${STACK} is new: there is nothing to keep.\n`);
    expect(code).toBe(0);
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
