import type { Bundle, FhirResource, OperationOutcome, Patient } from "fhir/r4";
import { expect } from "vitest";
import type { AppFile } from "../../local/synthesise.ts";
import { readStack } from "../../local/template/assembly.ts";
import { startTwin, type Twin, type TwinOptions } from "../../local/twin.ts";
import { accessesOf, permissionsIn } from "./allowed-calls.ts";
import { synthesisedApp } from "./synthesised-app.ts";

/**
 * A twin of what the CDK app declares, on free ports. Its closing fails where a function has called of AWS what its
 * policy in the template does not allow: the twin itself refuses nobody.
 */
export async function startAdapter(options: Omit<TwinOptions, "outDir"> = {}, app?: AppFile): Promise<Twin> {
  const outDir = await synthesisedApp(app);
  const isAllowed = permissionsIn(readStack(outDir, "beta").template);
  const refused = new Set<string>();
  const twin = await startTwin({
    ...options,
    outDir,
    onAwsCall(call) {
      options.onAwsCall?.(call);
      for (const access of accessesOf(call)) {
        if (call.caller !== OPERATOR && !isAllowed(call.caller, access)) {
          refused.add(`${call.caller}: ${access.action} on ${access.resource}`);
        }
      }
    },
  });
  return {
    ...twin,
    async close() {
      await twin.close();
      expect([...refused], "calls that no policy allows").toEqual([]);
    },
  };
}

/** Who made the table, and looks into it. */
const OPERATOR = "local";

export type Answer<Resource> = {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where there is no body. */
  readonly resource: Resource;
};

export type FhirClient = ReturnType<typeof fhirClient>;

/** What FHIR clients do, without any of their opinions. */
export function fhirClient(base: string) {
  async function send<Resource = FhirResource>(
    method: string,
    path: string,
    { body, headers = {} }: { body?: unknown; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer<Resource>> {
    const response = await fetch(path.startsWith("http") ? path : base + path, {
      method,
      headers: { ...(body !== undefined && { "Content-Type": "application/fhir+json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      resource: (text === "" ? undefined : JSON.parse(text)) as Resource,
    };
  }
  type Headed = Readonly<Record<string, string>>;
  return {
    send,
    create: (patient: Patient, headers: Headed = {}) => send<Patient>("POST", "/Patient", { body: patient, headers }),
    read: (id: string, headers: Headed = {}) => send<Patient>("GET", `/Patient/${id}`, { headers }),
    update: (patient: Patient, headers: Headed = {}) =>
      send<Patient>("PUT", `/Patient/${patient.id}`, { body: patient, headers }),
    remove: (id: string, headers: Headed = {}) => send("DELETE", `/Patient/${id}`, { headers }),
    search: (query: string, headers: Headed = {}) => send<Bundle<Patient>>("GET", `/Patient${query}`, { headers }),
    /** The outcome of a request that is to fail. */
    failure: (method: string, path: string, options: Parameters<typeof send>[2] = {}) =>
      send<OperationOutcome>(method, path, options),
  };
}

export const codesOf = (outcome: OperationOutcome): string[] => outcome.issue.map(({ code }) => code);

/** The id in a Location. */
export const idIn = (headers: Headers): string => /\/Patient\/([^/]+)/.exec(headers.get("location") ?? "")?.[1] ?? "";
