/** http://tools.ietf.org/html/rfc6901, section 4: no sign, no leading zero. */
const INDEX = /^(?:0|[1-9]\d*)$/;

const tokensOf = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));

/** What a step leads to: an own property of an object or an entry of a list, and nothing that either inherits. */
function stepInto(parent: unknown, token: string): { readonly value: unknown } | undefined {
  if (typeof parent !== "object" || parent === null) {
    return undefined;
  }
  const isOwn = Array.isArray(parent)
    ? INDEX.test(token) && Number(token) < parent.length
    : Object.hasOwn(parent, token);
  return isOwn ? { value: (parent as Readonly<Record<string, unknown>>)[token] } : undefined;
}

/** What a JSON Pointer leads to in a document of JSON; undefined when there is nothing. */
export function valueAt(document: unknown, pointer: string): { readonly value: unknown } | undefined {
  return tokensOf(pointer).reduce<{ readonly value: unknown } | undefined>(
    (at, token) => at && stepInto(at.value, token),
    { value: document },
  );
}

/** Whether a value can be added where the pointer leads: its parent is there, and of a list, no place is left out. */
export function canAddAt(document: unknown, pointer: string): boolean {
  const cut = pointer.lastIndexOf("/");
  const parent = valueAt(document, pointer.slice(0, cut))?.value;
  const [token = ""] = tokensOf(pointer.slice(cut));
  return Array.isArray(parent)
    ? token === "-" || (INDEX.test(token) && Number(token) <= parent.length)
    : typeof parent === "object" && parent !== null;
}
