import { DomainName, EndpointAccessMode, type RestApi, SecurityPolicy } from "aws-cdk-lib/aws-apigateway";
import type { ICertificate } from "aws-cdk-lib/aws-certificatemanager";
import { ARecord, type IHostedZone, RecordTarget } from "aws-cdk-lib/aws-route53";
import { ApiGatewayDomain } from "aws-cdk-lib/aws-route53-targets";
import { Construct } from "constructs";

export type CustomDomainSettings = {
  /** Such as `fhir.example.org`. */
  readonly domainName: string;
  /** For that name, in the region of the API. */
  readonly certificate: ICertificate;
  /**
   * Zone to write the alias record to.
   *
   * @default the record is written by hand, to the domain's `domainNameAliasDomainName`
   */
  readonly hostedZone?: IHostedZone;
  /**
   * First segment of every path, such as `r4`.
   *
   * @default none: `https://fhir.example.org/Patient`
   */
  readonly basePath?: string;
};

/** One name for the API, with the TLS of the API itself. */
export class CustomDomain extends Construct {
  readonly domain: DomainName;
  /** `[base]`, with a slash at the end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: CustomDomainSettings & { readonly api: RestApi }) {
    super(scope, id);
    const { api, domainName, certificate, hostedZone, basePath } = props;
    this.domain = new DomainName(this, "Resource", {
      domainName,
      certificate,
      securityPolicy: SecurityPolicy.TLS13_1_2_PFS_PQ_2025_09,
      endpointAccessMode: EndpointAccessMode.STRICT,
    });
    this.domain.addBasePathMapping(api, { ...(basePath !== undefined && { basePath }), stage: api.deploymentStage });
    if (hostedZone) {
      new ARecord(this, "Alias", {
        zone: hostedZone,
        // Absolute: without its dot, Route 53 would append the zone to a name outside of it.
        recordName: `${domainName}.`,
        target: RecordTarget.fromAlias(new ApiGatewayDomain(this.domain)),
      });
    }
    this.url = `https://${domainName}/${basePath === undefined ? "" : `${basePath}/`}`;
  }
}
