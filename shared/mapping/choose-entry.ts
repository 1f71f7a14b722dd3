import type { Fault } from "../failure/failure.ts";
import type { FieldRule } from "./demographic-rules.ts";
import type { Choice } from "./entry-choices.ts";
import { disqualification, RANKINGS } from "./entry-ranking.ts";
import { type FhirObject, isFhirObject, readList } from "./fhir-element.ts";
import type { FieldReport, LossReason, Rival } from "./mapping-report.ts";
import { changed, type Normalisation } from "./normalised.ts";
import { withoutOuterBlanks } from "./outer-blanks.ts";

/** What one entry offers for one field: a value, a problem with what is there, or neither when nothing is there. */
type Offer = {
  readonly rule: FieldRule;
  readonly value?: string | readonly string[];
  readonly problem?: string;
  /** The strings that make the value, or the one that has the problem. */
  readonly sources: readonly string[];
  readonly steps: readonly Normalisation[];
};

/** How far an entry can be used: it has what Particle requires, lacks some of it, or is unfit. Lower is better. */
type Fitness = 0 | 1 | 2;

const NOTHING: readonly [] = [];

const COMPLETE: Fitness = 0;
const INCOMPLETE: Fitness = 1;
const UNFIT: Fitness = 2;

type Candidate = {
  readonly index: number;
  readonly entry: FhirObject;
  readonly expression: string;
  readonly offers: readonly Offer[];
  readonly fitness: Fitness;
};

/** What a choice came to. Without faults, the offers have a value for every field that Particle requires. */
type ChoiceOutcome = {
  readonly offers: readonly Offer[];
  readonly fields: readonly FieldReport[];
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
};

function offerOf(rule: FieldRule, entry: FhirObject, expression: string, today: string): Offer {
  const sources: string[] = [];
  const values: string[] = [];
  const steps: Normalisation[] = [];
  for (const { path, raw } of rule.read(entry)) {
    const source = `${expression}.${path}`;
    const text = withoutOuterBlanks(raw);
    const normalised = rule.normalise(text, today);
    if ("problem" in normalised) {
      return { rule, problem: normalised.problem, sources: [source], steps: [] };
    }
    steps.push(...changed("blanks-trimmed", raw, text).steps, ...normalised.steps);
    sources.push(source);
    values.push(normalised.value);
  }
  const value = rule.field === "address_lines" ? values : values[0];
  return values.length === 0 ? { rule, sources, steps } : { rule, value, sources, steps };
}

function lacks({ rule, value, problem }: Offer): boolean {
  return problem !== undefined || (rule.need === "required" && value === undefined);
}

/** What prefers one entry to another, and whether it is the first; undefined when nothing does. */
function preference(
  choice: Choice,
  first: FhirObject,
  second: FhirObject,
  today: string,
): { readonly reason: LossReason; readonly isFirst: boolean } | undefined {
  for (const ranking of choice.rankedBy) {
    const { reason, of } = RANKINGS[ranking];
    const [one, other] = [of(first, choice, today), of(second, choice, today)];
    if (one !== other) {
      return { reason, isFirst: one < other };
    }
  }
  return undefined;
}

/** The candidate that lacks nothing before others, then the preferred one, then the first that was sent. */
function best(choice: Choice, candidates: readonly Candidate[], today: string): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>((winner, candidate) => {
    if (winner === undefined || candidate.fitness < winner.fitness) {
      return candidate;
    }
    const isPreferred =
      candidate.fitness === winner.fitness && preference(choice, candidate.entry, winner.entry, today)?.isFirst;
    return isPreferred ? candidate : winner;
  }, undefined);
}

function saysTheSame(one: Candidate, other: Candidate): boolean {
  return one.offers.every(({ value, problem }, index) => {
    const counterpart = other.offers[index];
    return problem === counterpart?.problem && isSameValue(value, counterpart?.value);
  });
}

function isSameValue(one: Offer["value"], other: Offer["value"]): boolean {
  return Array.isArray(one) && Array.isArray(other)
    ? one.length === other.length && one.every((line, index) => line === other[index])
    : one === other;
}

function lossReason(choice: Choice, winner: Candidate, rival: Candidate, today: string): LossReason {
  if (rival.fitness > winner.fitness) {
    return (rival.fitness === UNFIT && choice.excludes?.reason) || "incomplete";
  }
  return (
    preference(choice, winner.entry, rival.entry, today)?.reason ??
    (saysTheSame(winner, rival) ? "same-value" : "tie-decided-by-order")
  );
}

