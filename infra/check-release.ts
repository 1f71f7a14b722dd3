import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { ComparedTemplate } from "./compared-template.ts";
import { lossesOf } from "./release-losses.ts";
import { waivers } from "./release-waivers.ts";

/**
 * Refuses a release that would lose a table, a secret or a key of a stack:
 * `node infra/check-release.ts --stack-name beta-FhirParticleAdapter --template <synthesised template>`. Asks the AWS
 * CLI for what is deployed; exits 1 with what would be lost, and where the stack is not there, unless it may be new
 * (`--allow-new`): a wrong name, account or region must not pass for a release that loses nothing.
 */
const { values } = parseArgs({
  options: {
    "stack-name": { type: "string" },
    template: { type: "string" },
    deployed: { type: "string" },
    "allow-new": { type: "boolean", default: false },
  },
});
const { "stack-name": stackName, template, deployed: deployedFile } = values;
if (stackName === undefined || template === undefined) {
  throw new Error(
    "Usage: node infra/check-release.ts --stack-name NAME --template FILE [--deployed FILE] [--allow-new]",
  );
}

/** What is deployed; undefined where there is no such stack. Any other answer of the CLI is an error. */
function deployedTemplate(name: string): ComparedTemplate | undefined {
  const query = ["get-template", "--stack-name", name, "--query", "TemplateBody", "--output", "json"];
  try {
    return templateOf(execFileSync("aws", ["cloudformation", ...query], { encoding: "utf8" }));
  } catch (error) {
    if (error instanceof Error && "stderr" in error && /Stack .* does not exist/.test(String(error.stderr))) {
      return undefined;
    }
    throw error;
  }
}

const readTemplate = (file: string): ComparedTemplate => templateOf(readFileSync(file, "utf8"));

/** What is not understood must not be taken for a template without resources, of which nothing could be lost. */
function templateOf(text: string): ComparedTemplate {
  const template: unknown = JSON.parse(text);
  if (typeof template !== "object" || template === null || !("Resources" in template)) {
    throw new Error("This is no template in JSON.");
  }
  return template as ComparedTemplate;
}

const next = readTemplate(template);
const deployed = deployedFile === undefined ? deployedTemplate(stackName) : readTemplate(deployedFile);
if (deployed === undefined) {
  process.stdout.write(
    values["allow-new"]
      ? `${stackName} is new: there is nothing to keep.\n`
      : `There is no stack ${stackName} in this account and region. If it is to be new, say so with --allow-new.\n`,
  );
  process.exitCode = values["allow-new"] ? 0 : 1;
} else {
  const losses = lossesOf(deployed, next, stackName, waivers, new Date().toISOString().slice(0, 10));
  for (const { logicalId, type, because } of losses) {
    process.stdout.write(`${stackName} would lose ${logicalId} (${type}): ${because}.\n`);
  }
  if (losses.length > 0) {
    process.stdout.write("If that is meant, say so in infra/release-waivers.ts, with a reason and a last day.\n");
    process.exitCode = 1;
  } else {
    process.stdout.write(`${stackName} keeps its tables, secrets and keys.\n`);
  }
}
