/**
 * The HTTP surface as data: the CDK app makes resources and methods of it, the CapabilityStatement lists its
 * interactions, and answer-unrouted takes the Allow header from it.
 */
export type FunctionName =
  | "create-patient"
  | "read-patient"
  | "update-patient"
  | "patch-patient"
  | "delete-patient"
  | "search-patients"
  | "patient-operation"
  | "process-bundle"
  | "describe-capabilities";

/** Operations on Patient, by the code in their path. */
export type OperationName = "validate" | "to-particle";

/**
 * Codes of http://hl7.org/fhir/R4/valueset-type-restful-interaction.html, `capabilities` of the system, operations as
 * their path names them, and the discovery of SMART.
 */
export type Interaction =
  | "create"
  | "read"
  | "vread"
  | "update"
  | "patch"
  | "delete"
  | "search-type"
  | "transaction"
  | "capabilities"
  | "smart-configuration"
  | `$${OperationName}`;

/** `transaction` is the route of batches, too: the Bundle says which of them it is. */
export type Route = {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** As API Gateway writes it: `{id}` is a path parameter. */
  readonly path: string;
  readonly function: FunctionName;
  readonly interaction: Interaction;
  /** Answered without a token where callers sign in with tokens: a client must read it to learn how to get one. */
  readonly open?: true;
};

export const routes: readonly Route[] = [
  { method: "POST", path: "/Patient", function: "create-patient", interaction: "create" },
  { method: "GET", path: "/Patient", function: "search-patients", interaction: "search-type" },
  { method: "HEAD", path: "/Patient", function: "search-patients", interaction: "search-type" },
  { method: "POST", path: "/Patient/_search", function: "search-patients", interaction: "search-type" },
  { method: "POST", path: "/Patient/$validate", function: "patient-operation", interaction: "$validate" },
  { method: "POST", path: "/Patient/$to-particle", function: "patient-operation", interaction: "$to-particle" },
  { method: "PUT", path: "/Patient", function: "update-patient", interaction: "update" },
  { method: "DELETE", path: "/Patient", function: "delete-patient", interaction: "delete" },
  { method: "GET", path: "/Patient/{id}", function: "read-patient", interaction: "read" },
  { method: "HEAD", path: "/Patient/{id}", function: "read-patient", interaction: "read" },
  { method: "PUT", path: "/Patient/{id}", function: "update-patient", interaction: "update" },
  { method: "PATCH", path: "/Patient/{id}", function: "patch-patient", interaction: "patch" },
  { method: "DELETE", path: "/Patient/{id}", function: "delete-patient", interaction: "delete" },
  { method: "POST", path: "/Patient/{id}/$validate", function: "patient-operation", interaction: "$validate" },
  { method: "GET", path: "/Patient/{id}/_history/{versionId}", function: "read-patient", interaction: "vread" },
  { method: "HEAD", path: "/Patient/{id}/_history/{versionId}", function: "read-patient", interaction: "vread" },
  { method: "POST", path: "/", function: "process-bundle", interaction: "transaction" },
  { method: "GET", path: "/metadata", function: "describe-capabilities", interaction: "capabilities", open: true },
  { method: "HEAD", path: "/metadata", function: "describe-capabilities", interaction: "capabilities", open: true },
];

const smartConfiguration = {
  path: "/.well-known/smart-configuration",
  function: "describe-capabilities",
  interaction: "smart-configuration",
  open: true,
} as const;

/** There as well where callers sign in with tokens: https://hl7.org/fhir/smart-app-launch/conformance.html */
export const tokenRoutes: readonly Route[] = [
  { method: "GET", ...smartConfiguration },
  { method: "HEAD", ...smartConfiguration },
];

/** Undefined for what answer-unrouted answers. */
export const routeOf = (method: string, path: string): Route | undefined =>
  [...routes, ...tokenRoutes].find((route) => route.method === method && route.path === path);
