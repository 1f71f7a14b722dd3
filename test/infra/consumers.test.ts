import { Duration, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import { Match, Template } from "aws-cdk-lib/assertions";
import type { CfnRestApi } from "aws-cdk-lib/aws-apigateway";
import { Certificate } from "aws-cdk-lib/aws-certificatemanager";
import { InterfaceVpcEndpoint, SecurityGroup, SubnetType, Vpc } from "aws-cdk-lib/aws-ec2";
import { AccountPrincipal, Role } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { RetentionDays } from "aws-cdk-lib/aws-logs";
import { HostedZone } from "aws-cdk-lib/aws-route53";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Topic } from "aws-cdk-lib/aws-sns";
import { describe, expect, it } from "vitest";
import type { FhirParticleAdapterProps, ParticleProps } from "../../infra/constructs/adapter-props.ts";
import { FhirParticleAdapter } from "../../infra/constructs/fhir-particle-adapter.ts";
import { routes } from "../../shared/http/routes.ts";
import { checkedApp, functionsOf, resourcesOf, testApp } from "./test-app.ts";

const particle = { baseUrl: "https://sandbox.particlehealth.com" };
const CERTIFICATE_ARN = "arn:aws:acm:us-east-1:111122223333:certificate/00000000-0000-0000-0000-000000000000";
const WEB_ACL_ARN = "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/own/00000000-0000-0000-0000-000000000000";
const KEY_ARN = "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000";
const TOPIC_ARN = "arn:aws:sns:us-east-1:111122223333:operators";
const ENDPOINT = "vpce-0123456789abcdef0";
const SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"];

/**
 * The stack of another team, checked by cdk-nag: whatever the adapter makes must meet or answer every rule. What the
 * team brings along is imported, and so is not checked.
 */
function consumer(choicesIn: (stack: Stack) => FhirParticleAdapterProps, props: StackProps = {}) {
  const app = checkedApp();
  const stack = new Stack(app, "SomebodyElse", props);
  const adapter = new FhirParticleAdapter(stack, "Adapter", choicesIn(stack));
  const synthesis = (() => {
    try {
      app.synth();
    } catch (error) {
      return String(error);
    }
    return "clean";
  })();
  return { stack, adapter, synthesis, template: Template.fromStack(stack) };
}

const vpcOf = (stack: Stack) =>
  Vpc.fromVpcAttributes(stack, "Vpc", {
    vpcId: "vpc-0123456789abcdef0",
    availabilityZones: ["us-east-1a", "us-east-1b"],
    privateSubnetIds: SUBNETS,
    privateSubnetRouteTableIds: ["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"],
  });

const endpointOf = (stack: Stack) =>
  InterfaceVpcEndpoint.fromInterfaceVpcEndpointAttributes(stack, "Endpoint", { vpcEndpointId: ENDPOINT, port: 443 });

const domainOf = (stack: Stack) => ({
  domainName: "fhir.example.org",
  certificate: Certificate.fromCertificateArn(stack, "Certificate", CERTIFICATE_ARN),
});

/** Every prop that can stand together: those of a public API. A new prop that is not here does not compile. */
type EveryProp = Required<Omit<FhirParticleAdapterProps, "privateEndpoint">> & {
  readonly particle: Required<ParticleProps>;
};

