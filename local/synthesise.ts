import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** As the CLI sets it: the template then names each resource's construct, after which functions are called locally. */
const CONTEXT = { "aws:cdk:enable-path-metadata": true };

/**
 * Runs the CDK app, which needs neither network nor credentials, into a folder.
 *
 * @param signal ends it early
 * @throws Error with what the app printed when it fails
 */
export function synthesise(outDir: string, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const app = spawn(process.execPath, ["infra/app.ts"], {
      cwd: root,
      env: { ...process.env, CDK_OUTDIR: outDir, CDK_CONTEXT_JSON: JSON.stringify(CONTEXT) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // Only its end settles this: until then it may still write into the folder.
    const stop = () => app.kill();
    signal?.addEventListener("abort", stop, { once: true });
    const output: Buffer[] = [];
    app.stdout.on("data", (chunk: Buffer) => output.push(chunk));
    app.stderr.on("data", (chunk: Buffer) => output.push(chunk));
    app.on("error", reject);
    app.on("close", (code) => {
      signal?.removeEventListener("abort", stop);
      if (code === 0) {
        resolve();
      } else {
        reject(new Error(`The CDK app failed (exit ${code}).\n${Buffer.concat(output).toString("utf8")}`));
      }
    });
  });
}
