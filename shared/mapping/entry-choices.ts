import { type FhirObject, readString } from "./fhir-element.ts";
import type { LossReason } from "./mapping-report.ts";
import { isUnitedStates } from "./us-address.ts";
import { isSsnIdentifier } from "./us-ssn.ts";

/** Stands for a `use` that is not there. */
export const NO_USE = "";

/** Ways to prefer one candidate to another. Each gives a number, and the lower one is preferred. */
export type Ranking = "system" | "rank" | "use" | "type" | "period" | "start";

/** Which entry of the Patient feeds a field, or several fields together. */
export type Choice = {
  /** Name of the rule in the report. */
  readonly name: "patient" | "name" | "address" | "phone" | "email" | "ssn";
  /** The element of Patient whose entries are the candidates; absent when the Patient itself is the only one. */
  readonly element?: "name" | "address" | "telecom" | "identifier";
  /** Which of these entries are candidates at all. */
  readonly admits: (entry: FhirObject) => boolean;
  /** Each `use` that may be chosen, those of equal preference together, the best first. Any other disqualifies. */
  readonly uses: readonly (readonly string[])[];
  /** How the candidates that are left are ranked: the first ranking that sees a difference decides. */
  readonly rankedBy: readonly Ranking[];
  /** Elements of an entry that decide whether it is chosen. */
  readonly decidedBy: readonly string[];
  /** What makes a candidate unfit beside what it lacks, with the element that says so. */
  readonly excludes?: {
    readonly when: (entry: FhirObject) => boolean;
    readonly reason: LossReason;
    readonly element: string;
    readonly advice: string;
  };
  /** What to tell the sender when there is no candidate; absent when Particle can do without. */
  readonly absence?: string;
};

const any = () => true;

const hasSystem =
  (...systems: readonly string[]) =>
  (entry: FhirObject) => {
    const system = readString(entry, "system");
    return system !== undefined && systems.includes(system);
  };

export const PATIENT: Choice = { name: "patient", admits: any, uses: [], rankedBy: [], decidedBy: [] };

export const NAME: Choice = {
  name: "name",
  element: "name",
  admits: any,
  uses: [["official"], ["usual"], [NO_USE], ["temp"], ["nickname"]],
  rankedBy: ["use", "period", "start"],
  decidedBy: ["use", "period"],
  absence:
    "Particle requires a first and a last name: add a name with given and family. Old, maiden, anonymous and ended names are not used.",
};

export const ADDRESS: Choice = {
  name: "address",
  element: "address",
  admits: any,
  uses: [["home"], [NO_USE], ["temp"], ["work"], ["billing"]],
  rankedBy: ["use", "type", "period", "start"],
  decidedBy: ["use", "type", "period", "country"],
  excludes: {
    when: (entry) => {
      const country = readString(entry, "country");
      return country !== undefined && !isUnitedStates(country);
    },
    reason: "abroad",
    element: "country",
    advice:
      "This address is not in the United States, and Particle holds no other: add one with country US, USA, United States or none.",
  },
  absence:
    "Particle requires an address in the United States: add one with city, state and postalCode. Old and ended addresses are not used.",
};

export const PHONE: Choice = {
  name: "phone",
  element: "telecom",
  admits: hasSystem("phone", "sms"),
  uses: [["home", "mobile"], [NO_USE], ["work"], ["temp"]],
  rankedBy: ["system", "rank", "period", "use", "start"],
  decidedBy: ["system", "rank", "period", "use"],
};

export const EMAIL: Choice = { ...PHONE, name: "email", admits: hasSystem("email") };

export const SSN: Choice = {
  name: "ssn",
  element: "identifier",
  admits: isSsnIdentifier,
  uses: [["official", "usual", NO_USE, "secondary", "temp"]],
  rankedBy: ["period"],
  decidedBy: ["use", "period", "system", "type"],
};
