import { bareName, isKnownName } from "../fhir/known-names.ts";
import { type FhirObject, isDataAbsent, isFhirObject } from "./fhir-element.ts";

/** A value of a Patient that is neither an object nor a list. */
export type Leaf = {
  /** FHIRPath that leads to this leaf and to no other. */
  readonly expression: string;
  readonly value: unknown;
  /** The element of Patient that the leaf is in, such as `name`. */
  readonly element: string;
  /** It carries a data-absent-reason. */
  readonly isAbsent: boolean;
};

/** A part of the Patient on the way to its leaves. */
type Part = Omit<Leaf, "isAbsent"> & {
  /** What the `_x` of a primitive x holds. */
  readonly companion?: unknown;
};

const INSIDE_EXTENSION = /\.(?:extension|modifierExtension)\[\d+\]$/;
const EXTENSION_VALUE = /^value[A-Z]\w*$/;
const PATIENT_CHOICE = /^(deceased|multipleBirth)[A-Z]\w*$/;

/** The FHIRPath name of a property: a choice type loses its suffix. */
function pathName(parent: string, base: string): string {
  if (parent === "Patient") {
    return PATIENT_CHOICE.exec(base)?.[1] ?? base;
  }
  return EXTENSION_VALUE.test(base) && INSIDE_EXTENSION.test(parent) ? "value" : base;
}

const entriesOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);
const isPrimitive = (value: unknown) => typeof value !== "object" || value === null;
const isElement = (value: unknown) => isFhirObject(value) || value === null;

/** Whether x holds primitives and `_x` elements, as R4 has it: only then no leaf of the one shares a path with the other. */
function isCompanion(element: FhirObject, base: string): boolean {
  const isAlone = !Object.hasOwn(element, base);
  return isAlone || (entriesOf(element[base]).every(isPrimitive) && entriesOf(element[`_${base}`]).every(isElement));
}

/**
 * Each property of an element with the step that leads to it, as FHIRPath. Where R4 knows no such name, or two properties that
 * have one path (two types of a choice), the step counts the properties instead.
 */
export function stepsInto(element: FhirObject, expression: string): [key: string, step: string][] {
  const keys = Object.keys(element);
  const owners = new Map<string, string>();
  for (const key of keys) {
    const base = bareName(key);
    const name = pathName(expression, base);
    owners.set(name, owners.get(name) ?? base);
  }
  return keys.map((key, index) => {
    const base = bareName(key);
    const name = pathName(expression, base);
    const isNamed = isKnownName(base) && owners.get(name) === base && (key === base || isCompanion(element, base));
    return [key, isNamed ? name : `children()[${index}]`];
  });
}

/**
 * Every leaf of the Patient, in document order. Null only aligns lists; `resourceType` is no element.
 */
export function* leavesOf(patient: unknown): Generator<Leaf> {
  // A stack of our own: input may be nested more deeply than calls can be.
  const pending: Part[] = [{ expression: "Patient", value: patient, element: "" }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { expression, value, element, companion } = next;
    if (Array.isArray(value)) {
      const companions = Array.isArray(companion) ? companion : [];
      for (let index = value.length - 1; index >= 0; index -= 1) {
        const part = { expression: `${expression}[${index}]`, value: value[index], element };
        pending.push({ ...part, companion: companions[index] });
      }
    } else if (isFhirObject(value)) {
      for (const [key, step] of stepsInto(value, expression).reverse()) {
        if (key !== "resourceType") {
          const part = { expression: `${expression}.${step}`, value: value[key], element: element || step };
          pending.push({ ...part, companion: value[`_${key}`] });
        }
      }
    } else if (value !== null && value !== undefined) {
      yield { expression, value, element, isAbsent: isDataAbsent(companion) };
    }
  }
}
