import type { PageRefusal } from "../page-view.ts";
import { byId, element } from "./elements.ts";

export type EditorEvents = {
  readonly onSubmit: (text: string) => void;
  readonly onCancel: () => void;
};

/** How much of the line with the problem is shown on each side of it. */
const AROUND = 40;

/** The form in which a Patient is typed, pasted, or opened from a file. */
export class Editor {
  readonly #form = byId("editor", HTMLFormElement);
  readonly #text = byId("text", HTMLTextAreaElement);
  readonly #problem = byId("problem", HTMLElement);

  constructor({ onSubmit, onCancel }: EditorEvents) {
    const file = byId("file", HTMLInputElement);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      onSubmit(this.#text.value);
    });
    this.#form.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        onCancel();
      } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        onSubmit(this.#text.value);
      }
    });
    byId("cancel", HTMLButtonElement).addEventListener("click", onCancel);
    file.addEventListener("change", async () => {
      const [chosen] = file.files ?? [];
      if (chosen !== undefined) {
        onSubmit(await chosen.text());
      }
      file.value = "";
    });
  }

  get isOpen(): boolean {
    return !this.#form.hidden;
  }

  open(text: string): void {
    this.#form.hidden = false;
    this.#problem.hidden = true;
    this.#text.value = text;
    this.#text.setSelectionRange(0, text.length);
    this.#text.focus();
  }

  close(): void {
    this.#form.hidden = true;
  }

  /** Says what is wrong with the text, and puts the cursor where. */
  refuse({ faults, offset }: PageRefusal): void {
    this.#problem.replaceChildren(...faults.map((fault) => element("p", {}, element("b", {}, "✕"), " ", fault)));
    this.#problem.hidden = false;
    if (offset !== undefined) {
      this.#problem.append(excerpt(this.#text.value, offset));
      this.#text.setSelectionRange(offset, offset + 1);
      this.#text.blur();
    }
    this.#text.focus();
  }
}

function excerpt(text: string, offset: number): HTMLElement {
  const start = Math.max(text.lastIndexOf("\n", offset - 1) + 1, offset - AROUND);
  const lineEnd = text.indexOf("\n", offset);
  const end = Math.min(lineEnd < 0 ? text.length : lineEnd, offset + AROUND);
  return element(
    "pre",
    { "aria-hidden": "true" },
    text.slice(start, offset),
    element("mark", {}, text.slice(offset, offset + 1).trim() || " "),
    text.slice(offset + 1, Math.max(end, offset + 1)),
  );
}