const open = consumer(
  (stack): EveryProp => ({
    authorisation: {
      kind: "oidc",
      issuer: "https://issuer.example/tenant",
      audiences: ["https://fhir.example.org"],
      tokenEndpoint: "https://issuer.example/tenant/token",
      jwksUri: "https://issuer.example/tenant/keys",
      algorithms: ["ES384"],
      clientAuthentication: ["client_secret_basic"],
      clockTolerance: Duration.seconds(5),
      cacheTokens: Duration.minutes(1),
    },
    particle: {
      ...particle,
      apiVersion: "v2",
      authorizationPrefix: "",
      attemptTimeout: Duration.seconds(3),
      credentials: Secret.fromSecretNameV2(stack, "Credentials", "particle"),
    },
    settle: Duration.seconds(90),
    retryWindow: Duration.hours(1),
    uniqueIdentifierSystems: ["https://example.org/mrn"],
    patientIdSystem: "https://example.org/mpi",
    replacedPatients: "delete",
    validation: "lenient",
    patientIdIdentifierSystem: "https://example.org/patient_id",
    particlePatientIdIdentifierSystem: "https://example.org/particle_patient_id",
    encryptionKey: Key.fromKeyArn(stack, "OwnKey", KEY_ARN),
    removalPolicy: RemovalPolicy.DESTROY,
    logRetention: RetentionDays.TEN_YEARS,
    auditRetention: RetentionDays.TEN_YEARS,
    alarmTopic: Topic.fromTopicArn(stack, "Topic", TOPIC_ARN),
    throttling: { rateLimit: 5, burstLimit: 7 },
    manageAccountLogging: false,
    cors: { allowedOrigins: ["https://app.example.org"] },
    customDomain: {
      ...domainOf(stack),
      hostedZone: HostedZone.fromHostedZoneAttributes(stack, "Zone", { hostedZoneId: "Z1", zoneName: "example.org" }),
      basePath: "r4",
    },
    firewall: "managed",
    network: { vpc: vpcOf(stack) },
    concurrency: {
      "create-patient": { reserved: 20, provisioned: 2 },
      "refresh-token": { provisioned: 1 },
      "authorize-request": { provisioned: 3 },
    },
  }),
);

/** What excludes a part of those: a private API, whose callers sign, with a firewall of its owner. */
const closed = consumer((stack) => ({
  particle,
  authorisation: { kind: "iam" },
  privateEndpoint: { vpcEndpoints: [endpointOf(stack)] },
  firewall: { webAclRef: { webAclArn: WEB_ACL_ARN } },
  network: {
    vpc: vpcOf(stack),
    subnets: { subnetType: SubnetType.PRIVATE_WITH_EGRESS, availabilityZones: ["us-east-1b"] },
    securityGroups: [SecurityGroup.fromSecurityGroupId(stack, "Group", "sg-0123456789abcdef0")],
  },
}));

describe.each([
  ["every option of a public API", open],
  ["those of a private one", closed],
])("an adapter with %s", (_, { synthesis }) => {
  it("meets or answers every nag rule", () => expect(synthesis).toBe("clean"));
});

describe("a custom domain", () => {
  const { adapter, template } = open;

  it("is the one name of the API", () => {
    expect(adapter.url).toBe("https://fhir.example.org/r4/");
    template.hasResourceProperties("AWS::ApiGateway::RestApi", { DisableExecuteApiEndpoint: true });
    template.hasResourceProperties("AWS::ApiGateway::BasePathMapping", {
      BasePath: "r4",
      Stage: { Ref: Match.stringLikeRegexp("DeploymentStage") },
    });
    template.hasResourceProperties("AWS::Route53::RecordSet", { Name: "fhir.example.org.", Type: "A" });
  });

  it("speaks the TLS of the API", () => {
    template.hasResourceProperties("AWS::ApiGateway::DomainName", {
      SecurityPolicy: "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
      EndpointAccessMode: "STRICT",
      EndpointConfiguration: { Types: ["REGIONAL"] },
      RegionalCertificateArn: CERTIFICATE_ARN,
    });
  });

  it("has no base path and no record where none is asked for", () => {
    const stack = new Stack(testApp(), "Stack");
    const bare = new FhirParticleAdapter(stack, "Adapter", { particle, customDomain: domainOf(stack) });
    expect(bare.url).toBe("https://fhir.example.org/");
    const types = stack.node.findAll().map((node) => node.constructor.name);
    expect(types).toContain("CfnBasePathMapping");
    expect(types).not.toContain("CfnRecordSet");
  });

  it("is refused for a private API", () => {
    const stack = new Stack(testApp(), "Stack");
    const props = {
      particle,
      customDomain: domainOf(stack),
      privateEndpoint: { vpcEndpoints: [endpointOf(stack)] },
    };
    expect(() => new FhirParticleAdapter(stack, "Adapter", props)).toThrow(/privateEndpoint/);
  });
});

