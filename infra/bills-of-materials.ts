import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

type Manifest = { readonly name: string; readonly [field: string]: unknown };
type Locked = { readonly dev?: boolean; readonly devOptional?: boolean };
type Lock = { readonly packages: Readonly<Record<string, Locked>> };
type Described = { readonly manifest: Manifest; readonly lock: Lock };

const root = new URL("..", import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), "utf8");

/** Without what only builds and tests, and without the CDK, which a consumer of the construct brings along. */
function deployedOf({ manifest, lock }: Described): Described {
  const without = <Fields extends object>(fields: Fields): Fields => ({
    ...fields,
    devDependencies: undefined,
    peerDependencies: undefined,
  });
  const kept = Object.entries(lock.packages).filter(([, { dev, devOptional }]) => !dev && !devOptional);
  const packages = Object.fromEntries(kept.map(([path, entry]) => [path, path === "" ? without(entry) : entry]));
  return { manifest: without(manifest), lock: { ...lock, packages } };
}

/**
 * Of a copy of the manifest and the lock: `npm sbom --omit dev` leaves out what something that only builds needs, too.
 * The copy lies in a folder with the package's name, for npm takes the name of the whole from the folder.
 */
function billOf({ manifest, lock }: Described): string {
  const temporary = mkdtempSync(join(tmpdir(), "bill-of-materials-"));
  try {
    const cwd = join(temporary, basename(manifest.name));
    mkdirSync(cwd);
    writeFileSync(join(cwd, "package.json"), JSON.stringify(manifest));
    writeFileSync(join(cwd, "package-lock.json"), JSON.stringify(lock));
    const args = ["sbom", "--package-lock-only", "--sbom-format", "cyclonedx"];
    return execFileSync("npm", args, {
      cwd,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
      stdio: ["ignore", "pipe", "inherit"],
    });
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

/**
 * Writes `deployed.cdx.json`, what the deployed functions are made of, and `all.cdx.json`, what builds and tests them, too,
 * in CycloneDX: `node infra/bills-of-materials.ts cdk.out/sbom`.
 */
const [folder] = process.argv.slice(2);
if (folder === undefined) {
  throw new Error("Usage: node infra/bills-of-materials.ts FOLDER");
}
const all: Described = { manifest: JSON.parse(read("package.json")), lock: JSON.parse(read("package-lock.json")) };
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "all.cdx.json"), billOf(all));
writeFileSync(join(folder, "deployed.cdx.json"), billOf(deployedOf(all)));
