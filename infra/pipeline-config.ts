/** Where the pipeline takes the code from. */
export type PipelineConfig = {
  /** `owner/name`. */
  readonly repository: string;
  readonly branch: string;
  /** Of an AWS connection to the host of the repository (GitHub, GitLab, Bitbucket), which is made by hand. */
  readonly connectionArn: string;
};

const VARIABLES = {
  repository: "PIPELINE_REPOSITORY",
  branch: "PIPELINE_BRANCH",
  connectionArn: "PIPELINE_CONNECTION_ARN",
} as const satisfies Record<keyof PipelineConfig, string>;

/**
 * The pipeline that the environment asks for: who deploys this has a repository and a connection of their own, and
 * need change no file for it.
 *
 * @returns undefined where none of the variables is set
 * @throws Error where only some of them are.
 */
export function pipelineConfig(env: Readonly<Record<string, string | undefined>>): PipelineConfig | undefined {
  const repository = env[VARIABLES.repository];
  const branch = env[VARIABLES.branch];
  const connectionArn = env[VARIABLES.connectionArn];
  if (repository === undefined && branch === undefined && connectionArn === undefined) {
    return undefined;
  }
  if (repository === undefined || branch === undefined || connectionArn === undefined) {
    throw new Error(`A pipeline needs all of ${Object.values(VARIABLES).join(", ")}.`);
  }
  return { repository, branch, connectionArn };
}

/** The environment in which {@link pipelineConfig} finds this pipeline again. */
export const pipelineVariables = (config: PipelineConfig): Record<string, string> => ({
  [VARIABLES.repository]: config.repository,
  [VARIABLES.branch]: config.branch,
  [VARIABLES.connectionArn]: config.connectionArn,
});