describe("a private endpoint", () => {
  const { template } = closed;

  it("is the only way in", () => {
    template.hasResourceProperties("AWS::ApiGateway::RestApi", {
      EndpointConfiguration: { Types: ["PRIVATE"], VpcEndpointIds: [ENDPOINT] },
      Policy: {
        Statement: [
          {
            Effect: "Deny",
            Principal: { AWS: "*" },
            Action: "execute-api:Invoke",
            Resource: "execute-api:/*",
            Condition: { StringNotEquals: { "aws:SourceVpce": [ENDPOINT] } },
          },
        ],
      },
    });
  });

  it("lets nobody in unsigned, or without a policy of their own", () => {
    template.allResourcesProperties("AWS::ApiGateway::Method", { AuthorizationType: "AWS_IAM" });
    expect(JSON.stringify(resourcesOf(template, "AWS::ApiGateway::RestApi"))).not.toContain('"Effect":"Allow"');
  });

  it.each([
    ["preflights, where pages may call", { cors: { allowedOrigins: ["https://app.example.org"] } }, ["OPTIONS/*"]],
    [
      "discovery, where callers sign in with tokens",
      {
        authorisation: {
          kind: "oidc",
          issuer: "https://issuer.example/tenant",
          audiences: ["https://fhir.example.org"],
          tokenEndpoint: "https://issuer.example/tenant/token",
        },
      },
      ["GET/metadata", "HEAD/metadata", "GET/.well-known/smart-configuration", "HEAD/.well-known/smart-configuration"],
    ],
  ] as const)("lets in who did not sign in for %s, and for nothing else", (_, choice, open) => {
    const stack = new Stack(testApp(), "Stack");
    const { api } = new FhirParticleAdapter(stack, "Adapter", {
      particle,
      privateEndpoint: { vpcEndpoints: [endpointOf(stack)] },
      ...choice,
    });
    const policy = stack.resolve((api.node.defaultChild as CfnRestApi).policy);
    const allowed = policy.Statement.filter(({ Effect }: { Effect: string }) => Effect === "Allow");
    const resources = allowed.flatMap(({ Resource }: { Resource: string | string[] }) => Resource);
    expect(resources.sort()).toEqual(open.map((method) => `execute-api:/*/${method}`).sort());
  });

  it("is refused where nobody could come in", () => {
    const stack = new Stack(testApp(), "Stack");
    const props = { particle, privateEndpoint: { vpcEndpoints: [] } };
    expect(() => new FhirParticleAdapter(stack, "Adapter", props)).toThrow(/nobody could reach/);
  });
});

describe("a firewall", () => {
  it("of managed rules counts where they would refuse valid FHIR, and stores nothing of a request", () => {
    const { template } = open;
    const [acl] = Object.values(resourcesOf(template, "AWS::WAFv2::WebACL"));
    const { Rules, Scope, VisibilityConfig } = acl!.Properties as { Rules: Rule[]; Scope: string } & Visible;
    expect(Scope).toBe("REGIONAL");
    const counted = Rules.map(({ Name, Statement: { ManagedRuleGroupStatement: group } }) => [
      Name,
      (group.RuleActionOverrides ?? []).map((rule) => `${rule.Name} ${Object.keys(rule.ActionToUse)}`),
    ]);
    expect(counted).toEqual([
      ["AWSManagedRulesAmazonIpReputationList", []],
      ["AWSManagedRulesKnownBadInputsRuleSet", []],
      [
        "AWSManagedRulesCommonRuleSet",
        [
          "SizeRestrictions_BODY Count",
          "CrossSiteScripting_BODY Count",
          "NoUserAgent_HEADER Count",
          "SizeRestrictions_QUERYSTRING Count",
        ],
      ],
    ]);
    const visible = [VisibilityConfig, ...Rules.map((rule) => rule.VisibilityConfig)];
    expect(visible.map(({ SampledRequestsEnabled }) => SampledRequestsEnabled)).toEqual([false, false, false, false]);
    template.resourceCountIs("AWS::WAFv2::LoggingConfiguration", 0);
    template.resourceCountIs("AWS::WAFv2::WebACLAssociation", 1);
  });

  it("of one's own stands in front of the stage", () => {
    const { template } = closed;
    template.resourceCountIs("AWS::WAFv2::WebACL", 0);
    template.hasResourceProperties("AWS::WAFv2::WebACLAssociation", {
      WebACLArn: WEB_ACL_ARN,
      ResourceArn: { "Fn::Join": ["", Match.arrayWith([{ Ref: Match.stringLikeRegexp("DeploymentStage") }])] },
    });
  });
});

