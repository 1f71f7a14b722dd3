import type { FieldView, GroupView, PageView } from "../page-view.ts";
import { element } from "./elements.ts";
import { badge, numberOf } from "./marks.ts";

export type FieldEvents = {
  /** The field under the pointer or in focus changed. */
  readonly onPoint: (field: number | undefined) => void;
  /** Somebody wants to see the element of a FHIRPath. */
  readonly onFollow: (expression: string) => void;
  readonly onBack: () => void;
};

/** What Particle gets, group by group, with how it came about. */
export class Fields {
  readonly #root: HTMLElement;
  readonly #events: FieldEvents;

  constructor(root: HTMLElement, events: FieldEvents) {
    this.#root = root;
    this.#events = events;
    root.addEventListener("pointerover", (event) => events.onPoint(fieldAt(event.target)));
    root.addEventListener("pointerleave", () => events.onPoint(fieldAt(document.activeElement)));
    root.addEventListener("focusin", (event) => events.onPoint(fieldAt(event.target)));
    root.addEventListener("focusout", () => events.onPoint(undefined));
    root.addEventListener("click", (event) => this.#onClick(event.target));
    root.addEventListener("keydown", (event) => this.#onKey(event));
  }

  show(view: PageView): void {
    this.#root.replaceChildren(...refusalOf(view), ...view.groups.map((group) => groupElement(view, group)));
  }

  focusOn(field: number): void {
    this.#root.querySelector<HTMLElement>(`.field[data-field="${field}"] button`)?.focus();
  }

  /** Where the lines of a field end. */
  markOf(field: number): Element | undefined {
    return this.#root.querySelector(`.field[data-field="${field}"] .badge`) ?? undefined;
  }

  highlight(field: number | undefined): void {
    for (const made of this.#root.querySelectorAll(".field")) {
      made.classList.toggle("lit", made.getAttribute("data-field") === String(field));
    }
  }

  reveal(field: number): void {
    this.#root.querySelector(`.field[data-field="${field}"]`)?.scrollIntoView({ block: "nearest" });
  }

  #onClick(target: EventTarget | null): void {
    const expression = target instanceof Element ? target.closest("button")?.dataset["expression"] : undefined;
    if (expression !== undefined) {
      this.#events.onFollow(expression);
    }
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      this.#events.onBack();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const buttons: readonly HTMLElement[] = [...this.#root.querySelectorAll("button")];
    const at = document.activeElement instanceof HTMLElement ? buttons.indexOf(document.activeElement) : -1;
    if (step !== undefined && at >= 0) {
      event.preventDefault();
      buttons[at + step]?.focus();
    }
  }
}

function fieldAt(target: EventTarget | null): number | undefined {
  const field = target instanceof Element ? target.closest(".field")?.getAttribute("data-field") : undefined;
  return field === undefined || field === null ? undefined : Number(field);
}

function link(expression: string, ...children: readonly (Node | string)[]): HTMLElement {
  return element("button", { type: "button", class: "path", "data-expression": expression }, ...children);
}

function refusalOf({ outcome, faults }: PageView): HTMLElement[] {
  if (outcome === "mapped") {
    return [];
  }
  const [title, why] =
    outcome === "invalid"
      ? ["Nothing is sent: this is not valid FHIR R4", "The FHIR API answers 400, and mapping does not look at it."]
      : ["Nothing is sent: Particle cannot hold this Patient", "The FHIR API answers 422."];
  return [
    element(
      "section",
      { class: "refusal" },
      element("h3", {}, title),
      element("p", {}, why),
      element(
        "ul",
        {},
        ...faults.map(({ expression = "Patient", diagnostics }) =>
          element("li", {}, element("b", {}, "✕"), " ", link(expression, expression), " ", diagnostics),
        ),
      ),
    ),
  ];
}

function groupElement(view: PageView, { name, title, rule, fields, rivals, furtherRivals }: GroupView): HTMLElement {
  const made = element("section", { class: "group", "data-group": name }, element("h3", {}, title));
  made.append(
    element(
      "ul",
      { class: "fields" },
      ...fields.flatMap((index) => {
        const field = view.fields[index];
        return field === undefined ? [] : [fieldElement(view, field, index)];
      }),
    ),
  );
  if (rivals.length > 0) {
    made.append(
      element("h4", {}, "Passed over"),
      element(
        "ul",
        { class: "rivals" },
        ...rivals.map(({ expression, label, sentence }) =>
          element(
            "li",
            { class: "rival" },
            badge("dropped"),
            link(expression, expression),
            element("span", {}, element("b", {}, label), `: ${sentence}`),
          ),
        ),
        ...(furtherRivals > 0 ? [element("li", {}, `and ${furtherRivals} more`)] : []),
      ),
    );
  }
  if (rule !== undefined) {
    made.append(element("details", {}, element("summary", {}, "How it is chosen"), element("p", {}, rule)));
  }
  return made;
}

function fieldElement({ outcome }: PageView, field: FieldView, index: number): HTMLElement {
  const isRefusedFor = outcome === "refused" && field.need === "required" && field.sources.length === 0;
  const { field: name, need, values, sources, steps, absence } = field;
  const kind = values.length > 0 ? "sent" : sources.length > 0 ? "held-back" : "dropped";
  const made = element(
    "li",
    { class: "field", "data-field": String(index), ...(isRefusedFor && { "data-kind": "faulty" }) },
    badge(kind, index),
    element("span", { class: "name" }, name, element("span", { class: "need" }, need)),
  );
  const how = element("div", { class: "how" });
  for (const source of sources) {
    const from = link(source, source);
    from.setAttribute("aria-label", `${numberOf(index)} ${name} from ${source}`);
    how.append(element("div", {}, "from ", from));
  }
  for (const { label, before, after } of steps) {
    how.append(
      element(
        "div",
        { class: "step" },
        `${label}: `,
        element("s", {}, JSON.stringify(before)),
        " → ",
        element("ins", {}, JSON.stringify(after)),
      ),
    );
  }
  const what =
    absence === undefined
      ? values.map((text) => element("div", { class: "sent-value" }, JSON.stringify(text)))
      : [element("div", { class: "absence" }, absence)];
  made.append(element("div", { class: "what" }, ...what, how));
  return made;
}
