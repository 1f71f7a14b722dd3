/**
 * The FHIRPath of an element, and those of everything that holds it: `Patient.name[0].family`, `Patient.name[0]`,
 * `Patient.name`, `Patient`.
 */
export function* upwards(expression: string): Generator<string> {
  let path = expression;
  while (path !== "") {
    yield path;
    path = path.slice(0, Math.max(path.lastIndexOf("."), path.lastIndexOf("["), 0));
  }
}
