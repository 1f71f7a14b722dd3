import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

type Manifest = {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
};
type Locked = {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly integrity?: string;
  readonly inBundle?: boolean;
};

const read = (file: string) => JSON.parse(readFileSync(new URL(`../../${file}`, import.meta.url), "utf8"));
const manifest: Manifest = read("package.json");
const { "": root, ...locked }: Record<string, Locked> = read("package-lock.json").packages;
const packages = Object.entries(locked).map(([path, entry]) => ({
  name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length),
  ...entry,
}));

/** SPDX identifiers, https://spdx.org/licenses/: what may be part of a deployed function, which is redistributed. */
const DEPLOYED = ["0BSD", "Apache-2.0", "MIT", "MIT-0"];

/** And of what only builds and tests. MPL-2.0 and the like bind changes of the library itself, which we make none of. */
const TOOLS = [
  ...DEPLOYED,
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MPL-2.0",
  "MIT OR Apache-2.0",
  "(MIT OR GPL-3.0-or-later)",
];

describe("dependencies", () => {
  it("are pinned to one version each", () => {
    const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.overrides };
    const loose = Object.entries(all).filter(([, version]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+$/.test(version));
    expect(loose).toEqual([]);
  });

  it("are locked as they are pinned, with a checksum", () => {
    expect(root).toMatchObject({ dependencies: manifest.dependencies, devDependencies: manifest.devDependencies });
    expect(packages.filter(({ integrity, inBundle }) => !integrity && !inBundle)).toEqual([]);
  });

  it.each([
    ["the deployed functions", false, DEPLOYED],
    ["tools and tests", true, TOOLS],
  ])("of %s have a licence that is allowed", (_, tools, allowed) => {
    const chosen = packages.filter(({ dev = false, devOptional = false }) => (dev || devOptional) === tools);
    expect(chosen.length).toBeGreaterThan(0);
    const others = chosen.filter(({ license }) => license === undefined || !allowed.includes(license));
    expect(others.map(({ name, license }) => `${name}: ${license}`)).toEqual([]);
  });

  // By name: the lock says which version. npm matches `name@version` only where a lock names the registry, too.
  it("run scripts when they are installed only where package.json says so", () => {
    const scripted = packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name);
    expect(Object.keys(manifest.allowScripts).sort()).toEqual(scripted.sort());
  });
});
