import { type BuildEnvironment, BuildEnvironmentVariableType } from "aws-cdk-lib/aws-codebuild";
import type { StageConfig } from "./config.ts";

/** What the step of a pipeline runs, and with which variables. */
export type SmokeTestStep = {
  readonly commands: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly buildEnvironment: BuildEnvironment;
  /** What the role of the step has to be allowed at the API, as the end of an ARN: stage, method, path. */
  readonly requests: readonly string[];
};

const REQUESTS = { "read-only": ["fhir/GET/*", "fhir/HEAD/Patient"], everything: ["fhir/*"] } as const;

/**
 * The smoke test of a deployed stage, whose address is in `API_URL`.
 *
 * @param access "read-only" where nobody may be registered
 * @returns undefined where the stage says that it has none
 * @throws Error where it could not pass, whatever is deployed: it would stop every release of the stage
 */
export function smokeTestStep(
  stageName: string,
  { smokeTest = "signed", adapter }: StageConfig,
  access: "read-only" | "everything",
): SmokeTestStep | undefined {
  if (smokeTest === "none") {
    return undefined;
  }
  const refuse = (reason: string) => new Error(`The pipeline cannot try stage ${stageName}: ${reason}`);
  if (adapter.privateEndpoint !== undefined) {
    throw refuse('its API is private, and the pipeline runs outside of the VPC. Say smokeTest: "none".');
  }
  const takesTokens = adapter.authorisation?.kind === "oidc";
  if (takesTokens && smokeTest === "signed") {
    throw refuse('its API takes tokens. Say in smokeTest how to get one, or "none".');
  }
  if (!takesTokens && smokeTest !== "signed") {
    throw refuse("its API takes signatures, and smokeTest is about a token.");
  }

  const { patientIdSystem } = adapter;
  const options = [
    ...(patientIdSystem === undefined ? [] : ['--patient-id-system "$PATIENT_ID_SYSTEM"']),
    ...(access === "everything" ? [] : [`--${access}`]),
  ];
  return {
    commands: [
      ...(smokeTest === "signed" ? [] : tokenCommands(smokeTest.tokenCommand)),
      ['npm run test:smoke -- --url "$API_URL"', ...options].join(" "),
    ],
    env: patientIdSystem === undefined ? {} : { PATIENT_ID_SYSTEM: patientIdSystem },
    buildEnvironment:
      smokeTest === "signed"
        ? {}
        : {
            environmentVariables: {
              // CodeBuild puts asterisks in place of its value wherever the log would hold it.
              TOKEN_SECRET: { type: BuildEnvironmentVariableType.SECRETS_MANAGER, value: smokeTest.secretName },
            },
          },
    requests: smokeTest === "signed" ? REQUESTS[access] : [],
  };
}

/** Two commands, for `export` succeeds whatever the command in its argument does. */
const tokenCommands = (command: string): readonly string[] => [`BEARER_TOKEN="$(${command})"`, "export BEARER_TOKEN"];
