import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { faultRuleSchema } from "../../../local/particle/fault-rules.ts";
import { defaultSwitches } from "../../../local/particle/switches.ts";
import type { Failure, Fault, IssueCode } from "../../../shared/failure/failure.ts";
import { BUG, renderFailure } from "../../../shared/fhir/operation-outcome.ts";
import { routes } from "../../../shared/http/routes.ts";
import { resourcesOf, synthesisedStage } from "../../infra/test-app.ts";
import { files, pages, readPage, withGeneratedParts } from "../../support/generate-docs.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const FILES = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...["architecture", "clients", "deploy", "local", "mapping", "registration", "runbook"].map(
    (name) => `docs/${name}.md`,
  ),
];

/** The rows of the table whose first head is `head`; `nth` where a page has several. */
function rowsOf(page: string, head: string, nth = 0): string[][] {
  const [, table = ""] = page.split(new RegExp(`^\\| ${head} \\|.*\\n\\|[-| ]+\\|\\n`, "m")).slice(nth);
  return table
    .slice(0, table.search(/\n(?!\|)|$(?!\n)/))
    .split("\n")
    .map((line) => line.split("|").slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

const unquoted = (cell: string | undefined): string[] =>
  [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, text]) => text!);

describe.each(pages)("$file", (page) => {
  it("says of the code what the generator writes today", () => {
    expect(readPage(page.file)).toBe(withGeneratedParts(page));
  });
});

it.each(files)("$file says what the code says today", ({ file, text }) => {
  expect(readPage(file)).toBe(text());
});

describe.each(FILES)("%s", (file) => {
  const page = readPage(file);

  it("links to files and headings that are there", () => {
    const anchorOf = (heading: string) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-");
    const dead = [...page.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].filter(([, path = "", anchor]) => {
      const target = path === "" ? file : normalize(join(dirname(file), path));
      const anchors = () => [...readPage(target).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading!));
      return !existsSync(join(root, target)) || (anchor !== undefined && !anchors().includes(anchor));
    });
    expect(dead.map(([link]) => link)).toEqual([]);
  });

  it("names folders and files that are there", () => {
    const named = [...page.matchAll(/`((?:functions|shared|infra|local|test|docs)\/[\w./-]*)`/g)].map(
      ([, path]) => path!,
    );
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe("the failures of docs/clients.md", () => {
  const page = readPage("docs/clients.md");
  const pairs = (rows: readonly (readonly string[])[]) =>
    rows.flatMap(([status, codes]) => unquoted(codes).map((code) => `${status} ${code}`));
  const unique = (all: readonly string[]) => [...new Set(all)].sort();

  const faults = (...codes: readonly IssueCode[]): Fault[] =>
    codes.map((code) => ({ severity: "error", code, diagnostics: "A sentence." }));
  const INVALID = ["structure", "required", "value", "invariant", "code-invalid"] as const;
  /** One of each kind; where a kind has issues of the caller's choice, with all that it is used with. */
  const EXAMPLES: { readonly [Kind in Failure["kind"]]: Extract<Failure, { kind: Kind }> } = {
    invalid: { kind: "invalid", faults: faults(...INVALID) },
    unprocessable: {
      kind: "unprocessable",
      faults: faults(...INVALID, "business-rule", "extension", "too-costly"),
    },
    "too-large": { kind: "too-large", limitBytes: 1 },
    "unsupported-media-type": { kind: "unsupported-media-type" },
    "not-acceptable": { kind: "not-acceptable" },
    "not-found": { kind: "not-found", reason: "patient" },
    deleted: { kind: "deleted" },
    "method-not-allowed": { kind: "method-not-allowed", allow: ["GET"] },
    "version-conflict": { kind: "version-conflict" },
    "already-there": { kind: "already-there" },
    "multiple-matches": { kind: "multiple-matches" },
    duplicate: { kind: "duplicate", holder: "one" },
    "overlay-suspected": { kind: "overlay-suspected", fields: ["gender"] },
    "particle-overlay": { kind: "particle-overlay" },
    "in-flight": { kind: "in-flight", retryAfterSeconds: 1 },
    "particle-rejected": { kind: "particle-rejected", refused: "demographics" },
    unauthenticated: { kind: "unauthenticated" },
    forbidden: { kind: "forbidden", scopes: ["system/Patient.r"] },
    "particle-throttled": { kind: "particle-throttled", retryAfterSeconds: 1 },
    "particle-unintelligible": { kind: "particle-unintelligible" },
    "particle-unavailable": { kind: "particle-unavailable", retryAfterSeconds: 1 },
    "particle-refuses-token": { kind: "particle-refuses-token", retryAfterSeconds: 1 },
    "store-unavailable": { kind: "store-unavailable", retryAfterSeconds: 1 },
    "outcome-unknown": { kind: "outcome-unknown", retryAfterSeconds: 1 },
  };

  it("are those of the failure table, all of them and no others", () => {
    const rendered = [...Object.values(EXAMPLES).map(renderFailure), BUG];
    const real = rendered.flatMap(({ status, outcome }) => outcome.issue.map(({ code }) => `${status} ${code}`));
    expect(unique(pairs(rowsOf(page, "status", 1)))).toEqual(unique(real));
  });

  it("say repeat after Retry-After exactly where there is one", () => {
    const withHeader = Object.values(EXAMPLES)
      .map(renderFailure)
      .filter(({ headers }) => headers["Retry-After"] !== undefined)
      .flatMap(({ status, outcome }) => outcome.issue.map(({ code }) => `${status} ${code}`));
    const told = rowsOf(page, "status", 1).filter(([, , , advice]) => advice?.includes("`Retry-After`"));
    expect(unique(pairs(told))).toEqual(unique(withHeader));
  });

  it("are, for the gateway, those of its responses, all of them and no others", () => {
    const responses = Object.values(
      resourcesOf(synthesisedStage("beta").template, "AWS::ApiGateway::GatewayResponse"),
    ).map(({ Properties }) => {
      const [issue] = JSON.parse(Properties.ResponseTemplates["application/json"]).issue;
      const status = Properties.StatusCode ?? Properties.ResponseType.replace(/^DEFAULT_(\d)XX$/, "$1xx");
      return `${status} ${issue.code}`;
    });
    expect(responses.length).toBeGreaterThan(10);
    expect(unique(pairs(rowsOf(page, "status", 2)))).toEqual(unique(responses));
  });

  it("lists as not offered nothing that is", () => {
    const offered = routes.map(({ method, path }) => `${method} ${path}`);
    const denied = rowsOf(page, "request", 1).flatMap(([request]) => unquoted(request));
    expect(denied.length).toBeGreaterThan(0);
    expect(denied.filter((request) => offered.includes(request))).toEqual([]);
  });
});

describe("docs/local.md", () => {
  const page = readPage("docs/local.md");

  it("names the switches of the simulator and their defaults", () => {
    const documented = rowsOf(page, "switch").map(([name, value]) => [
      unquoted(name)[0],
      JSON.parse(unquoted(value)[0]!),
    ]);
    expect(Object.fromEntries(documented)).toEqual(defaultSwitches);
  });

  it("names the faults of the simulator and their own settings", () => {
    const shared = ["fault", "methods", "paths", "skip", "times", "probability", "seed"];
    const real = faultRuleSchema.options.map(({ entries }) => [
      entries.fault.literal,
      Object.keys(entries).filter((name) => !shared.includes(name)),
    ]);
    const documented = rowsOf(page, "fault").map(([name, , settings]) => [unquoted(name)[0], unquoted(settings)]);
    expect(documented).toEqual(real);
  });

  it("names the options of npm start", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ["local/start.ts", "--help"], { cwd: root });
    const options = [...stdout.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, option]) => option);
    expect(rowsOf(page, "option").map(([option]) => unquoted(option)[0])).toEqual(options);
  });
});

