import type { PageView, Row } from "../page-view.ts";
import { upwards } from "../path-upwards.ts";
import { element } from "./elements.ts";
import { badge, groupOf, spoken } from "./marks.ts";

type Item = {
  readonly row: Row;
  readonly index: number;
  /** The row that holds this one. */
  readonly parent: Item | undefined;
  /** Absent where it holds nothing. */
  readonly hasParts: boolean;
  readonly made: HTMLElement;
  isOpen: boolean;
};

export type TreeEvents = {
  /** The row under the pointer or in focus changed. */
  readonly onPoint: (row: Row | undefined) => void;
  /** Enter on a row that feeds a field. */
  readonly onFollow: (field: number) => void;
  readonly onBack: () => void;
  /** Rows moved: opened, closed. */
  readonly onMoved: () => void;
};

/** With more rows than this, entries that hold nothing sent and nothing faulty are closed at first. */
const MOST_OPEN = 400;

/** The rows of a Patient as a tree for pointer, keyboard and screen reader: https://www.w3.org/WAI/ARIA/apg/patterns/treeview/ */
export class Tree {
  readonly #root: HTMLElement;
  readonly #events: TreeEvents;
  #items: readonly Item[] = [];
  #byElement: ReadonlyMap<Element, Item> = new Map();
  #current: Item | undefined;

  constructor(root: HTMLElement, events: TreeEvents) {
    this.#root = root;
    this.#events = events;
    root.addEventListener("keydown", (event) => this.#onKey(event));
    root.addEventListener("pointerover", (event) => events.onPoint(this.#itemAt(event.target)?.row));
    root.addEventListener("pointerleave", () => events.onPoint(this.#focused()?.row));
    root.addEventListener("focusin", (event) => {
      const item = this.#itemAt(event.target);
      if (item !== undefined) {
        this.#makeCurrent(item);
        events.onPoint(item.row);
      }
    });
    root.addEventListener("focusout", () => events.onPoint(undefined));
    root.addEventListener("click", (event) => this.#onClick(event));
  }

  show(view: PageView): void {
    const holders: Item[] = [];
    this.#items = view.rows.map((row, index): Item => {
      holders.length = row.depth;
      const hasParts = (view.rows[index + 1]?.depth ?? 0) > row.depth;
      const item = { row, index, parent: holders[row.depth - 1], hasParts, isOpen: true, made: rowElement(view, row) };
      holders.push(item);
      return item;
    });
    if (this.#items.length > MOST_OPEN) {
      this.#closeWhatSaysLittle();
    }
    this.#byElement = new Map(this.#items.map((item) => [item.made, item]));
    this.#root.replaceChildren(...this.#items.map(({ made }) => made));
    this.#update();
    const [first] = this.#items;
    if (first !== undefined) {
      this.#makeCurrent(first);
    }
  }

  focus(): void {
    this.#current?.made.focus();
  }

  /** Opens what hides the row of an element, or of what would hold the element, and moves the focus there. */
  focusOn(expression: string): void {
    const [item] = [...upwards(expression)].flatMap(
      (path) => this.#items.find(({ row }) => row.expression === path) ?? [],
    );
    for (let holder = item?.parent; holder !== undefined; holder = holder.parent) {
      holder.isOpen = true;
    }
    this.#update();
    item?.made.focus();
  }

  /** The next row after the current one, from the top again at the end, that is what is looked for. */
  focusNext(isWanted: (row: Row) => boolean): void {
    const from = (this.#current?.index ?? -1) + 1;
    const inTurn = [...this.#items.slice(from), ...this.#items.slice(0, from)];
    const next = inTurn.find(({ row }) => isWanted(row));
    if (next !== undefined) {
      this.focusOn(next.row.expression);
    }
  }

  /** Where lines of a field begin: at the rows that feed it, or at the closed ones that hide them. */
  marksOf(field: number): Element[] {
    const rows = this.#items.filter(({ row }) => row.mark?.field === field).map((item) => visible(item).made);
    return [...new Set(rows)].map((row) => row.querySelector(".mark") ?? row);
  }

  highlight(field: number | undefined): void {
    for (const { row, made } of this.#items) {
      made.classList.toggle("lit", field !== undefined && row.mark?.field === field);
    }
  }

  reveal(field: number): void {
    const fed = this.#items.find(({ row }) => row.mark?.field === field);
    if (fed !== undefined) {
      visible(fed).made.scrollIntoView({ block: "nearest" });
    }
  }

  #closeWhatSaysLittle(): void {
    const telling = new Set<Item | undefined>();
    for (const item of this.#items) {
      const { mark, notes } = item.row;
      if (mark?.field !== undefined || mark?.kind === "faulty" || notes.length > 0) {
        for (let holder = item.parent; holder !== undefined; holder = holder.parent) {
          telling.add(holder);
        }
      }
    }
    for (const item of this.#items) {
      item.isOpen = !item.hasParts || item.row.depth === 0 || telling.has(item);
    }
  }

  #update(): void {
    for (const item of this.#items) {
      item.made.hidden = visible(item) !== item;
      if (item.hasParts) {
        item.made.setAttribute("aria-expanded", String(item.isOpen));
      }
    }
    this.#events.onMoved();
  }

  #setOpen(item: Item, isOpen: boolean): void {
    item.isOpen = isOpen;
    this.#update();
  }

  #itemAt(target: EventTarget | null): Item | undefined {
    const made = target instanceof Element ? target.closest("[role=treeitem]") : null;
    return made === null ? undefined : this.#byElement.get(made);
  }

  #focused(): Item | undefined {
    return this.#current?.made === document.activeElement ? this.#current : undefined;
  }

  #makeCurrent(item: Item): void {
    this.#current?.made.setAttribute("tabindex", "-1");
    this.#current = item;
    item.made.setAttribute("tabindex", "0");
  }

