import packageJson from "../package.json" with { type: "json" };

/** By which the pipeline changes itself: the version that is used everywhere else. */
export const CDK_CLI_VERSION = packageJson.devDependencies["aws-cdk"];

/** As npm installs it. */
export const CDK_CLI = `aws-cdk@${CDK_CLI_VERSION}`;

const SCRIPTED = Object.entries(packageJson.allowScripts)
  .filter(([, allowed]) => allowed)
  .map(([name]) => name);

/**
 * Installs what the lock says. The image of the pipeline brings npm 10, which knows nothing of `allowScripts` and would run
 * what any package says: so none is run, and then those of the packages that may.
 */
export const INSTALL = ["npm ci --ignore-scripts", `npm rebuild ${SCRIPTED.join(" ")}`];
