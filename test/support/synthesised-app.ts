import { inject } from "vitest";
import type { AppFile } from "../../local/synthesise.ts";
import { synthesiseOnce } from "./synthesise-once.ts";

/** The folder of an app that is synthesised once in a test run. */
export const synthesisedApp = (app: AppFile = "infra/app.ts"): Promise<string> =>
  synthesiseOnce(inject("assemblyRoot"), app);
