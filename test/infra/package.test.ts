import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "consumer-"));
const installed = join(home, "node_modules", packageJson.name);
afterAll(() => rmSync(home, { recursive: true }));

/** The app of another team, with nothing but what is required. */
const APP = `
import { App, Stack } from "aws-cdk-lib";
import { FhirParticleAdapter, type FhirParticleAdapterProps } from "fhir-particle-adapter";

const props: FhirParticleAdapterProps = { particle: { baseUrl: "https://sandbox.particlehealth.com" } };
const app = new App({ outdir: "out", analyticsReporting: false, builtinCloudFormationValidation: false });
const adapter = new FhirParticleAdapter(new Stack(app, "Stack"), "Adapter", props);
const url: string = adapter.url;
// @ts-expect-error: it has types, and these find mistakes.
const wrong: FhirParticleAdapterProps = { particle: { baseUrl: 443 } };
app.synth();
`;

const COMPILER_OPTIONS = {
  strict: true,
  module: "nodenext",
  noEmit: true,
  types: [],
  // Types of the package that cannot be read would be none, and the mistake in the app would pass.
  skipLibCheck: true,
  // Half of the work is to read the types of all services.
  paths: { "aws-cdk-lib": ["./node_modules/aws-cdk-lib/core/index.d.ts"] },
};

// What npm would install for the consumer, from where it lies here; esbuild and other tools are not among it.
const NEEDED = Object.keys({ ...packageJson.dependencies, ...packageJson.peerDependencies });

beforeAll(async () => {
  await run("npm", ["pack", "--pack-destination", home], { cwd: root });
  const [tarball = ""] = readdirSync(home).filter((file) => file.endsWith(".tgz"));
  await run("tar", ["-xzf", tarball], { cwd: home });
  cpSync(join(home, "package"), installed, { recursive: true });
  for (const name of NEEDED) {
    const link = join(home, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, "node_modules", name), link);
  }
  writeFileSync(join(home, "app.ts"), APP);
  writeFileSync(join(home, "package.json"), '{ "type": "module" }');
  writeFileSync(join(home, "tsconfig.json"), JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: ["app.ts"] }));
}, 120_000);

describe("the packed construct", () => {
  it("is compiled code, its types and the bundled functions, and nothing else", () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const names = files.map(({ parentPath, name }) => join(parentPath, name).slice(installed.length + 1));
    const rest = names.filter((name) => !/^dist\/(infra|shared)\/.*\.(js|d\.ts)$|^dist\/handlers\//.test(name));
    expect(rest.sort()).toEqual(["LICENSE", "README.md", "package.json"]);
    expect(readdirSync(join(installed, "dist/handlers")).sort()).toEqual(readdirSync(join(root, "functions")).sort());
  });

  it("type-checks and synthesises in an app of somebody else, with what is required and no more", async () => {
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    await Promise.all([
      run(process.execPath, [tsc, "-p", home]),
      run(process.execPath, ["app.ts"], { cwd: home, env: { PATH: process.env["PATH"] } }),
    ]).catch((error: { stdout?: string; stderr?: string }) => expect.fail(`${error.stdout}${error.stderr}`));
    const assets = readdirSync(join(home, "out")).filter((name) => name.startsWith("asset."));
    const codes = assets.flatMap((asset) =>
      readdirSync(join(home, "out", asset)).includes("index.js.map")
        ? [readFileSync(join(home, "out", asset, "index.js"), "utf8")]
        : [],
    );
    const packed = (name: string) => readFileSync(join(installed, "dist/handlers", name, "index.js"), "utf8");
    // authorize-request is there only where callers sign in with tokens.
    const used = readdirSync(join(root, "functions")).filter((name) => name !== "authorize-request");
    expect(codes.sort()).toEqual(used.map(packed).sort());
  }, 120_000);

  it("may be required by an app that is CommonJS", async () => {
    const script = 'console.log(typeof require("fhir-particle-adapter").FhirParticleAdapter)';
    const { stdout } = await run(process.execPath, ["--input-type=commonjs", "-e", script], { cwd: home });
    expect(stdout).toBe("function\n");
  }, 60_000);
});
