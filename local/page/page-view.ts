import type { Fault } from "../../shared/failure/failure.ts";
import type { DemographicField } from "../../shared/mapping/demographics.ts";

/**
 * What became of a leaf. `held-back` would be sent if the Patient had no fault elsewhere; `not-mapped` is of a Patient
 * that is not valid, at which mapping does not look.
 */
export type MarkKind = "sent" | "held-back" | "dropped" | "faulty" | "not-mapped";

export type Mark = {
  readonly kind: MarkKind;
  /** Index of the field in {@link PageView.fields}. */
  readonly field?: number;
  /** A word or two. */
  readonly label: string;
  readonly sentence: string;
};

export type Note = Pick<Fault, "severity" | "diagnostics"> & {
  /** Where the element itself is not there, and the note stands at what would hold it. */
  readonly about?: string;
};

/** A line of the Patient's JSON. What a row holds are the rows after it that are deeper. */
export type Row = {
  readonly depth: number;
  /** `rest` stands for what is left out of a large Patient. */
  readonly kind: "object" | "array" | "value" | "rest";
  /** Name of the property, or index of the entry as `[0]`. */
  readonly label: string;
  /** JSON of a value; a word about anything else. */
  readonly text: string;
  /** FHIRPath; of `rest` that of the element whose parts are left out. */
  readonly expression: string;
  readonly mark?: Mark;
  readonly notes: readonly Note[];
};

export type FieldView = {
  readonly field: DemographicField;
  readonly need: "required" | "optional";
  /** As Particle gets it, digits of an SSN masked; empty when it gets none. */
  readonly values: readonly string[];
  /** FHIRPath of each leaf that fed the field. */
  readonly sources: readonly string[];
  readonly steps: readonly { readonly label: string; readonly before: string; readonly after: string }[];
  /** Why there is no value, in place of one. */
  readonly absence?: string;
};

/** Fields that are fed by one entry of the Patient. */
export type GroupView = {
  readonly name: string;
  readonly title: string;
  /** How the entry is chosen; undefined where there is nothing to choose. */
  readonly rule?: string;
  /** Indices in {@link PageView.fields}. */
  readonly fields: readonly number[];
  readonly rivals: readonly { readonly expression: string; readonly label: string; readonly sentence: string }[];
  /** How many more rivals there are. */
  readonly furtherRivals: number;
};

/** What the page shows of a Patient. */
export type PageView = {
  /** `invalid` is not FHIR R4, `refused` valid but nothing that can be registered. */
  readonly outcome: "mapped" | "refused" | "invalid";
  readonly rows: readonly Row[];
  readonly fields: readonly FieldView[];
  readonly groups: readonly GroupView[];
  readonly faults: readonly Fault[];
  readonly counts: { readonly leaves: number; readonly errors: number; readonly warnings: number } & Readonly<
    Record<MarkKind, number>
  >;
};

/** Of a text that is no JSON, or too much of it. */
export type PageRefusal = {
  readonly faults: readonly string[];
  /** Index of the character at which the text stops being JSON. */
  readonly offset?: number;
};

export type PageSetup = {
  readonly examples: readonly { readonly title: string; readonly patient: unknown }[];
  /** UTC, `YYYY-MM-DD` */
  readonly today: string;
};
