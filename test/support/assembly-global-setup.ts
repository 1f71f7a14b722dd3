import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { APP_FILES } from "../../local/synthesise.ts";
import { synthesiseOnce } from "./synthesise-once.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of this test run in which the apps are synthesised, each once. */
    assemblyRoot: string;
  }
}

/**
 * Synthesises while the tests run that need no assembly, one app after the other. Vitest asks for this only where a test
 * of the project runs.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const assemblyRoot = await mkdtemp(join(tmpdir(), "fhir-particle-adapter-test-"));
  project.provide("assemblyRoot", assemblyRoot);
  const work = (async () => {
    for (const app of APP_FILES) {
      // Whoever needs it is told why it failed.
      await synthesiseOnce(assemblyRoot, app).catch(() => undefined);
    }
  })();
  return async () => {
    await work;
    await rm(assemblyRoot, { recursive: true, force: true });
  };
}
