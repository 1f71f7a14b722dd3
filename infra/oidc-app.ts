import { App, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks } from "cdk-nag";
import cdkJson from "../cdk.json" with { type: "json" };
import { AdapterStage } from "./adapter-stage.ts";
import { stages } from "./config.ts";

// The stage beta with tokens in place of signatures, for the twin (`npm start -- --auth oidc`), which puts the addresses
// of its own issuer in place of these. Nobody deploys it.
const app = new App({ context: cdkJson.context, analyticsReporting: false });
Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new HIPAASecurityChecks(app), new ServerlessChecks(app));
new AdapterStage(app, "beta", {
  ...stages.beta,
  adapter: {
    ...stages.beta.adapter,
    authorisation: {
      kind: "oidc",
      issuer: "https://issuer.example",
      audiences: ["https://adapter.example/fhir"],
      tokenEndpoint: "https://issuer.example/token",
    },
  },
});
app.synth();
