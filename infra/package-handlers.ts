import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, HANDLERS } from "./constructs/bundled-handler.ts";

/** Bundles every function into the package, so that whoever installs it needs no esbuild: a step of `npm pack`. */
for (const name of readdirSync("functions")) {
  const folder = join("dist", HANDLERS, name);
  mkdirSync(folder, { recursive: true });
  for (const { name: file, contents } of bundle(name)) {
    writeFileSync(join(folder, file), contents);
  }
}