  #onClick(event: MouseEvent): void {
    const item = this.#itemAt(event.target);
    if (item === undefined) {
      return;
    }
    item.made.focus({ preventScroll: true });
    if (item.hasParts && event.target instanceof Element && event.target.closest(".key") !== null) {
      this.#setOpen(item, !item.isOpen);
    } else if (item.row.mark?.field !== undefined && event.target instanceof Element && event.target.closest(".mark")) {
      this.#events.onFollow(item.row.mark.field);
    }
  }

  #onKey(event: KeyboardEvent): void {
    const item = this.#itemAt(event.target);
    if (item === undefined || event.ctrlKey || event.altKey || event.metaKey) {
      return;
    }
    const shown = this.#items.filter(({ made }) => !made.hidden);
    const at = shown.indexOf(item);
    const moves: Readonly<Record<string, () => void>> = {
      ArrowDown: () => shown[at + 1]?.made.focus(),
      ArrowUp: () => shown[at - 1]?.made.focus(),
      Home: () => shown[0]?.made.focus(),
      End: () => shown.at(-1)?.made.focus(),
      ArrowRight: () =>
        item.hasParts && !item.isOpen ? this.#setOpen(item, true) : item.hasParts && shown[at + 1]?.made.focus(),
      ArrowLeft: () => (item.hasParts && item.isOpen ? this.#setOpen(item, false) : item.parent?.made.focus()),
      Enter: () =>
        item.row.mark?.field !== undefined
          ? this.#events.onFollow(item.row.mark.field)
          : item.hasParts && this.#setOpen(item, !item.isOpen),
      Escape: () => this.#events.onBack(),
    };
    const move = moves[event.key === " " ? "Enter" : event.key];
    if (move !== undefined) {
      event.preventDefault();
      move();
    }
  }
}

/** The row itself, or the outermost closed one that hides it. */
function visible(item: Item): Item {
  let shown = item;
  for (let holder = item.parent; holder !== undefined; holder = holder.parent) {
    if (!holder.isOpen) {
      shown = holder;
    }
  }
  return shown;
}

const SIGNS = { error: "✕", warning: "!", information: "i" } as const;

function rowElement(view: PageView, row: Row): HTMLElement {
  const { mark, notes, label, text } = row;
  const made = element("div", {
    role: "treeitem",
    class: "row",
    tabindex: "-1",
    "aria-level": String(row.depth + 1),
    "data-expression": row.expression,
    ...(mark !== undefined && { "data-kind": mark.kind }),
    ...(mark?.field !== undefined && { "data-group": groupOf(view, mark.field) }),
    "aria-label": nameOf(row),
  });
  made.style.setProperty("--depth", String(row.depth));
  made.append(
    element(
      "span",
      { class: "json" },
      element("span", { class: "key" }, label),
      element("span", { class: "value" }, text),
    ),
  );
  if (mark !== undefined) {
    made.append(
      element("span", { class: "mark" }, element("span", { class: "word" }, mark.label), badge(mark.kind, mark.field)),
    );
  }
  for (const { severity, diagnostics, about } of notes) {
    const where = about === undefined ? [] : [element("code", {}, about), " "];
    made.append(
      element(
        "span",
        { class: "note", "data-severity": severity },
        element("b", {}, SIGNS[severity]),
        " ",
        ...where,
        diagnostics,
      ),
    );
  }
  return made;
}

function nameOf({ label, text, mark, notes }: Row): string {
  return [
    text === "" ? label : `${label} ${text}`,
    ...(mark === undefined ? [] : [spoken(mark)]),
    ...notes.map(({ severity, diagnostics, about = "" }) => `${severity}: ${about} ${diagnostics}`),
  ].join(". ");
}
