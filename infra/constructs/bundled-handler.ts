import { readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import { Code } from "aws-cdk-lib/aws-lambda";
import type { BuildOptions } from "esbuild";

// From this file, not from the working directory: the construct may be used by another app.
const root = fileURLToPath(new URL("../..", import.meta.url));

/** In the package this file is compiled, and the bundles are there. In the checkout Node runs it as it is. */
const isPackage = import.meta.url.endsWith(".js");

/** Where the package has its bundles, each in a folder with the name of its function; relative to what is compiled. */
export const HANDLERS = "handlers";

/**
 * How a handler becomes a deployable file. Medians of 21 cold starts (Node 24, DynamoDB and Secrets Manager clients;
 * import, then import and the first call to both on loopback), each line on top of the one before:
 *
 * | output                                                      | KB  | import | first call |
 * | ----------------------------------------------------------- | --- | ------ | ---------- |
 * | CommonJS as esbuild comes                                   |     | 113 ms | 166 ms     |
 * | the libraries' ES module sources (`mainFields`)             | 345 | 71 ms  | 142 ms     |
 * | Lambda's credentials in place of the default provider chain | 212 | 51 ms  | 120 ms     |
 * | the last one as an ES module                                | 212 | 62 ms  | 134 ms     |
 *
 * The source map lies beside the code and is not read: `--enable-source-maps` costs another 10 ms. For an
 * investigation set `NODE_OPTIONS=--enable-source-maps` on the function.
 */
export const bundleOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  // The SDK imports node:http with import(), which reads every export of it, and so loads the whole of undici behind
  // some. As require() it takes 14 ms off the first POST of a cold create-patient (156 to 142, medians of 25 pairs).
  supported: { "dynamic-import": false },
  mainFields: ["module", "main"],
  alias: { "@aws-sdk/credential-provider-node": "./shared/runtime/lambda-credentials.ts" },
  minify: true,
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning",
} as const satisfies BuildOptions;

export type BundledFile = { readonly name: string; readonly contents: string };

/** Every function's, once the first is asked for: esbuild starts anew each time, and shares what it reads. */
let built: ReadonlyMap<string, string> | undefined;

/** The files of a function's deployment package; the same bytes on every machine, wherever they are written to. */
export function bundle(name: string): readonly BundledFile[] {
  built ??= buildAll();
  const code = built.get(`${name}.js`);
  const map = built.get(`${name}.js.map`);
  if (code === undefined || map === undefined) {
    throw new Error(`There is no function ${name}.`);
  }
  return [
    { name: "index.js", contents: code.replace(`sourceMappingURL=${name}.js.map`, "sourceMappingURL=index.js.map") },
    { name: "index.js.map", contents: map },
    // The nearest package.json says how Node reads index.js; outside Lambda that would be a "type": "module" one.
    { name: "package.json", contents: '{"type":"commonjs"}\n' },
  ];
}

function buildAll(): ReadonlyMap<string, string> {
  // Not imported: the package comes without it.
  const { buildSync }: typeof import("esbuild") = createRequire(import.meta.url)("esbuild");
  const { outputFiles } = buildSync({
    ...bundleOptions,
    entryPoints: readdirSync(join(root, "functions")).map((name) => ({ in: entryOf(name), out: name })),
    // Never written there: the source maps name their sources as they lie from these files.
    outdir: ".",
    write: false,
  });
  return new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
}

export const entryOf = (name: string): string => `./functions/${name}/handler.ts`;

/**
 * Code of `functions/<name>/handler.ts` with everything that it imports, the SDK too: the one in the runtime changes
 * without a deployment and cannot be tree-shaken. NodejsFunction would start a shell, npx and esbuild for each function,
 * which is 5 of the 12 seconds of CPU that a synthesis then takes.
 */
export const bundledHandler = (name: string): Code =>
  isPackage ? Code.fromAsset(join(root, HANDLERS, name)) : bundledNow(name);

const bundledNow = (name: string): Code =>
  Code.fromAsset(root, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry("not used: esbuild runs in this process"),
      command: [name],
      local: {
        tryBundle(outputDirectory) {
          for (const file of bundle(name)) {
            writeFileSync(join(outputDirectory, file.name), file.contents);
          }
          return true;
        },
      },
    },
  });
