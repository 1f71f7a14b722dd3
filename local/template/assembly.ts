import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import * as v from "valibot";

/** https://docs.aws.amazon.com/cdk/v2/guide/apps.html#apps-cloud-assembly: `manifest.json`, as far as it is read here. */
const manifestSchema = v.object({
  artifacts: v.optional(
    v.record(
      v.string(),
      v.object({
        type: v.string(),
        displayName: v.optional(v.string()),
        properties: v.optional(
          v.object({
            templateFile: v.optional(v.string()),
            directoryName: v.optional(v.string()),
            file: v.optional(v.string()),
          }),
        ),
      }),
    ),
    {},
  ),
});

const assetManifestSchema = v.object({
  files: v.optional(
    v.record(
      v.string(),
      v.object({
        source: v.object({ path: v.optional(v.string()), packaging: v.optional(v.string()) }),
        destinations: v.record(v.string(), v.object({ objectKey: v.string() })),
      }),
    ),
    {},
  ),
});

const templateSchema = v.object({
  Parameters: v.optional(v.record(v.string(), v.object({ Default: v.optional(v.unknown()) })), {}),
  Resources: v.record(
    v.string(),
    v.object({
      Type: v.string(),
      Properties: v.optional(v.record(v.string(), v.unknown()), {}),
      Metadata: v.optional(v.record(v.string(), v.unknown()), {}),
    }),
  ),
});

export type Template = v.InferOutput<typeof templateSchema>;
export type TemplateResource = Template["Resources"][string];

export type SynthesisedStack = {
  /** Path of the stack in the app, such as `beta/adapter`. */
  readonly name: string;
  readonly template: Template;
  /** Key of a published asset (`Code.S3Key`, such as `<hash>.zip`) → the folder whose content it is. */
  readonly assetFolders: ReadonlyMap<string, string>;
};

/**
 * The stack with a REST API in a synthesised cloud assembly, however deep in stages it lies.
 *
 * @param stage where several stacks have one: the first part of the stack's path, `beta` for `beta/adapter`; case
 * does not matter.
 * @throws Error that says what was found when it is not exactly one.
 */
export function readStack(outDir: string, stage: string): SynthesisedStack {
  const stacks = [...stacksOf(resolve(outDir))].filter(({ template }) =>
    Object.values(template.Resources).some(({ Type }) => Type === "AWS::ApiGateway::RestApi"),
  );
  const ofStage = stacks.filter(({ name }) => name.split("/")[0]?.toLowerCase() === stage.toLowerCase());
  const [stack, ...others] = stacks.length === 1 ? stacks : ofStage;
  if (stack === undefined || others.length > 0) {
    const names = stacks.map(({ name }) => name).join(", ") || "none";
    throw new Error(`${outDir} should hold one stack with a REST API in stage ${stage}. Stacks with one: ${names}.`);
  }
  return stack;
}

function* stacksOf(assemblyDir: string): Generator<SynthesisedStack> {
  const artifacts = Object.entries(readJson(join(assemblyDir, "manifest.json"), manifestSchema).artifacts);
  const assetFolders = new Map<string, string>();
  for (const [, { type, properties }] of artifacts) {
    if (type === "cdk:asset-manifest" && properties?.file !== undefined) {
      addAssetFolders(assetFolders, join(assemblyDir, properties.file));
    }
  }
  for (const [id, { type, displayName, properties }] of artifacts) {
    if (type === "cdk:cloud-assembly" && properties?.directoryName !== undefined) {
      yield* stacksOf(join(assemblyDir, properties.directoryName));
    }
    if (type === "aws:cloudformation:stack" && properties?.templateFile !== undefined) {
      // The display name is `path` or `path (physical name)`.
      const name = displayName?.split(" ")[0] ?? id;
      yield { name, template: readJson(join(assemblyDir, properties.templateFile), templateSchema), assetFolders };
    }
  }
}

function addAssetFolders(folders: Map<string, string>, manifestFile: string): void {
  for (const { source, destinations } of Object.values(readJson(manifestFile, assetManifestSchema).files)) {
    for (const { objectKey } of Object.values(destinations)) {
      if (source.path !== undefined && source.packaging === "zip") {
        folders.set(objectKey, resolve(dirname(manifestFile), source.path));
      }
    }
  }
}

function readJson<Schema extends v.GenericSchema>(file: string, schema: Schema): v.InferOutput<Schema> {
  if (!existsSync(file)) {
    throw new Error(`${file} is missing: this is not a synthesised cloud assembly.`);
  }
  const result = v.safeParse(schema, JSON.parse(readFileSync(file, "utf8")));
  if (!result.success) {
    throw new Error(`${file} is not understood: ${v.summarize(result.issues)}`);
  }
  return result.output;
}
