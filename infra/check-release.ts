import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type ComparedTemplate, lossesOf } from "./protected-resources.ts";
import { waivers } from "./release-waivers.ts";

/**
 * Refuses a release that would lose a table, a secret or a key of a stack:
 * `node infra/check-release.ts --stack-name beta-FhirParticleAdapter --template <synthesised template>`. Asks the AWS
 * CLI for what is deployed; exits 1 with what would be lost.
 */
const { values } = parseArgs({
  options: { "stack-name": { type: "string" }, template: { type: "string" }, deployed: { type: "string" } },
});
const { "stack-name": stackName, template, deployed: deployedFile } = values;
if (stackName === undefined || template === undefined) {
  throw new Error("Usage: node infra/check-release.ts --stack-name NAME --template FILE [--deployed FILE]");
}

/** What is deployed; nothing where the stack is not there yet. Any other answer of the CLI is an error. */
function deployedTemplate(name: string): ComparedTemplate {
  const query = ["get-template", "--stack-name", name, "--query", "TemplateBody", "--output", "json"];
  try {
    return templateOf(execFileSync("aws", ["cloudformation", ...query], { encoding: "utf8" }));
  } catch (error) {
    if (error instanceof Error && "stderr" in error && /Stack .* does not exist/.test(String(error.stderr))) {
      return {};
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

const losses = lossesOf(
  deployedFile === undefined ? deployedTemplate(stackName) : readTemplate(deployedFile),
  readTemplate(template),
  stackName,
  waivers,
  new Date().toISOString().slice(0, 10),
);
for (const { logicalId, type, because } of losses) {
  process.stdout.write(`${stackName} would lose ${logicalId} (${type}): ${because}.\n`);
}
if (losses.length > 0) {
  process.stdout.write("If that is meant, say so in infra/release-waivers.ts, with a reason and a last day.\n");
  process.exitCode = 1;
} else {
  process.stdout.write(`${stackName} keeps its tables, secrets and keys.\n`);
}
