import type { Respond } from "../http/request.ts";
import type { OperationName } from "../http/routes.ts";
import type { Foreseeing } from "../registration/foresee-update.ts";
import { toParticleOperation } from "./to-particle-operation.ts";
import { validateOperation } from "./validate-operation.ts";

const OPERATIONS: Readonly<Record<OperationName, (foreseeing: Foreseeing) => Respond>> = {
  validate: validateOperation,
  "to-particle": toParticleOperation,
};

/** POST /Patient/$… and /Patient/{id}/$…: by the last part of the route, which is the name of an operation. */
export const operationInteraction =
  (foreseeing: Foreseeing): Respond =>
  (request) =>
    OPERATIONS[operationIn(request.route)](foreseeing)(request);

/** @throws Error for a route that the table does not have: the gateway sends no other here. */
function operationIn(route: string): OperationName {
  const name = route.slice(route.lastIndexOf("$") + 1);
  if (!isOperation(name)) {
    throw new Error("This function serves operations only.");
  }
  return name;
}

const isOperation = (name: string): name is OperationName => Object.hasOwn(OPERATIONS, name);
