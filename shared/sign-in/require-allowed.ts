import { AdapterError } from "../failure/failure.ts";
import type { FhirRequest } from "../http/request.ts";
import type { Interaction, Route } from "../http/routes.ts";

/**
 * The permissions (letters of `cruds`) that each interaction takes: all letters of one of the alternatives.
 * https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources
 *
 * `u` allows an update that creates. A patch takes reading as well: a `test` in it asks what the patient is, and its answer
 * shows it. Validating is for those who may write; `$to-particle` also says what a
 * PUT would change, which only those may learn who may PUT. A Bundle takes nothing itself, but each of its entries takes
 * what it would take alone.
 */
const NEEDED: Readonly<Record<Interaction, readonly string[]>> = {
  create: ["c"],
  read: ["r"],
  vread: ["r"],
  update: ["u"],
  patch: ["ru"],
  delete: ["d"],
  "search-type": ["s"],
  $validate: ["c", "u"],
  "$to-particle": ["u"],
  transaction: [""],
  capabilities: [""],
  "smart-configuration": [""],
};

/** Each has a condition in its query where it has no id in its path. */
const CONDITIONAL: readonly Interaction[] = ["update", "delete"];

/** The sets of permissions of which any one will do. A condition is a search, and its answer shows whom it found. */
export const neededPermissions = (interaction: Interaction, isConditional: boolean): readonly string[] =>
  NEEDED[interaction].map((letters) => letters + (isConditional ? "s" : ""));

function hasCondition({ pathParameters, headers }: FhirRequest, interaction: Interaction): boolean {
  return interaction === "create"
    ? headers["if-none-exist"] !== undefined
    : CONDITIONAL.includes(interaction) && pathParameters["id"] === undefined;
}

/**
 * Lets a request pass whose sender may use the interaction. What IAM lets through is allowed: there, policies decide, at
 * the gateway. With a token its scopes decide, here.
 *
 * @param now epoch milliseconds
 * @throws AdapterError `unauthenticated` for a request that nobody signed, or whose token has expired since it was
 *   verified; `forbidden` with the scope that is missing.
 */
export function requireAllowed(
  request: FhirRequest,
  { interaction, open }: Pick<Route, "interaction" | "open">,
  now = Date.now(),
): void {
  const { signedIn } = request;
  if (open || signedIn?.by === "iam") {
    return;
  }
  // Written so that an expiry that is no number has passed.
  if (signedIn === undefined || !(signedIn.expiresAt * 1_000 > now)) {
    throw new AdapterError(
      { kind: "unauthenticated" },
      signedIn ? "The token has expired." : "The gateway let an unsigned request through.",
    );
  }
  const needed = neededPermissions(interaction, hasCondition(request, interaction));
  const isAllowed = needed.some((letters) => [...letters].every((letter) => signedIn.permissions.includes(letter)));
  if (!isAllowed) {
    const scopes = needed.map((letters) => `system/Patient.${letters}`);
    throw new AdapterError({ kind: "forbidden", scopes }, `The token lacks ${scopes.join(" or ")}.`);
  }
}
