import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Stack } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import type { CfnFunction } from "aws-cdk-lib/aws-lambda";
import { afterAll, describe, expect, it } from "vitest";
import { bundle } from "../../infra/constructs/bundled-handler.ts";
import { FhirParticleAdapter } from "../../infra/constructs/fhir-particle-adapter.ts";
import { type AdapterFunctionName, functionSpecs } from "../../infra/constructs/function-specs.ts";
import { resourcesOf, testApp } from "./test-app.ts";

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "deployed-functions-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes the package of a function as Lambda would unpack it, apart from any node_modules. */
function unpack(name: AdapterFunctionName): string {
  const home = join(directory, name);
  mkdirSync(home);
  for (const file of bundle(name)) {
    writeFileSync(join(home, file.name), file.contents);
  }
  return join(home, "index.js");
}

/** Runs a script in a process of its own with these variables and no others. */
async function inLambda(script: string, env: Record<string, string>): Promise<unknown> {
  const { stdout } = await run(process.execPath, ["--eval", script], { env: { AWS_REGION: "us-east-1", ...env } });
  return JSON.parse(stdout);
}

const stack = new Stack(testApp(), "Stack");
const { functions } = new FhirParticleAdapter(stack, "Adapter", {
  particle: { baseUrl: "https://sandbox.particlehealth.com" },
  uniqueIdentifierSystems: ["https://example.org/mrn", "https://example.org/member"],
  patientIdSystem: "https://example.org/mpi",
});
const deployed = resourcesOf(Template.fromStack(stack), "AWS::Lambda::Function");

type Value = string | { readonly Ref: string } | { readonly "Fn::Join": readonly [string, readonly Value[]] };

/** What only a deployment knows stands for itself. */
function resolved(value: Value): string {
  if (typeof value === "string") {
    return value;
  }
  if ("Fn::Join" in value) {
    return value["Fn::Join"][1].map(resolved).join("");
  }
  return value.Ref.startsWith("AWS::") ? value.Ref.slice("AWS::".length) : `arn:aws:${value.Ref}`;
}

/** The variables that the template gives a function. */
function environmentOf(name: AdapterFunctionName): Record<string, string> {
  const { Properties } = deployed[stack.getLogicalId(functions[name].node.defaultChild as CfnFunction)]!;
  const variables: Record<string, Value> = Properties.Environment?.Variables ?? {};
  return Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, resolved(value)]));
}

/** Starts the function with all of its variables, then without each of them; prints which of these starts failed. */
const STARTS = (file: string) => `
  const failures = [];
  const start = (left) => {
    delete require.cache[${JSON.stringify(file)}];
    try {
      if (typeof require(${JSON.stringify(file)}).handler !== "function") failures.push("no handler");
    } catch (error) {
      failures.push(left ?? String(error));
    }
  };
  start();
  for (const name of Object.keys(process.env)) {
    if (name.startsWith("AWS_")) continue;
    const value = process.env[name];
    delete process.env[name];
    start(name);
    process.env[name] = value;
  }
  console.log(JSON.stringify(failures));
`;

/** Without these a function falls back to a default, as the schema of its settings says. */
const OPTIONAL = [
  "PARTICLE_AUTHORIZATION_PREFIX",
  "UNIQUE_IDENTIFIER_SYSTEMS",
  "PATIENT_ID_SYSTEM",
  "REPLACED_PATIENTS",
];

describe("every deployed function", () => {
  it.each(Object.keys(functionSpecs) as AdapterFunctionName[])(
    "%s starts with the variables that it is given, and needs each of them",
    async (name) => {
      const environment = environmentOf(name);
      const failures = await inLambda(STARTS(unpack(name)), environment);
      expect(failures).toEqual(Object.keys(environment).filter((key) => !OPTIONAL.includes(key)));
    },
  );
});

describe("the credentials of a deployed function", () => {
  const body = async (request: IncomingMessage) => {
    let text = "";
    for await (const chunk of request) {
      text += chunk;
    }
    return text;
  };

  it("are those of its role, from the environment, with the session token", async () => {
    const signed: { readonly authorization: string | undefined; readonly token: string | string[] | undefined }[] = [];
    const server = createServer(async (request, response) => {
      await body(request);
      signed.push({
        authorization: request.headers.authorization,
        token: request.headers["x-amz-security-token"],
      });
      response.setHeader("Content-Type", "application/x-amz-json-1.1");
      response.statusCode = 400;
      response.end(JSON.stringify({ __type: "AccessDeniedException", message: "No." }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const script = `require(${JSON.stringify(join(directory, "refresh-token", "index.js"))}).handler({}, {}).then(
      () => console.log('"refreshed"'),
      () => console.log('"refused"'),
    )`;
    const outcome = await inLambda(script, {
      ...environmentOf("refresh-token"),
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
      AWS_SECRET_ACCESS_KEY: "example",
      AWS_SESSION_TOKEN: "session-example",
    }).finally(() => server.close());
    expect(outcome).toBe("refused");
    expect(signed[0]).toEqual({
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/secretsmanager\//,
      ),
      token: "session-example",
    });
  });
});