function tieWarning(winner: Candidate, rival: Candidate): Fault {
  return {
    severity: "warning",
    code: "business-rule",
    expression: rival.expression,
    diagnostics: `Nothing prefers ${winner.expression} to ${rival.expression}, and they differ: the first was used. Mark the one that counts, by its use, rank or period, or leave the other out.`,
  };
}

function problemFault(severity: "error" | "warning", { rule, problem, sources }: Offer): Fault {
  return {
    severity,
    code: "business-rule",
    expression: sources[0],
    diagnostics: `This ${rule.element} ${problem}. ${rule.advice}`,
  };
}

function absenceFaults({ absence, element }: Choice): readonly Fault[] {
  return absence === undefined
    ? NOTHING
    : [{ severity: "error", code: "required", expression: `Patient.${element}`, diagnostics: absence }];
}

function faultsOf(choice: Choice, { fitness, expression, offers }: Candidate): readonly Fault[] {
  if (fitness === COMPLETE) {
    return NOTHING;
  }
  if (fitness === UNFIT && choice.excludes !== undefined) {
    const { element, advice } = choice.excludes;
    return [{ severity: "error", code: "business-rule", expression: `${expression}.${element}`, diagnostics: advice }];
  }
  return offers.filter(lacks).map((offer) =>
    offer.problem !== undefined
      ? problemFault("error", offer)
      : {
          severity: "error",
          code: "required",
          expression: `${expression}.${offer.rule.element}`,
          diagnostics: offer.rule.advice ?? "",
        },
  );
}

/** @param losses by the index of the entry, with holes. */
function rivalsOf({ element }: Choice, losses: readonly LossReason[]): Rival[] {
  const rivals: Rival[] = [];
  losses.forEach((reason, index) => {
    rivals.push({ expression: `Patient.${element}[${index}]`, reason });
  });
  return rivals;
}

/** Digits of an SSN never reach a report. */
function masked(steps: readonly Normalisation[]): Normalisation[] {
  const mask = (text: string) => text.replace(/\d/g, "*");
  return steps.map(({ kind, before, after }) => ({ kind, before: mask(before), after: mask(after) }));
}

/**
 * Chooses the entry of the Patient that feeds the fields of `rules`, all of which belong to `choice`.
 *
 * @param today `YYYY-MM-DD`, UTC
 */
export function chooseEntry(
  choice: Choice,
  rules: readonly FieldRule[],
  patient: FhirObject,
  today: string,
): ChoiceOutcome {
  const isRequired = rules.some(({ need }) => need === "required");
  const entries = choice.element === undefined ? [patient] : readList(patient, choice.element);
  const losses: LossReason[] = [];
  const warnings: Fault[] = [];
  const candidates: Candidate[] = [];
  entries.forEach((entry, index) => {
    if (!isFhirObject(entry) || !choice.admits(entry)) {
      return;
    }
    const disqualified = disqualification(choice, entry, today);
    if (disqualified !== undefined) {
      losses[index] = disqualified;
      return;
    }
    const expression = choice.element === undefined ? "Patient" : `Patient.${choice.element}[${index}]`;
    const offers = rules.map((rule) => offerOf(rule, entry, expression, today));
    if (!isRequired && offers.every(({ value }) => value === undefined)) {
      const unusable = offers.filter(({ problem }) => problem !== undefined);
      warnings.push(...unusable.map((offer) => problemFault("warning", offer)));
      losses[index] = unusable.length > 0 ? "unusable" : "no-value";
      return;
    }
    const fitness = choice.excludes?.when(entry) ? UNFIT : offers.some(lacks) ? INCOMPLETE : COMPLETE;
    candidates.push({ index, entry, expression, offers, fitness });
  });

  const winner = best(choice, candidates, today);
  for (const rival of candidates) {
    if (winner !== undefined && rival !== winner) {
      const reason = lossReason(choice, winner, rival, today);
      losses[rival.index] = reason;
      if (reason === "tie-decided-by-order") {
        warnings.push(tieWarning(winner, rival));
      }
    }
  }
  const rivals = losses.length === 0 ? NOTHING : rivalsOf(choice, losses);
  const offers = winner === undefined ? NOTHING : winner.offers;
  return {
    offers,
    fields: rules.map((rule, index) => {
      const offer = winner?.fitness === UNFIT ? undefined : offers[index];
      const steps = offer?.steps ?? NOTHING;
      return {
        field: rule.field,
        rule: choice.name,
        sources: offer?.value === undefined ? NOTHING : offer.sources,
        rivals,
        normalisations: rule.field === "ssn" ? masked(steps) : steps,
      };
    }),
    faults: winner === undefined ? absenceFaults(choice) : faultsOf(choice, winner),
    warnings,
  };
}
