import { isDeepStrictEqual } from "node:util";
import type { ComparedTemplate } from "./compared-template.ts";
import { pointersLost } from "./function-pointers.ts";
import { dangersTo, isProtected } from "./protected-resources.ts";
import { type Waiver, waivedIds } from "./waived-losses.ts";

export type Loss = { readonly logicalId: string; readonly type: string; readonly because: string };

/**
 * What a release would take away or replace of tables, secrets and keys, or put out of the functions' sight, less what a
 * waiver allows.
 *
 * @param today `YYYY-MM-DD`, UTC
 * @throws Error for a waiver that has no end, or one too far away
 */
export function lossesOf(
  deployed: ComparedTemplate,
  next: ComparedTemplate,
  stackName: string,
  waivers: readonly Waiver[],
  today: string,
): readonly Loss[] {
  const waived = waivedIds(waivers, stackName, today);
  return [...protectedLosses(deployed, next), ...nestedStacksTouched(deployed, next)].filter(
    ({ logicalId }) => !waived.has(logicalId),
  );
}

const protectedLosses = (deployed: ComparedTemplate, next: ComparedTemplate): readonly Loss[] =>
  Object.entries(deployed.Resources ?? {})
    .filter(([, resource]) => isProtected(resource))
    .flatMap(([logicalId, resource]) => {
      const { Type: type } = resource;
      const successor = next.Resources?.[logicalId];
      const reasons =
        successor?.Type === type
          ? [
              ...dangersTo({ resource, template: deployed }, { resource: successor, template: next }),
              ...pointersLost(deployed, next, logicalId),
            ]
          : ["it is no longer in the template"];
      return reasons.map((because) => ({ logicalId, type, because }));
    });

const NESTED_STACK = "AWS::CloudFormation::Stack";

/**
 * The template of a nested stack is another document, which is not read: it may hold whatever is protected. A change in it
 * changes the address of the template, so one that stays exactly as it is loses nothing.
 */
const nestedStacksTouched = (deployed: ComparedTemplate, next: ComparedTemplate): readonly Loss[] =>
  [...new Set([...Object.keys(deployed.Resources ?? {}), ...Object.keys(next.Resources ?? {})])]
    .map((logicalId) => ({ logicalId, before: deployed.Resources?.[logicalId], after: next.Resources?.[logicalId] }))
    .filter(({ before, after }) => before?.Type === NESTED_STACK || after?.Type === NESTED_STACK)
    .filter(({ before, after }) => !isDeepStrictEqual(before, after))
    .map(({ logicalId }) => ({
      logicalId,
      type: NESTED_STACK,
      because: "a nested stack appears, changes or disappears, and what is in it is not compared",
    }));
