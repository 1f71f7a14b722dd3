import { parseArgs } from "node:util";
import { awsSigner, bearer, type Sign } from "./signed-request.ts";
import { smokeTest } from "./smoke-test.ts";

const USAGE = `Usage: npm run test:smoke -- --url URL [options]

  --url URL               [base] of the API, such as the output ApiUrl of the stack
  --region NAME           that the API is in (default: AWS_REGION)
  --read-only             registers nobody: for a stage of real patients
  --patient-id-system URI of the identifier that becomes the patient_id, where the deployment has one (patientIdSystem)
  --twin                  the API is the local twin, which verifies no signature: say by its own header who signed nothing

Where BEARER_TOKEN is set, requests carry this access token. Otherwise they are signed with the credentials that the AWS
SDK finds.`;

const { values } = parseArgs({
  options: {
    url: { type: "string" },
    region: { type: "string", default: process.env["AWS_REGION"] },
    "read-only": { type: "boolean", default: false },
    "patient-id-system": { type: "string" },
    twin: { type: "boolean", default: false },
  },
});

/** Undefined where nobody says who asks. A token that is none never gets into a header, whose error would show it. */
function signer(token: string | undefined, region: string | undefined): Sign | undefined {
  if (token !== undefined) {
    return /^[\w.~+/=-]+$/.test(token) ? bearer(token) : undefined;
  }
  return region === undefined ? undefined : awsSigner(region);
}

const sign = signer(process.env["BEARER_TOKEN"], values.region);
if (values.url === undefined || sign === undefined) {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
} else {
  try {
    await smokeTest({
      base: values.url,
      sign,
      unsigned: values.twin ? { "x-local-caller": "anonymous" } : {},
      readOnly: values["read-only"],
      patientIdSystem: values["patient-id-system"],
      passed: (what) => process.stdout.write(`ok  ${what}\n`),
    });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