describe("docs/deploy.md", () => {
  const { template } = synthesisedStage("beta");
  const page = readPage("docs/deploy.md");

  it("names the outputs of the stack", () => {
    const named = [...page.matchAll(/\$\(output (\w+)\)|output `(\w+)`/g)].map(([, one, other]) => one ?? other!);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !(name in template.findOutputs("*")))).toEqual([]);
  });

  it("finds refresh-token by its logical id, and nothing else", () => {
    const [, prefix = ""] = /starts_with\(LogicalResourceId, '(\w+)'\)/.exec(page) ?? [];
    const found = Object.keys(resourcesOf(template, "AWS::Lambda::Function")).filter((id) => id.startsWith(prefix));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/RefreshToken/);
  });
});

describe("docs/runbook.md", () => {
  const page = readPage("docs/runbook.md");
  const [, ...articles] = [...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading!);
  const descriptions = Object.values(resourcesOf(synthesisedStage("beta").template, "AWS::CloudWatch::Alarm")).map(
    ({ Properties }) => Properties.AlarmDescription as string,
  );

  it("has one article for each alarm of the template, and an alarm for each article", () => {
    const named = descriptions.map((text) => /^([\w ]+?)(?:: [\w-]+)? \((?:high|medium)\)\. /.exec(text)?.[1]);
    expect(new Set(articles).size).toBe(articles.length);
    expect([...new Set(named)].sort()).toEqual([...articles].sort());
  });

  it("is where the description of each alarm says", () => {
    const anchors = articles.map((heading) => heading.toLowerCase().replaceAll(" ", "-"));
    for (const text of descriptions) {
      expect(anchors).toContain(/Runbook: docs\/runbook\.md#([\w-]+)$/.exec(text)?.[1]);
    }
  });

  it("asks in each article how to look and what to do", () => {
    const [, , ...texts] = page.split(/^## /m);
    for (const text of texts) {
      expect(text).toMatch(/How to look:|what to do \|/);
      expect(text, text.slice(0, 30)).toMatch(/[Ww]hat to do|If it is,/);
    }
  });

  it("says of each reason to refuse a token what it means", () => {
    const [, union = ""] = readFileSync(join(root, "shared/sign-in/refusal.ts"), "utf8").split(
      /export type Refusal =|;/,
    );
    const reasons = [...union.matchAll(/"([\w-]+)"/g)].map(([, reason]) => reason!);
    expect(reasons.length).toBeGreaterThan(5);
    expect(
      rowsOf(page, "`refusal`")
        .map(([reason]) => unquoted(reason)[0])
        .sort(),
    ).toEqual(reasons.sort());
  });

  it("looks for lines and fields that the log has", () => {
    const log = readFileSync(join(root, "shared/runtime/log.ts"), "utf8");
    const listed = rowsOf(page, "`message`").map(([code]) => unquoted(code)[0]!);
    const asked = [...page.matchAll(/message = "([\w-]+)"/g)].map(([, code]) => code!);
    const written = [...log.matchAll(/code: ((?:"[\w-]+"(?: \| )?)+)/g)].flatMap(([, all]) => all!.match(/[\w-]+/g)!);
    const known = [...new Set(written)];
    expect([...listed].sort()).toEqual([...known].sort());
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((code) => !known.includes(code))).toEqual([]);
  });
});
