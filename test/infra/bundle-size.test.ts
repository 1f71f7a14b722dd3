import { isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";
import { describe, expect, it } from "vitest";
import { bundle } from "../../infra/constructs/bundled-handler.ts";

const KB = 1024;

/** What a cold start loads. A budget that is outgrown is a question: which import is worth it? */
const BUDGETS = [
  { name: "create-patient", size: 410 * KB, gzipped: 138 * KB },
  { name: "answer-unrouted", size: 66 * KB, gzipped: 23 * KB },
  { name: "authorize-request", size: 67 * KB, gzipped: 23 * KB },
] as const;

describe.each(BUDGETS)("$name", ({ name, size, gzipped }) => {
  const files = new Map(bundle(name).map((file) => [file.name, Buffer.from(file.contents)]));
  const code = files.get("index.js")!;

  it(`is at most ${size / KB} KB, ${gzipped / KB} KB compressed`, () => {
    expect(code.byteLength).toBeLessThanOrEqual(size);
    expect(gzipSync(code).byteLength).toBeLessThanOrEqual(gzipped);
  });

  it("is CommonJS beside its source map, which names no path outside the project", () => {
    expect([...files.keys()].sort()).toEqual(["index.js", "index.js.map", "package.json"]);
    expect(JSON.parse(files.get("package.json")!.toString())).toEqual({ type: "commonjs" });
    const { sources } = JSON.parse(files.get("index.js.map")!.toString());
    expect(sources).toContain(`functions/${name}/handler.ts`);
    expect(sources.filter((source: string) => /^(\.\.|\/|[A-Z]:)/.test(source))).toEqual([]);
  });

  it("holds its libraries and none of the SDK's ways to find credentials outside Lambda", () => {
    const text = code.toString();
    const required = [...text.matchAll(/require\("([^"]+)"\)/g)].map(([, module]) => module);
    expect(required.filter((module) => !isBuiltin(module!))).toEqual([]);
    expect(text).not.toContain("sso_session");
    expect(text).not.toContain("AWS_WEB_IDENTITY_TOKEN_FILE");
  });
});

describe("the validation of a Patient", () => {
  it("takes at most 60 KB of that, with the table of R4 and the reading of JSON", () => {
    const { outputFiles } = buildSync({
      stdin: {
        contents: 'export { validatePatient } from "./validate-patient.ts"; export { parseJson } from "./json.ts";',
        resolveDir: fileURLToPath(new URL("../../shared/fhir", import.meta.url)),
      },
      bundle: true,
      minify: true,
      format: "cjs",
      write: false,
    });
    expect(outputFiles[0]!.contents.byteLength).toBeLessThanOrEqual(60 * KB);
  });
});