type Visible = { readonly VisibilityConfig: { readonly SampledRequestsEnabled: boolean } };
type Rule = Visible & {
  readonly Name: string;
  readonly Statement: {
    readonly ManagedRuleGroupStatement: {
      readonly RuleActionOverrides?: readonly { readonly Name: string; readonly ActionToUse: object }[];
    };
  };
};

describe("a VPC", () => {
  const { template } = open;

  it("holds every function in its private subnets, with nothing inbound and TLS outbound", () => {
    const [group] = Object.keys(resourcesOf(template, "AWS::EC2::SecurityGroup"));
    const configs = Object.values(functionsOf(template)).map(({ Properties }) => Properties.VpcConfig);
    const expected = { SubnetIds: SUBNETS, SecurityGroupIds: [{ "Fn::GetAtt": [group, "GroupId"] }] };
    expect(configs).toEqual(configs.map(() => expected));
    template.hasResourceProperties("AWS::EC2::SecurityGroup", {
      SecurityGroupIngress: Match.absent(),
      SecurityGroupEgress: [Match.objectLike({ CidrIp: "0.0.0.0/0", IpProtocol: "tcp", FromPort: 443, ToPort: 443 })],
    });
    template.resourceCountIs("AWS::EC2::SecurityGroup", 1);
  });

  it("has its network interfaces made by Lambda, and by no code that runs in it", () => {
    const roles = Object.values(functionsOf(template)).map(({ Properties }) => Properties.Role["Fn::GetAtt"][0]);
    for (const role of roles) {
      const [policy] = Object.values(resourcesOf(template, "AWS::IAM::Policy")).filter(
        ({ Properties }) => Properties.Roles[0].Ref === role,
      );
      const statements = policy!.Properties.PolicyDocument.Statement.filter((statement: object) =>
        JSON.stringify(statement).includes("ec2:"),
      );
      const [allow, deny] = statements;
      expect(statements.map(({ Effect }: { Effect: string }) => Effect)).toEqual(["Allow", "Deny"]);
      expect(allow.Action).toEqual(expect.arrayContaining(deny.Action));
      expect(deny.Action).toContain("ec2:CreateNetworkInterface");
      expect(JSON.stringify(deny.Condition)).toMatch(/lambda:SourceFunctionArn.*:function:\*/);
    }
  });

  it("is used as its owner says", () => {
    closed.template.resourceCountIs("AWS::EC2::SecurityGroup", 0);
    closed.template.allResourcesProperties("AWS::Lambda::Function", {
      VpcConfig: { SubnetIds: [SUBNETS[1]], SecurityGroupIds: ["sg-0123456789abcdef0"] },
    });
  });
});

describe("what an adapter shows of itself", () => {
  const { stack, adapter, template } = open;

  it("are the security group, the web ACL and the queue that it made", () => {
    const made = (type: string) => Object.keys(resourcesOf(template, type))[0];
    const [group] = adapter.securityGroups;
    expect(stack.resolve(group?.securityGroupId)).toEqual({
      "Fn::GetAtt": [made("AWS::EC2::SecurityGroup"), "GroupId"],
    });
    expect(stack.resolve(adapter.webAcl?.ref)).toEqual({ Ref: made("AWS::WAFv2::WebACL") });
    expect(stack.resolve(adapter.deadLetters.queueArn)).toEqual({ "Fn::GetAtt": [made("AWS::SQS::Queue"), "Arn"] });
    expect(adapter.authorizer).toBeDefined();
  });

  it("are the security groups that it was given, and nothing that it did not make", () => {
    expect(closed.adapter.securityGroups.map(({ securityGroupId }) => securityGroupId)).toEqual([
      "sg-0123456789abcdef0",
    ]);
    expect([closed.adapter.webAcl, closed.adapter.authorizer]).toEqual([undefined, undefined]);
  });
});

