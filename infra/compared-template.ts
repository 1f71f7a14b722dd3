/** A CloudFormation template, as far as it is compared. */
export type ComparedTemplate = {
  readonly Resources?: Readonly<Record<string, ComparedResource>>;
  readonly Conditions?: unknown;
  readonly Parameters?: unknown;
  readonly Mappings?: unknown;
};

export type ComparedResource = {
  readonly Type: string;
  readonly Properties?: Properties;
  readonly Condition?: unknown;
  readonly DeletionPolicy?: unknown;
  readonly UpdateReplacePolicy?: unknown;
};

export type Properties = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);
