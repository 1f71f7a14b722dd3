/** A field with the elements that feed it, as they are on the page. */
export type Join = {
  readonly field: number;
  readonly group: string;
  readonly from: readonly Element[];
  readonly to: Element;
};

const SVG = "http://www.w3.org/2000/svg";

type Point = { readonly x: number; readonly y: number; readonly isOutside: boolean };

/** Where a line meets an element: at its middle, or at the edge of its pane where it is scrolled out of sight. */
function endAt(made: Element, side: "left" | "right", origin: DOMRect): Point {
  const box = made.getBoundingClientRect();
  const pane = made.closest(".scroll")?.getBoundingClientRect() ?? origin;
  const middle = box.top + box.height / 2;
  const y = Math.min(Math.max(middle, pane.top + 4), pane.bottom - 4);
  return {
    x: (side === "left" ? box.left - 3 : box.right + 3) - origin.left,
    y: y - origin.top,
    isOutside: y !== middle,
  };
}

/** Draws a line from each element to the field that it feeds; those of the lit field above the others. */
export function drawJoins(svg: SVGSVGElement, joins: readonly Join[], lit: number | undefined): void {
  const origin = svg.getBoundingClientRect();
  const inOrder = [...joins].sort((one, other) => Number(one.field === lit) - Number(other.field === lit));
  svg.replaceChildren(
    ...inOrder.flatMap(({ field, group, from, to }) =>
      from.flatMap((source) => {
        const [start, end] = [endAt(source, "right", origin), endAt(to, "left", origin)];
        if (start.isOutside && end.isOutside) {
          return [];
        }
        const bend = Math.max(24, (end.x - start.x) / 2);
        const path = document.createElementNS(SVG, "path");
        path.setAttribute(
          "d",
          `M${start.x} ${start.y}C${start.x + bend} ${start.y} ${end.x - bend} ${end.y} ${end.x} ${end.y}`,
        );
        path.setAttribute("data-group", group);
        path.setAttribute("data-field", String(field));
        path.classList.toggle("lit", field === lit);
        path.classList.toggle("faded", lit !== undefined && field !== lit);
        path.classList.toggle("outside", start.isOutside || end.isOutside);
        return [path];
      }),
    ),
  );
}