describe("concurrency", () => {
  const { stack, adapter, template } = open;
  const aliases = Object.entries(resourcesOf(template, "AWS::Lambda::Alias"));
  const aliasOf = (name: string) => aliases.find(([id]) => id.includes(name))![0];

  it("is reserved and provisioned for the functions that are named", () => {
    const reserved = Object.entries(resourcesOf(template, "AWS::Lambda::Function")).filter(
      ([, { Properties }]) => Properties.ReservedConcurrentExecutions !== undefined,
    );
    expect(reserved.map(([id]) => id)).toEqual([expect.stringContaining("CreatePatient")]);
    const provisioned = aliases.map(([, { Properties }]) => Properties.ProvisionedConcurrencyConfig);
    expect(provisioned.map((config) => config.ProvisionedConcurrentExecutions).sort()).toEqual([1, 2, 3]);
  });

  it("is of use: the API, its authorizer and the schedule call the alias, and may", () => {
    const authorize = { Ref: aliasOf("AuthorizeRequest") };
    const [authorizer] = Object.values(resourcesOf(template, "AWS::ApiGateway::Authorizer"));
    expect(JSON.stringify(authorizer!.Properties.AuthorizerUri)).toContain(JSON.stringify(authorize));
    template.hasResourceProperties("AWS::Lambda::Permission", { FunctionName: authorize });
    const create = aliasOf("CreatePatient");
    const methods = Object.values(resourcesOf(template, "AWS::ApiGateway::Method")).filter(({ Properties }) =>
      JSON.stringify(Properties.Integration.Uri).includes(create),
    );
    expect(methods).toHaveLength(routes.filter((route) => route.function === "create-patient").length);
    template.hasResourceProperties("AWS::Lambda::Permission", { FunctionName: { Ref: create } });
    const refresh = { Ref: aliasOf("RefreshToken") };
    template.hasResourceProperties("AWS::Scheduler::Schedule", { Target: Match.objectLike({ Arn: refresh }) });
    template.hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([{ Effect: "Allow", Action: "lambda:InvokeFunction", Resource: refresh }]),
      },
    });
    expect(stack.resolve(adapter.functions["create-patient"].functionArn)).toEqual({ Ref: create });
  });
});

describe("grants", () => {
  const stack = new Stack(testApp(), "Stack");
  const adapter = new FhirParticleAdapter(stack, "Adapter", { particle });
  const granted = (id: string, grant: (role: Role) => void): string[] => {
    const role = new Role(stack, id, { assumedBy: new AccountPrincipal("111122223333") });
    grant(role);
    const policy = Object.entries(resourcesOf(Template.fromStack(stack), "AWS::IAM::Policy")).find(([key]) =>
      key.startsWith(id),
    )![1];
    return policy.Properties.PolicyDocument.Statement.flatMap(({ Resource }: { Resource: unknown }) =>
      [Resource].flat().map((arn) => {
        const parts = (arn as { "Fn::Join": [string, (string | object)[]] })["Fn::Join"][1];
        return parts.at(-1);
      }),
    );
  };

  it("of reading name the routes that read, and none that writes", () => {
    expect(granted("Reader", (role) => adapter.grantRead(role)).sort()).toEqual([
      "/GET/Patient",
      "/GET/Patient/*",
      "/GET/Patient/*/_history/*",
      "/GET/metadata",
      "/HEAD/Patient",
      "/HEAD/Patient/*",
      "/HEAD/Patient/*/_history/*",
      "/HEAD/metadata",
      "/POST/Patient/_search",
    ]);
  });
});

describe.each([
  ["us-east-1", "aws"],
  ["us-gov-west-1", "aws-us-gov"],
  ["cn-north-1", "aws-cn"],
])("in %s", (region, partition) => {
  const { synthesis, template } = consumer(
    (stack) => ({
      particle: { ...particle, credentials: Secret.fromSecretNameV2(stack, "Credentials", "particle") },
      firewall: "managed",
    }),
    { env: { account: "111122223333", region } },
  );
  const text = JSON.stringify(template.toJSON());

  it("meets or answers every nag rule", () => expect(synthesis).toBe("clean"));

  it("names no other partition", () => {
    const partitions = [...text.matchAll(/arn:(aws[\w-]*):/g)].map(([, name]) => name);
    expect(new Set(partitions)).toEqual(new Set([partition]));
  });

  it("names no host of one partition, but for services that are the same principal in all", () => {
    const hosts = [...text.matchAll(/([\w.-]*)\.amazonaws\.com/g)].map(([, host]) => host);
    // The last one is the CDK's own: it adds it to the policy of a key with which a secret is encrypted.
    const known = ["apigateway", "lambda", "scheduler", `secretsmanager.${region}`];
    expect([...new Set(hosts)].sort()).toEqual(known);
  });
});
