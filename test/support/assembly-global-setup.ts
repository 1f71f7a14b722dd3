import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Folder of this test run in which the first test that needs it synthesises the app. */
    assemblyRoot: string;
  }
}

/** Costs nothing to a run in which no test asks for the assembly. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const assemblyRoot = await mkdtemp(join(tmpdir(), "fhir-particle-adapter-test-"));
  project.provide("assemblyRoot", assemblyRoot);
  return () => rm(assemblyRoot, { recursive: true, force: true });
}
