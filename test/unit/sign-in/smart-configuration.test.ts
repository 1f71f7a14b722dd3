import { describe, expect, it } from "vitest";
import { smartConfiguration } from "../../../shared/sign-in/smart-configuration.ts";

const service = {
  issuer: "https://issuer.example",
  tokenEndpoint: "https://issuer.example/token",
  jwksUri: undefined,
  clientAuthentication: ["private_key_jwt"],
};

describe("smart-configuration", () => {
  it("promises of clients' keys only what the issuer takes", () => {
    const bySecret = smartConfiguration({ ...service, clientAuthentication: ["client_secret_basic"] });
    expect(bySecret["token_endpoint_auth_methods_supported"]).toEqual(["client_secret_basic"]);
    expect(bySecret).not.toHaveProperty("token_endpoint_auth_signing_alg_values_supported");
    expect(bySecret["capabilities"]).toEqual(["client-confidential-symmetric", "permission-v1", "permission-v2"]);
    const both = smartConfiguration({ ...service, clientAuthentication: ["private_key_jwt", "client_secret_post"] });
    expect(both["capabilities"]).toEqual(
      expect.arrayContaining(["client-confidential-asymmetric", "client-confidential-symmetric"]),
    );
  });

  it("names the issuer's keys where the deployment does", () => {
    expect(smartConfiguration(service)).not.toHaveProperty("jwks_uri");
    expect(smartConfiguration({ ...service, jwksUri: "https://issuer.example/keys" })["jwks_uri"]).toBe(
      "https://issuer.example/keys",
    );
  });
});
