import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type AppFile, synthesise } from "./synthesise.ts";
import { tour } from "./tour.ts";
import { startTwin, type Twin } from "./twin.ts";

const USAGE = `Usage: npm start -- [options]

  --port N           of the FHIR API (default 3000; 0 = any free one)
  --particle-port N  of the simulator of Particle (default 3001; 0 = any free one)
  --page-port N      of the page that shows what becomes of a Patient (default 3002; 0 = any free one)
  --auth KIND        iam (default): whoever sends a request counts as having signed it; oidc: requests need a token
  --issuer-port N    of the issuer of tokens (default 3003; 0 = any free one)
  --data DIR         keeps everything in DIR from one start to the next (default: in memory)
  --no-tour          does not register the example patient
  --verbose          prints what the functions log
  --help`;

type Options = {
  readonly port: number;
  readonly particlePort: number;
  readonly pagePort: number;
  readonly app: AppFile;
  readonly issuerPort: number;
  readonly dataDir: string | undefined;
  readonly withTour: boolean;
  readonly verbose: boolean;
};

/** @throws Error that says which option is wrong */
function optionsOf(args: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "3000" },
      "particle-port": { type: "string", default: "3001" },
      "page-port": { type: "string", default: "3002" },
      auth: { type: "string", default: "iam" },
      "issuer-port": { type: "string", default: "3003" },
      data: { type: "string" },
      "no-tour": { type: "boolean", default: false },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return values.help
    ? "help"
    : {
        port: portOf("--port", values.port),
        particlePort: portOf("--particle-port", values["particle-port"]),
        pagePort: portOf("--page-port", values["page-port"]),
        app: appOf(values.auth),
        issuerPort: portOf("--issuer-port", values["issuer-port"]),
        dataDir: values.data === undefined ? undefined : resolve(values.data),
        withTour: !values["no-tour"],
        verbose: values.verbose,
      };
}

const APPS: ReadonlyMap<string, AppFile> = new Map([
  ["iam", "infra/app.ts"],
  ["oidc", "infra/oidc-app.ts"],
]);

function appOf(kind: string): AppFile {
  const app = APPS.get(kind);
  if (app === undefined) {
    throw new Error(`--auth must be ${[...APPS.keys()].join(" or ")}.`);
  }
  return app;
}

function portOf(option: string, text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) {
    throw new Error(`${option} must be a number from 0 to 65535.`);
  }
  return port;
}

/** So that a port that is taken is said at once, and not after the CDK app has run. */
async function checkFree(port: number): Promise<void> {
  const server = createServer().listen({ port, host: "127.0.0.1" });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

async function start(options: Options, outDir: string, signal: AbortSignal): Promise<Twin> {
  await checkFree(options.port);
  await checkFree(options.particlePort);
  await checkFree(options.pagePort);
  if (options.app === "infra/oidc-app.ts") {
    await checkFree(options.issuerPort);
  }
  console.log("Synthesising the CDK app …");
  await synthesise(outDir, options.app, signal);
  const twin = await startTwin({
    outDir,
    port: options.port,
    particlePort: options.particlePort,
    pagePort: options.pagePort,
    issuerPort: options.issuerPort,
    ...(options.dataDir !== undefined && { dataDir: options.dataDir }),
    ...(options.verbose && {
      onLog: ({ functionName, text }) => process.stderr.write(text.replace(/^(?=.)/gm, `[${functionName}] `)),
    }),
  });
  console.log(`FHIR API           ${twin.url}`);
  console.log(`Particle simulator ${twin.particle.url}  (switches: ${twin.particle.url}/_simulator)`);
  console.log(`Mapping page       ${twin.page.url}  (what is sent to Particle about a Patient, and what is dropped)`);
  console.log(`DynamoDB           ${twin.dynamodb.url}  (table ${twin.tableName})`);
  console.log(`Secrets Manager    ${twin.secrets.url}`);
  if (twin.issuer) {
    console.log(`Issuer of tokens   ${twin.issuer.url}  (whoever asks gets a token)`);
    console.log(`A token            ${tokenCommand(twin.issuer.tokenEndpoint)}`);
  }
  console.log(`State              ${options.dataDir ?? "in memory"}`);
  if (options.withTour) {
    await tour(twin, console.log);
    console.log("");
  }
  return twin;
}

/** Leaves the token in the variable TOKEN of a shell. */
const tokenCommand = (tokenEndpoint: string): string =>
  `TOKEN=$(curl -s ${tokenEndpoint} -d grant_type=client_credentials -d scope=system/Patient.cruds | node -pe 'JSON.parse(fs.readFileSync(0)).access_token')`;

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  if ("code" in error && error.code === "EADDRINUSE" && "port" in error) {
    return `Port ${error.port} is in use. Choose another with --port, --particle-port, --page-port or --issuer-port.`;
  }
  return error.message;
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options === "help") {
    console.log(USAGE);
    return;
  }
  const outDir = mkdtempSync(join(tmpdir(), "fhir-particle-adapter-"));
  process.once("exit", () => rmSync(outDir, { recursive: true, force: true }));

  const stopping = new AbortController();
  let twin: Twin | undefined;
  // A second signal ends the process at once, as it does by default.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      stopping.abort();
      void twin?.close().then(() => process.exit(0));
    });
  }
  try {
    twin = await start(options, outDir, stopping.signal);
  } catch (error) {
    if (!stopping.signal.aborted) {
      throw error;
    }
  }
  if (stopping.signal.aborted) {
    await twin?.close();
    process.exit(0);
  }
  console.log(`ready ${twin?.url}`);
}

main().catch((error: unknown) => {
  console.error(messageOf(error));
  if (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")) {
    console.error(USAGE);
  }
  process.exit(1);
});
