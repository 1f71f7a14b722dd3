import type { Fault, IssueCode } from "../failure/failure.ts";
import { fhirPath, type Step, writtenPath } from "./fhir-path.ts";

/** More faults than this help nobody; the rest is left out, and the last fault says so. */
const maxFaults = 100;

/** The place in the input where a check is, and the faults found so far. */
export class FaultList {
  /** The steps to the element under check. */
  readonly path: Step[];
  readonly #faults: Fault[] = [];
  readonly #isTolerable: (path: string) => boolean;
  #isCut = false;

  /** @param isTolerable whether a fault is only a warning, by the path as it was written */
  constructor(root: string, isTolerable: (path: string) => boolean = () => false) {
    this.path = [root];
    this.#isTolerable = isTolerable;
  }

  /** True when nothing more is recorded and the check may stop. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Records a fault at the current path, or at `steps` below it. */
  add(code: IssueCode, diagnostics: string, ...steps: readonly Step[]): void {
    const path = [...this.path, ...steps];
    const expression = fhirPath(path);
    const severity = this.#isTolerable(writtenPath(path)) ? "warning" : "error";
    const last = this.#faults.at(-1);
    // A primitive and its `_` twin can have the same fault.
    if (last?.expression === expression && last.diagnostics === diagnostics) return;
    if (this.#faults.length >= maxFaults) this.#isCut = true;
    else this.#faults.push({ severity, code, expression, diagnostics });
  }

  /** Every fault recorded, with one more of the whole resource if some were left out. */
  all(): Fault[] {
    if (!this.#isCut) return [...this.#faults];
    const [root = ""] = this.path;
    const expression = String(root);
    const diagnostics = `Only the first ${maxFaults} faults are listed: correct them and validate again for the rest.`;
    return [...this.#faults, { severity: "error", code: "structure", expression, diagnostics }];
  }
}
