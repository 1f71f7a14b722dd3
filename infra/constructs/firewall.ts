import { Names, Validations } from "aws-cdk-lib";
import type { Stage } from "aws-cdk-lib/aws-apigateway";
import { CfnWebACL, CfnWebACLAssociation, type WebACLReference } from "aws-cdk-lib/aws-wafv2";
import { Construct } from "constructs";

/** A `CfnWebACL`, or one that is elsewhere, by its ARN. */
export type WebAcl = { readonly webAclRef: Pick<WebACLReference, "webAclArn"> };

/**
 * Rule groups that AWS keeps, in the order in which they look at a request, and their rules that count instead of
 * blocking, because valid FHIR meets them.
 *
 * @see https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
 */
const RULE_GROUPS: Readonly<Record<string, readonly string[]>> = {
  AWSManagedRulesAmazonIpReputationList: [],
  AWSManagedRulesKnownBadInputsRuleSet: [],
  AWSManagedRulesCommonRuleSet: [
    // Blocks from 8 KB on; a Patient may have 1 MB, a Bundle 5 MB.
    "SizeRestrictions_BODY",
    // A narrative (Patient.text.div) is XHTML. The server checks what of it FHIR allows.
    "CrossSiteScripting_BODY",
    // Integration engines often send none.
    "NoUserAgent_HEADER",
    // Identifiers are URLs with a value; a search may hold many.
    "SizeRestrictions_QUERYSTRING",
  ],
};

/**
 * AWS WAF in front of a stage of the API. It keeps no samples and no logs: they would hold paths and query strings, in
 * which FHIR has ids and identifiers of patients, and what a rule matched in a body.
 */
export class Firewall extends Construct {
  /** Undefined where the web ACL was brought along. */
  readonly managed?: CfnWebACL;

  constructor(scope: Construct, id: string, props: { readonly stage: Stage; readonly webAcl: WebAcl | "managed" }) {
    super(scope, id);
    let { webAcl } = props;
    if (webAcl === "managed") {
      this.managed = this.managedAcl();
      webAcl = this.managed;
    }
    new CfnWebACLAssociation(this, "Association", {
      resourceArn: props.stage.stageArn,
      webAclArn: webAcl.webAclRef.webAclArn,
    });
  }

  private managedAcl(): CfnWebACL {
    const visibility = (metricName: string) => ({
      metricName,
      cloudWatchMetricsEnabled: true,
      sampledRequestsEnabled: false,
    });
    const webAcl = new CfnWebACL(this, "Resource", {
      scope: "REGIONAL",
      defaultAction: { allow: {} },
      visibilityConfig: visibility(Names.uniqueResourceName(this, { maxLength: 128 })),
      rules: Object.entries(RULE_GROUPS).map(([name, counted], priority) => ({
        name,
        priority,
        overrideAction: { none: {} },
        statement: {
          managedRuleGroupStatement: {
            vendorName: "AWS",
            name,
            ruleActionOverrides: counted.map((rule) => ({ name: rule, actionToUse: { count: {} } })),
          },
        },
        visibilityConfig: visibility(name),
      })),
    });
    Validations.of(webAcl).acknowledge({
      id: "HIPAA.Security-WAFv2LoggingEnabled",
      reason: "Its logs would hold paths, query strings and matched parts of bodies: identifiers of patients.",
    });
    return webAcl;
  }
}
