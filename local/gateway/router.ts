import type { ApiMethod } from "../template/rest-api.ts";

export type Match = {
  readonly method: ApiMethod;
  /** Decoded; null when the resource has none. */
  readonly pathParameters: Readonly<Record<string, string>> | null;
};

export type Router = {
  /**
   * @param path as it was sent, still encoded
   * @returns undefined when no resource or no method of the resource fits: API Gateway then answers
   * MISSING_AUTHENTICATION_TOKEN.
   */
  route(httpMethod: string, path: string): Match | undefined;
};

type Node = {
  readonly fixed: Map<string, Node>;
  /** The child `{name}`; a resource has one at most. */
  parameter: { readonly name: string; readonly node: Node } | undefined;
  /** The child `{name+}`. */
  greedy: { readonly name: string; readonly node: Node } | undefined;
  readonly methods: Map<string, ApiMethod>;
};

/**
 * Chooses as API Gateway does: a fixed path part before `{name}` before `{name+}`, and on the chosen resource the method
 * itself before `ANY`. A greedy resource does not catch a method that a more specific resource lacks.
 */
export function createRouter(methods: readonly ApiMethod[]): Router {
  const root = createNode();
  for (const method of methods) {
    let node = root;
    for (const part of partsOf(method.resourcePath)) {
      node = childFor(node, part);
    }
    node.methods.set(method.httpMethod, method);
  }

  return {
    route(httpMethod, path) {
      const parts = partsOf(path).map(decoded);
      const found = find(root, parts, 0);
      const method = found?.node.methods.get(httpMethod) ?? found?.node.methods.get("ANY");
      if (found === undefined || method === undefined) {
        return undefined;
      }
      const pathParameters = Object.fromEntries(found.parameters);
      return { method, pathParameters: found.parameters.length === 0 ? null : pathParameters };
    },
  };
}

type Found = { readonly node: Node; readonly parameters: readonly (readonly [string, string])[] };

function find(node: Node, parts: readonly string[], index: number): Found | undefined {
  const part = parts[index];
  if (part === undefined) {
    return node.methods.size > 0 ? { node, parameters: [] } : undefined;
  }
  const fixed = node.fixed.get(part);
  const inFixed = fixed && find(fixed, parts, index + 1);
  if (inFixed !== undefined) {
    return inFixed;
  }
  const { parameter, greedy } = node;
  const inParameter = parameter && find(parameter.node, parts, index + 1);
  if (parameter !== undefined && inParameter !== undefined) {
    return { node: inParameter.node, parameters: [[parameter.name, part], ...inParameter.parameters] };
  }
  return greedy && { node: greedy.node, parameters: [[greedy.name, parts.slice(index).join("/")]] };
}

function createNode(): Node {
  return { fixed: new Map(), parameter: undefined, greedy: undefined, methods: new Map() };
}

function childFor(node: Node, part: string): Node {
  if (part.startsWith("{") && part.endsWith("+}")) {
    node.greedy ??= { name: part.slice(1, -2), node: createNode() };
    return node.greedy.node;
  }
  if (part.startsWith("{") && part.endsWith("}")) {
    node.parameter ??= { name: part.slice(1, -1), node: createNode() };
    return node.parameter.node;
  }
  const child = node.fixed.get(part) ?? createNode();
  node.fixed.set(part, child);
  return child;
}

/** The root has no parts. A slash at the end makes no difference to API Gateway. */
function partsOf(path: string): string[] {
  const inner = path.replace(/^\//, "").replace(/\/$/, "");
  return inner === "" ? [] : inner.split("/");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
