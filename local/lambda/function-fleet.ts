import type { FunctionDefinition } from "../template/deployment.ts";
import { functionEnvironment, type ServiceEndpoints } from "./function-environment.ts";
import type { FunctionLog } from "./function-log.ts";
import { createFunctionPool, type FunctionPool } from "./function-pool.ts";
import type { InvocationResult } from "./protocol.ts";

export type FunctionFleet = {
  readonly names: readonly string[];
  /**
   * @param functionName name or ARN
   * @param payload JSON
   * @throws Error when there is no such function; what goes wrong inside it is in the result
   */
  invoke(functionName: string, payload: string, signal?: AbortSignal): Promise<InvocationResult>;
  /** Ends the workers of one function dead; answers how many ran. */
  kill(functionName: string): Promise<number>;
  close(): Promise<void>;
};

type FleetOptions = {
  readonly endpoints: ServiceEndpoints;
  /** Values for variables that the template sets. */
  readonly environment: Readonly<Record<string, string>>;
  /** The most workers of one function that run at the same time. */
  readonly concurrency: number;
  readonly log: FunctionLog;
};

/** All functions of a deployment, each in worker threads of its own that start when they are first needed. */
export function createFunctionFleet(definitions: readonly FunctionDefinition[], options: FleetOptions): FunctionFleet {
  const pools = new Map<string, FunctionPool>();
  for (const definition of definitions) {
    const pool = createFunctionPool(definition, {
      environment: functionEnvironment(definition, options.endpoints, options.environment),
      concurrency: options.concurrency,
      log: (stream, text) => options.log.add(definition.name, stream, text),
    });
    pools.set(definition.name, pool);
    pools.set(definition.arn, pool);
  }
  const names = definitions.map(({ name }) => name);

  function poolOf(functionName: string): FunctionPool {
    const pool = pools.get(functionName);
    if (pool === undefined) {
      throw new Error(`There is no function ${functionName}. Functions: ${names.join(", ")}.`);
    }
    return pool;
  }

  return {
    names,
    invoke: async (functionName, payload, signal) => poolOf(functionName).invoke(payload, signal),
    kill: async (functionName) => poolOf(functionName).kill(),
    close: async () => {
      await Promise.all([...new Set(pools.values())].map((pool) => pool.close()));
    },
  };
}
