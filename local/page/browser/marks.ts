import type { Mark, MarkKind, PageView } from "../page-view.ts";
import { element } from "./elements.ts";

/** What tells the kinds apart beside their colour; fields have their number instead. */
const SHAPES: Readonly<Record<MarkKind, string>> = {
  sent: "●",
  "held-back": "◌",
  dropped: "○",
  faulty: "✕",
  "not-mapped": "–",
};

export const KIND_NAMES: Readonly<Record<MarkKind, string>> = {
  sent: "sent",
  "held-back": "held back",
  dropped: "dropped",
  faulty: "faulty",
  "not-mapped": "not mapped",
};

/** Fields count from 1 for people. */
export const numberOf = (field: number): string => String(field + 1);

/** Name of the group that a field is in, which gives it its colour. */
export function groupOf({ groups }: PageView, field: number | undefined): string {
  return groups.find(({ fields }) => field !== undefined && fields.includes(field))?.name ?? "";
}

export function badge(kind: MarkKind, field?: number): HTMLElement {
  const text = field === undefined ? SHAPES[kind] : numberOf(field);
  return element("span", { class: `badge ${field === undefined ? "" : "numbered"}`, "data-kind": kind }, text);
}

/** The mark as part of what a screen reader says. */
export function spoken({ kind, field, label, sentence }: Mark): string {
  return field === undefined
    ? `${KIND_NAMES[kind]}, ${label}: ${sentence}`
    : `${KIND_NAMES[kind]}, ${numberOf(field)}: ${sentence}`;
}
