import type { PageRefusal, PageSetup, PageView, Row } from "../page-view.ts";
import { Editor } from "./editor.ts";
import { byId, element } from "./elements.ts";
import { Fields } from "./fields.ts";
import { drawJoins, type Join } from "./joins.ts";
import { badge, groupOf, KIND_NAMES } from "./marks.ts";
import { Tree } from "./tree.ts";

const example = byId("example", HTMLSelectElement);
const today = byId("today", HTMLInputElement);
const lenient = byId("lenient", HTMLInputElement);
const summary = byId("summary", HTMLElement);
const explanation = byId("explanation", HTMLElement);
const joins = byId("joins", SVGSVGElement);

/** The text that is shown, as it was given. */
let text = "";
let view: PageView | undefined;
let lit: number | undefined;
/** Where Enter came from, for Escape to go back to. */
let cameFrom: HTMLElement | undefined;

/** The style sheet hides the lines where panes are stacked; there the page would jump if the other pane were scrolled. */
const isSideBySide = (): boolean => joins.checkVisibility();

function light(field: number | undefined): void {
  lit = field;
  tree.highlight(field);
  fields.highlight(field);
  redraw();
}

function explain(row: Row | undefined): void {
  explanation.replaceChildren(
    ...(row === undefined
      ? ["Point at a row, or move to it, to see what became of it."]
      : [element("code", {}, row.expression), ` ${row.mark?.sentence ?? ""}`]),
  );
}

function follow(move: () => void): void {
  cameFrom = document.activeElement instanceof HTMLElement ? document.activeElement : undefined;
  move();
}

function goBack(): void {
  cameFrom?.focus();
  cameFrom = undefined;
}

const tree = new Tree(byId("tree", HTMLElement), {
  onPoint: (row) => {
    explain(row);
    light(row?.mark?.field);
    if (row?.mark?.field !== undefined && isSideBySide()) {
      fields.reveal(row.mark.field);
    }
  },
  onFollow: (field) => follow(() => fields.focusOn(field)),
  onBack: goBack,
  onMoved: () => redraw(),
});

const fields = new Fields(byId("target", HTMLElement), {
  onPoint: (field) => {
    light(field);
    if (field !== undefined && isSideBySide()) {
      tree.reveal(field);
    }
  },
  onFollow: (expression) => follow(() => tree.focusOn(expression)),
  onBack: goBack,
});

const editor = new Editor({
  onSubmit: (given) => void map(given),
  onCancel: () => {
    editor.close();
    redraw();
    byId("edit", HTMLButtonElement).focus();
  },
});

function joinsOf(shown: PageView): Join[] {
  return shown.fields.flatMap((_, field) => {
    const [from, to] = [tree.marksOf(field), fields.markOf(field)];
    return to === undefined || from.length === 0 ? [] : [{ field, group: groupOf(shown, field), from, to }];
  });
}

let isDrawing = false;

/** At most once a frame, since scrolling asks for it more often. */
function redraw(): void {
  if (!isDrawing) {
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      const isSeen = isSideBySide() && !editor.isOpen;
      drawJoins(joins, view === undefined || !isSeen ? [] : joinsOf(view), lit);
    });
  }
}

/** Later questions outrun earlier ones. */
let questions = 0;

async function map(given: string): Promise<void> {
  const source = given.replace(/^\ufeff/, "");
  questions += 1;
  const question = questions;
  const answer = await ask(source);
  if (question !== questions) {
    return;
  }
  if ("outcome" in answer) {
    text = source;
    view = answer;
    example.value = exampleWith(source);
    show(answer, editor.isOpen);
  } else {
    if (!editor.isOpen) {
      editor.open(source);
      redraw();
    }
    editor.refuse(answer);
  }
}

async function ask(source: string): Promise<PageView | PageRefusal> {
  try {
    const answer = await fetch(`/map?today=${encodeURIComponent(today.value)}`, {
      method: "POST",
      headers: { "Content-Type": "application/fhir+json", ...(lenient.checked && { Prefer: "handling=lenient" }) },
      body: source,
    });
    return (await answer.json()) as PageView | PageRefusal;
  } catch {
    return { faults: ["No answer: is the twin still running?"] };
  }
}

function show(mapped: PageView, takesFocus: boolean): void {
  lit = undefined;
  cameFrom = undefined;
  editor.close();
  explain(undefined);
  fields.show(mapped);
  tree.show(mapped);
  summarise(mapped);
  if (takesFocus) {
    tree.focus();
  }
}

const VERDICTS: Readonly<Record<PageView["outcome"], string>> = {
  mapped: "✓ Can be sent",
  refused: "✕ Refused",
  invalid: "✕ Not valid",
};

/** What there is how often; each leads to the next of its kind. */
function summarise({ outcome, counts }: PageView): void {
  const counted = (count: number, one: string, many: string) =>
    `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
  const chip = (kind: string, isWanted: (row: Row) => boolean, ...content: readonly (Node | string)[]) => {
    const made = element("button", { type: "button", "data-kind": kind, title: "Go to the next" }, ...content);
    made.addEventListener("click", () => tree.focusNext(isWanted));
    return made;
  };
  const hasNote = (severity: string) => (row: Row) => row.notes.some((note) => note.severity === severity);
  summary.replaceChildren(
    element("strong", { "data-outcome": outcome }, VERDICTS[outcome]),
    element("span", {}, counted(counts.leaves, "leaf", "leaves")),
    ...(Object.keys(KIND_NAMES) as (keyof typeof KIND_NAMES)[])
      .filter((kind) => counts[kind] > 0)
      .map((kind) =>
        chip(
          kind,
          (row) => row.kind === "value" && row.mark?.kind === kind,
          badge(kind),
          ` ${counts[kind].toLocaleString("en")} ${KIND_NAMES[kind]}`,
        ),
      ),
    ...(counts.errors > 0
      ? [chip("error", hasNote("error"), element("b", {}, "✕"), ` ${counted(counts.errors, "fault", "faults")}`)]
      : []),
    ...(counts.warnings > 0
      ? [
          chip(
            "warning",
            hasNote("warning"),
            element("b", {}, "!"),
            ` ${counted(counts.warnings, "warning", "warnings")}`,
          ),
        ]
      : []),
  );
}

const OWN = "own";
let exampleTexts: readonly string[] = [];

function exampleWith(source: string): string {
  const index = exampleTexts.indexOf(source);
  return index < 0 ? OWN : String(index);
}

async function begin(): Promise<void> {
  const setup = (await (await fetch("/setup")).json()) as PageSetup;
  exampleTexts = setup.examples.map(({ patient }) => JSON.stringify(patient, undefined, 2));
  today.value = setup.today;
  example.replaceChildren(
    ...setup.examples.map(({ title }, index) => element("option", { value: String(index) }, title)),
    element("option", { value: OWN, hidden: "" }, "Your own"),
  );
  example.addEventListener("change", () => void map(exampleTexts[Number(example.value)] ?? text));
  for (const control of [today, lenient]) {
    control.addEventListener("change", () => today.validity.valid && void map(text));
  }
  byId("edit", HTMLButtonElement).addEventListener("click", () => {
    editor.open(text);
    redraw();
  });
  document.addEventListener("paste", (event) => {
    const pasted = event.clipboardData?.getData("text/plain") ?? "";
    if (!editor.isOpen && pasted.trim() !== "") {
      event.preventDefault();
      void map(pasted);
    }
  });
  document.addEventListener("scroll", redraw, { capture: true, passive: true });
  new ResizeObserver(redraw).observe(document.body);
  await map(exampleTexts[0] ?? "");
}

void begin();
