import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";
import { bundleOptions, entryOf } from "../../infra/constructs/bundled-handler.ts";
import packageJson from "../../package.json" with { type: "json" };

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "bills-"));
afterAll(() => rmSync(folder, { recursive: true }));

type Bill = {
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly components: readonly { readonly name: string; readonly version: string }[];
};

execFileSync(process.execPath, ["infra/bills-of-materials.ts", folder], { cwd: root, stdio: "pipe" });
const bill = (name: string): Bill => JSON.parse(readFileSync(join(folder, `${name}.cdx.json`), "utf8"));
const named = ({ components }: Bill) => components.map(({ name, version }) => `${name}@${version}`);

/** Name and version of every package from which a file is in one of the functions. */
function bundled(): readonly string[] {
  const { metafile } = buildSync({
    ...bundleOptions,
    entryPoints: readdirSync(join(root, "functions")).map(entryOf),
    outdir: "out",
    write: false,
    metafile: true,
  });
  const parts = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = parts.flatMap((part) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(part)?.[0] ?? []);
  return [...new Set(folders)].map((path) => {
    const { name, version } = JSON.parse(readFileSync(join(root, path, "package.json"), "utf8"));
    return `${name}@${version}`;
  });
}

describe("the bills of materials", () => {
  it.each(["deployed", "all"])("of what is %s is that of this package", (name) => {
    expect(bill(name).metadata.component).toMatchObject({ name: packageJson.name, version: packageJson.version });
  });

  it("of what is deployed names each package of which something is in a function", () => {
    const packages = bundled();
    expect(packages.length).toBeGreaterThan(10);
    expect(packages.filter((one) => !named(bill("deployed")).includes(one))).toEqual([]);
  });

  it("of what is deployed names no tool, and that of all names everything", () => {
    const deployed = named(bill("deployed"));
    expect(deployed.filter((one) => /^(aws-cdk-lib|constructs|esbuild|vitest)@/.test(one))).toEqual([]);
    expect(named(bill("all"))).toEqual(expect.arrayContaining(deployed));
    expect(named(bill("all"))).toContain(`esbuild@${packageJson.devDependencies.esbuild}`);
  });
});
