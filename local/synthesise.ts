import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** As the CLI sets it: the template then names each resource's construct, after which functions are called locally. */
const CONTEXT = { "aws:cdk:enable-path-metadata": true };

/** The app that is deployed, and the same with tokens in place of signatures. */
export const APP_FILES = ["infra/app.ts", "infra/oidc-app.ts"] as const;

export type AppFile = (typeof APP_FILES)[number];

/**
 * Runs the CDK app, which needs neither network nor credentials, into a folder.
 *
 * @param signal ends it early
 * @throws Error with what the app printed when it fails
 */
export function synthesise(outDir: string, app: AppFile = "infra/app.ts", signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [app], {
      cwd: root,
      env: {
        ...process.env,
        CDK_OUTDIR: outDir,
        CDK_CONTEXT_JSON: JSON.stringify(CONTEXT),
        // Two fifths of the time; whoever deploys has the template validated.
        CDK_VALIDATION: "false",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // Only its end settles this: until then it may still write into the folder.
    const stop = () => child.kill();
    signal?.addEventListener("abort", stop, { once: true });
    const output: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      signal?.removeEventListener("abort", stop);
      if (code === 0) {
        resolve();
      } else {
        reject(new Error(`The CDK app failed (exit ${code}).\n${Buffer.concat(output).toString("utf8")}`));
      }
    });
  });
}
