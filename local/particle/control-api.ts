import * as v from "valibot";
import { type Answer, jsonAnswer, refusal } from "./answer.ts";
import type { ApiRequest } from "./particle-api.ts";

/** What can be done to the simulator while it runs. */
export type Controls = {
  readonly switches: () => unknown;
  /** @throws ValiError when the changes are not valid */
  readonly configure: (changes: unknown) => unknown;
  readonly reset: () => unknown;
  readonly release: () => number;
  readonly requests: () => unknown;
  readonly clearRequests: () => void;
};

export const isControlPath = (path: string): boolean => path === "/_simulator" || path.startsWith("/_simulator/");

type Act = (controls: Controls, body: string) => Answer;

const acts = new Map<string, Act>([
  ["GET /_simulator", (controls) => jsonAnswer(200, controls.switches())],
  ["PUT /_simulator", (controls, body) => jsonAnswer(200, controls.configure(JSON.parse(body)))],
  ["DELETE /_simulator", (controls) => jsonAnswer(200, controls.reset())],
  ["POST /_simulator/release", (controls) => jsonAnswer(200, { released: controls.release() })],
  ["GET /_simulator/requests", (controls) => jsonAnswer(200, controls.requests())],
  [
    "DELETE /_simulator/requests",
    (controls) => {
      controls.clearRequests();
      return jsonAnswer(200, []);
    },
  ],
]);

/** Answers a request below `/_simulator`, which is not the vendor's: no token, no faults, no log. */
export function control(controls: Controls, { method, path, body }: ApiRequest): Answer {
  const act = acts.get(`${method} ${path}`);
  if (!act) return refusal("json", 404, "The simulator has no such control.");
  try {
    return act(controls, body ?? "");
  } catch (error) {
    if (error instanceof SyntaxError) return refusal("json", 400, "the body is not JSON");
    if (!(error instanceof v.ValiError)) throw error;
    const issues: readonly v.BaseIssue<unknown>[] = error.issues;
    return refusal("json", 400, issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join("; "));
  }
}
