import { devNull } from "node:os";
import type { FunctionDefinition } from "../template/deployment.ts";
import { PLACE } from "../template/intrinsics.ts";

/** Base URLs of the local stand-ins for AWS services. */
export type ServiceEndpoints = {
  readonly dynamodb: string;
  readonly secretsManager: string;
};

/**
 * The whole environment of a function: what its template sets, what Lambda sets
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime), and where
 * the AWS SDK finds the local stand-ins. Nothing of the developer's own environment gets in.
 *
 * @param overrides values for variables that the template sets; names that it does not set for this function are left
 * out, so that a function never sees a variable that it would not have when deployed.
 */
export function functionEnvironment(
  { name, handler, taskRoot, memoryMb, environment }: FunctionDefinition,
  endpoints: ServiceEndpoints,
  overrides: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ...environment,
    ...Object.fromEntries(Object.entries(overrides).filter(([variable]) => variable in environment)),
    _HANDLER: handler,
    TZ: ":UTC",
    LANG: "en_US.UTF-8",
    LAMBDA_TASK_ROOT: taskRoot,
    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: "local",
    AWS_REGION: PLACE.region,
    AWS_DEFAULT_REGION: PLACE.region,
    // The stand-ins can tell by it which function calls, as AWS can by the credentials of its role.
    AWS_ACCESS_KEY_ID: name,
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_SESSION_TOKEN: "local",
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsManager,
    // A worker shares the developer's home folder, whose profiles must not steer the SDK.
    AWS_CONFIG_FILE: devNull,
    AWS_SHARED_CREDENTIALS_FILE: devNull,
  };
}
