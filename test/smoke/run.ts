import { parseArgs } from "node:util";
import { awsSigner } from "./signed-request.ts";
import { smokeTest } from "./smoke-test.ts";

const USAGE = `Usage: npm run test:smoke -- --url URL [options]

  --url URL      [base] of the API, such as the output ApiUrl of the stack
  --region NAME  that the API is in (default: AWS_REGION)
  --read-only    registers nobody: for a stage of real patients
  --twin         the API is the local twin, which verifies no signature: say by its own header who signed nothing`;

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    region: { type: "string", default: process.env["AWS_REGION"] },
    "read-only": { type: "boolean", default: false },
    twin: { type: "boolean", default: false },
  },
});

if (values.url === undefined || values.region === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
} else {
  try {
    await smokeTest({
      base: values.url,
      sign: awsSigner(values.region),
      unsigned: values.twin ? { "x-local-caller": "anonymous" } : {},
      readOnly: values["read-only"],
      passed: (what) => process.stdout.write(`ok  ${what}\n`),
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
