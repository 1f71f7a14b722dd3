import type { Respond } from "../http/request.ts";
import type { OperationName } from "../http/routes.ts";
import { type ContentRules, validateOperation } from "./validate-operation.ts";

const OPERATIONS: Readonly<Record<OperationName, (rules: ContentRules) => Respond>> = {
  validate: validateOperation,
};

/** POST /Patient/$… and /Patient/{id}/$…: by the last part of the route, which is the name of an operation. */
export const operationInteraction =
  (rules: ContentRules): Respond =>
  (request) =>
    OPERATIONS[operationIn(request.route)](rules)(request);

/** @throws Error for a route that the table does not have: the gateway sends no other here. */
function operationIn(route: string): OperationName {
  const name = route.slice(route.lastIndexOf("$") + 1);
  if (!isOperation(name)) {
    throw new Error("This function serves operations only.");
  }
  return name;
}

const isOperation = (name: string): name is OperationName => Object.hasOwn(OPERATIONS, name);
