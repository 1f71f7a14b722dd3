import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type AppFile, synthesise } from "../../local/synthesise.ts";

/**
 * The folder of a synthesised app below `assemblyRoot`, made once, however many processes ask for it at the same time: the
 * first one to make the lock folder does the work.
 */
export async function synthesiseOnce(assemblyRoot: string, app: AppFile): Promise<string> {
  const root = join(assemblyRoot, basename(app, ".ts"));
  await mkdir(root, { recursive: true });
  const outDir = join(root, "cdk.out");
  const outcome = join(root, "outcome");
  const isFirst = await mkdir(join(root, "lock")).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const failure = await synthesise(outDir, app).then(
      () => "",
      (error: unknown) => String(error),
    );
    // Whoever sees the file must see all of it.
    await writeFile(`${outcome}.unfinished`, failure);
    await rename(`${outcome}.unfinished`, outcome);
  }
  while (!(await readdir(root)).includes("outcome")) {
    await sleep(100);
  }
  const failure = await readFile(outcome, "utf8");
  if (failure !== "") {
    throw new Error(failure);
  }
  return outDir;
}
