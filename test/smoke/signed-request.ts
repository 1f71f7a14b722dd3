import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { Sha256 } from "@smithy/core/checksum";
import { SignatureV4 } from "@smithy/signature-v4";

export type Request = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
};

/** Headers with which API Gateway takes a request for one of somebody whom it knows. */
export type Sign = (request: Request) => Promise<Record<string, string>>;

/** Signs with the credentials that the AWS SDK finds: environment, profile, role of a build. */
export function awsSigner(region: string): Sign {
  const signer = new SignatureV4({ credentials: defaultProvider(), region, service: "execute-api", sha256: Sha256 });
  return async ({ method, url, headers, body }) => {
    const signed = await signer.sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: { host: url.host, ...headers },
      body,
    });
    return signed.headers;
  };
}

/** For an API that takes tokens of an issuer in place of signatures. */
export const bearer =
  (token: string): Sign =>
  async ({ headers }) => ({ ...headers, authorization: `Bearer ${token}` });
