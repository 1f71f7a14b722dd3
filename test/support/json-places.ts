/** A member of an object or an entry of an array. */
export type Place = { readonly parent: Record<string, unknown> | unknown[]; readonly key: string | number };

/** Every member and entry of a value, at any depth. */
export function places(value: unknown): Place[] {
  if (Array.isArray(value)) return value.flatMap((entry, key) => [{ parent: value, key }, ...places(entry)]);
  if (typeof value !== "object" || value === null) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key) => [{ parent, key }, ...places(parent[key])]);
}

export function valueAt({ parent, key }: Place): unknown {
  return Array.isArray(parent) ? parent[Number(key)] : parent[key];
}

export function put({ parent, key }: Place, value: unknown): void {
  if (Array.isArray(parent)) parent[Number(key)] = value;
  else parent[key] = value;
}
