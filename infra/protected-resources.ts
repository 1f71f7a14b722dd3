import { isDeepStrictEqual } from "node:util";

/** A CloudFormation template, as far as it is compared. */
export type ComparedTemplate = {
  readonly Resources?: Readonly<
    Record<string, { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> }>
  >;
};

/** Lets one resource be lost by a release, for a while. */
export type Waiver = {
  /** Of the stack, such as `beta-FhirParticleAdapter`. */
  readonly stackName: string;
  readonly logicalId: string;
  /** The last day on which it holds: `YYYY-MM-DD`, UTC. */
  readonly until: string;
  readonly reason: string;
};

export type Loss = { readonly logicalId: string; readonly type: string; readonly because: string };

type Properties = Readonly<Record<string, unknown>>;
type Aspect = { readonly because: string; readonly of: (properties: Properties) => unknown };

const replacedBy = (property: string): Aspect => ({
  because: `a change of ${property} replaces it`,
  of: (properties) => properties[property],
});

/**
 * What a deployment cannot get back, and the properties with whose change CloudFormation makes it anew. Which they are:
 * "Update requires" in https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
 */
const PROTECTED: Readonly<Record<string, readonly Aspect[]>> = {
  "AWS::DynamoDB::Table": [
    replacedBy("TableName"),
    replacedBy("KeySchema"),
    replacedBy("ImportSourceSpecification"),
    { because: "a change of the type of a key attribute replaces it", of: keyAttributes },
  ],
  "AWS::SecretsManager::Secret": [
    replacedBy("Name"),
    { because: "a change of GenerateSecretString generates another value", of: (all) => all["GenerateSecretString"] },
    { because: "a change of SecretString overwrites its value", of: (all) => all["SecretString"] },
  ],
  "AWS::KMS::Key": ["KeySpec", "KeyUsage", "MultiRegion", "Origin"].map(replacedBy),
};

/**
 * What a release would take away or replace of tables, secrets and keys, less what a waiver allows.
 *
 * @param today `YYYY-MM-DD`, UTC
 */
export function lossesOf(
  deployed: ComparedTemplate,
  next: ComparedTemplate,
  stackName: string,
  waivers: readonly Waiver[],
  today: string,
): readonly Loss[] {
  const waived = new Set(
    waivers
      .filter((waiver) => waiver.stackName === stackName && today <= waiver.until)
      .map(({ logicalId }) => logicalId),
  );
  return Object.entries(deployed.Resources ?? {})
    .flatMap(([logicalId, { Type: type, Properties = {} }]): Loss[] => {
      const aspects = PROTECTED[type];
      if (!aspects) {
        return [];
      }
      const successor = next.Resources?.[logicalId];
      if (successor?.Type !== type) {
        return [{ logicalId, type, because: "it is no longer in the template" }];
      }
      return aspects
        .filter(({ of }) => !isDeepStrictEqual(of(Properties), of(successor.Properties ?? {})))
        .map(({ because }) => ({ logicalId, type, because }));
    })
    .filter(({ logicalId }) => !waived.has(logicalId));
}

/** Definitions of attributes that only indexes use may come and go. */
function keyAttributes(properties: Properties): readonly string[] {
  const keys = named(properties["KeySchema"]).map(({ AttributeName }) => AttributeName);
  return named(properties["AttributeDefinitions"])
    .filter(({ AttributeName }) => keys.includes(AttributeName))
    .map(({ AttributeName, AttributeType }) => `${AttributeName} ${AttributeType}`)
    .sort();
}

const named = (list: unknown): readonly { readonly AttributeName?: string; readonly AttributeType?: string }[] =>
  Array.isArray(list) ? list : [];
