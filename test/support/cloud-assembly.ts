import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

type Resources = Readonly<
  Record<string, { readonly Type: string; readonly Properties?: unknown; readonly Metadata?: unknown }>
>;

/**
 * Writes what the CDK would synthesise for an app with one stage that has one stack: nested manifests, template and
 * assets.
 *
 * @param sources of the functions' bundles, by asset hash; `mjs` where it is an ES module
 */
export async function writeCloudAssembly(
  outDir: string,
  stage: string,
  resources: Resources,
  sources: Readonly<Record<string, { readonly code: string; readonly mjs?: boolean }>>,
): Promise<void> {
  const stageDir = join(outDir, `assembly-${stage}`);
  await mkdir(stageDir, { recursive: true });
  for (const [hash, { code, mjs }] of Object.entries(sources)) {
    const folder = join(outDir, `asset.${hash}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, mjs === true ? "index.mjs" : "index.js"), code);
  }
  const files = Object.fromEntries(
    Object.keys(sources).map((hash) => [
      hash,
      {
        source: { path: `../asset.${hash}`, packaging: "zip" },
        destinations: { current: { bucketName: "assets", objectKey: `${hash}.zip` } },
      },
    ]),
  );
  const documents = {
    [join(outDir, "manifest.json")]: {
      artifacts: {
        [`assembly-${stage}`]: { type: "cdk:cloud-assembly", properties: { directoryName: `assembly-${stage}` } },
      },
    },
    [join(stageDir, "manifest.json")]: {
      artifacts: {
        "stack.assets": { type: "cdk:asset-manifest", properties: { file: "stack.assets.json" } },
        stack: {
          type: "aws:cloudformation:stack",
          displayName: `${stage}/stack (${stage}-stack)`,
          properties: { templateFile: "stack.template.json" },
        },
      },
    },
    [join(stageDir, "stack.assets.json")]: { files },
    [join(stageDir, "stack.template.json")]: {
      Resources: resources,
      Parameters: {
        BootstrapVersion: { Type: "AWS::SSM::Parameter::Value<String>", Default: "/cdk-bootstrap/version" },
      },
    },
  };
  for (const [file, document] of Object.entries(documents)) {
    await writeFile(file, JSON.stringify(document));
  }
}
