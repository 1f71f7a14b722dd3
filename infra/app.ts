import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks } from "cdk-nag";
import cdkJson from "../cdk.json" with { type: "json" };
import { AdapterStage } from "./adapter-stage.ts";
import { stages } from "./config.ts";
import { pipelineConfig } from "./pipeline-config.ts";
import { PipelineStack } from "./pipeline-stack.ts";

// The context of cdk.json comes from here too, so that `node infra/app.ts` makes the same template as the CLI does.
const app = new App({ context: cdkJson.context, analyticsReporting: false });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app), new ServerlessChecks(app));
for (const [name, config] of Object.entries(stages)) {
  new AdapterStage(app, name, config);
}
const pipeline = pipelineConfig(process.env);
if (pipeline) {
  const env = { account: process.env["CDK_DEFAULT_ACCOUNT"], region: process.env["CDK_DEFAULT_REGION"] };
  new PipelineStack(app, "Pipeline", { env, pipeline, stages, terminationProtection: true });
}
app.synth();
