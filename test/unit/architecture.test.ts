import { globSync } from "node:fs";
import { createRequire } from "node:module";
import { cruise, type IConfiguration, type IReporterOutput } from "dependency-cruiser";
import extractTSConfig from "dependency-cruiser/config-utl/extract-ts-config";
import { describe, expect, it } from "vitest";

const { options, ...ruleSet }: IConfiguration = createRequire(import.meta.url)("../../.dependency-cruiser.cjs");

const folders = ["functions", "shared", "infra", "local"];

async function cruised(): Promise<Exclude<IReporterOutput["output"], string>> {
  const { output } = await cruise(folders, { ...options, ruleSet, validate: true }, undefined, {
    tsConfig: extractTSConfig("tsconfig.json"),
  });
  if (typeof output === "string") {
    throw new Error("Expected the result as an object.");
  }
  return output;
}

describe("architecture", () => {
  it("keeps to the arrows between its layers", { timeout: 60_000 }, async () => {
    const { modules, summary } = await cruised();
    const own = modules
      .map(({ source }) => source)
      .filter((source) => /^(functions|shared|infra|local)\//.test(source));
    // A cruiser that reads no TypeScript finds no violation either.
    const files = globSync(folders.map((folder) => `${folder}/**/*.ts`));
    expect(own.length).toBeGreaterThanOrEqual(files.length);
    expect(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
  });
});
