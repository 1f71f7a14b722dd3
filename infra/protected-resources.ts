import { isDeepStrictEqual } from "node:util";
import { type ComparedResource, type ComparedTemplate, isRecord, type Properties } from "./compared-template.ts";

/** A resource, and the template that it is in: what conditions say stands elsewhere in it. */
type Compared = { readonly resource: ComparedResource; readonly template: ComparedTemplate };

/** One way in which a change of a resource loses what it holds. */
type Danger = {
  /** Ends the sentence "the stack would lose …:". */
  readonly because: string;
  readonly threatens: (deployed: Compared, next: Compared) => boolean;
};

const inProperties = (because: string, threatens: (deployed: Properties, next: Properties) => boolean): Danger => ({
  because,
  threatens: ({ resource: deployed }, { resource: next }) =>
    threatens(deployed.Properties ?? {}, next.Properties ?? {}),
});

const changed = (property: string, effect: string): Danger =>
  inProperties(
    `a change of ${property} ${effect}`,
    (deployed, next) => !isDeepStrictEqual(deployed[property], next[property]),
  );

const replacedBy = (property: string): Danger => changed(property, "replaces it");

const keptBy = (policy: "DeletionPolicy" | "UpdateReplacePolicy"): Danger => ({
  because: `its ${policy} no longer keeps it`,
  threatens: ({ resource: deployed }, { resource: next }) => keeps(deployed[policy]) && !keeps(next[policy]),
});

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
const keeps = (policy: unknown): boolean => policy === "Retain" || policy === "RetainExceptOnCreate";

const EVERYWHERE: readonly Danger[] = [
  keptBy("DeletionPolicy"),
  keptBy("UpdateReplacePolicy"),
  {
    because: "a condition that is new or changed may take it away",
    threatens: (deployed, next) => {
      const conditions = conditionsOf(next);
      return conditions !== undefined && !isDeepStrictEqual(conditions, conditionsOf(deployed));
    },
  },
];

/** All that a condition may depend on; undefined where none decides about the resource. */
const conditionsOf = ({ resource, template }: Compared): readonly unknown[] | undefined =>
  resource.Condition !== undefined || JSON.stringify(resource).includes('"Fn::If"')
    ? [resource.Condition, template.Conditions, template.Parameters, template.Mappings]
    : undefined;

const ATTRIBUTE_RETYPED = inProperties("another type of an attribute replaces it", (deployed, next) => {
  const types = attributeTypes(next);
  return [...attributeTypes(deployed)].some(([name, type]) => types.has(name) && types.get(name) !== type);
});

/** Attributes that only indexes use may come and go. */
const attributeTypes = (properties: Properties): ReadonlyMap<unknown, unknown> =>
  new Map(recordsIn(properties["AttributeDefinitions"]).map((each) => [each["AttributeName"], each["AttributeType"]]));

const NO_LONGER_PROTECTED = "it is no longer protected from deletion";

/**
 * What a deployment cannot get back, and the changes by which CloudFormation makes it anew, empties it or may do so from
 * then on. Which properties replace a resource: "Update requires" in
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
 */
const PROTECTED: Readonly<Record<string, readonly Danger[]>> = {
  "AWS::DynamoDB::Table": [
    ...["TableName", "KeySchema", "LocalSecondaryIndexes", "ImportSourceSpecification"].map(replacedBy),
    ATTRIBUTE_RETYPED,
    inProperties(NO_LONGER_PROTECTED, (deployed, next) => isOff("DeletionProtectionEnabled", deployed, next)),
  ],
  "AWS::DynamoDB::GlobalTable": [
    ...["TableName", "KeySchema", "LocalSecondaryIndexes"].map(replacedBy),
    ATTRIBUTE_RETYPED,
    inProperties("a region loses its replica", (deployed, next) => replicasIn(deployed, next).includes(undefined)),
    inProperties(NO_LONGER_PROTECTED, (deployed, next) => {
      const successors = replicasIn(deployed, next);
      return recordsIn(deployed["Replicas"]).some((replica, at) =>
        isOff("DeletionProtectionEnabled", replica, successors[at] ?? replica),
      );
    }),
  ],
  "AWS::SecretsManager::Secret": [
    replacedBy("Name"),
    changed("GenerateSecretString", "generates another value"),
    changed("SecretString", "overwrites its value"),
  ],
  "AWS::KMS::Key": [
    ...["KeySpec", "KeyUsage", "MultiRegion", "Origin"].map(replacedBy),
    inProperties("what it encrypted cannot be read while it is disabled", (deployed, next) =>
      isOff("Enabled", { Enabled: true, ...deployed }, { Enabled: true, ...next }),
    ),
  ],
};

const isOff = (property: string, deployed: Properties, next: Properties): boolean =>
  deployed[property] === true && next[property] !== true;

/** What becomes of each deployed replica; undefined of one whose region is no longer there. */
function replicasIn(deployed: Properties, next: Properties): readonly (Properties | undefined)[] {
  const successors = recordsIn(next["Replicas"]);
  return recordsIn(deployed["Replicas"]).map(({ Region: region }) =>
    successors.find(({ Region }) => isDeepStrictEqual(Region, region)),
  );
}

const recordsIn = (list: unknown): readonly Properties[] => (Array.isArray(list) ? list.filter(isRecord) : []);

export const isProtected = ({ Type }: ComparedResource): boolean => Object.hasOwn(PROTECTED, Type);

/** By what a protected resource would be lost if its next form were deployed. */
export const dangersTo = (deployed: Compared, next: Compared): readonly string[] =>
  [...(PROTECTED[deployed.resource.Type] ?? []), ...EVERYWHERE]
    .filter(({ threatens }) => threatens(deployed, next))
    .map(({ because }) => because);
