import type { Identifier, Patient } from "fhir/r4";
import type { Fault } from "../failure/failure.ts";
import { type FhirObject, isDataAbsent, isFhirObject, readList, readObject, readString } from "./fhir-element.ts";
import { mayBeSsnIdentifier } from "./us-ssn.ts";

type IdentifierUse = NonNullable<Identifier["use"]>;

type TypeCoding = { readonly system?: string; readonly code?: string };

/** An identifier under which the sender knows the patient, as it is recorded with the mapping. */
export type SourceIdentifier = {
  readonly system?: string;
  readonly value: string;
  readonly use?: IdentifierUse;
  readonly type?: { readonly coding: readonly TypeCoding[] };
};

/** Identifier systems that stand for Particle's two ids of a patient. */
export type ParticleIdSystems = { readonly patient_id: string; readonly particle_patient_id: string };

/** One of Particle's ids as a client sent it, with the FHIRPath of where. */
export type ClaimedId = { readonly value: string; readonly expression: string };

export type SourceIdentifiers = {
  /** Each once, in an order that does not depend on that of the Patient. */
  readonly identifiers: readonly SourceIdentifier[];
  /** Particle's ids in the Patient: never recorded, to be compared with those of the mapping. */
  readonly claimed: { readonly [Id in keyof ParticleIdSystems]: readonly ClaimedId[] };
  /** With a fault, the identifiers cannot be recorded. */
  readonly faults: readonly Fault[];
};

const MOST_IDENTIFIERS = 30;
/** Of JSON. An item of DynamoDB holds 400 KB, and holds them twice while an update is open. */
const MOST_BYTES = 100_000;

const encoder = new TextEncoder();

const SSN_SHAPE = /^\d{3}[- ]?\d{2}[- ]?\d{4}$/;

/** The preferred first, where an identifier comes twice with different uses. */
const USES: readonly (IdentifierUse | undefined)[] = ["official", "usual", "secondary", undefined, "temp", "old"];

function readCodings(identifier: FhirObject): TypeCoding[] {
  const type = readObject(identifier, "type");
  const codings = (type === undefined ? [] : readList(type, "coding")).flatMap((coding) => {
    const code = isFhirObject(coding) && !isDataAbsent(coding) ? readString(coding, "code") : undefined;
    const system = isFhirObject(coding) ? readString(coding, "system") : undefined;
    return code === undefined ? [] : [{ ...(system !== undefined && { system }), code }];
  });
  return [...new Map(codings.map((coding) => [JSON.stringify(coding), coding] as const))]
    .sort(([one], [other]) => compare(one, other))
    .map(([, coding]) => coding);
}

function readIdentifier(identifier: FhirObject, value: string): SourceIdentifier {
  const system = readString(identifier, "system");
  const sentUse = readString(identifier, "use");
  const use = USES.find((known) => known !== undefined && known === sentUse);
  const coding = readCodings(identifier);
  return {
    ...(system !== undefined && { system }),
    value,
    ...(use !== undefined && { use }),
    ...(coding.length > 0 && { type: { coding } }),
  };
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function bySystemAndValue(one: SourceIdentifier, other: SourceIdentifier): number {
  return compare(one.system ?? "", other.system ?? "") || compare(one.value, other.value);
}

/** By system and value, then the more telling one first. */
function byTelling(one: SourceIdentifier, other: SourceIdentifier): number {
  return (
    bySystemAndValue(one, other) ||
    USES.indexOf(one.use) - USES.indexOf(other.use) ||
    compare(JSON.stringify(other.type ?? ""), JSON.stringify(one.type ?? ""))
  );
}

/** The digits of what is written like a Social Security number. */
function ssnDigits(value: string): string | undefined {
  return SSN_SHAPE.test(value) ? value.replace(/\D/g, "") : undefined;
}

/**
 * The identifiers of a Patient that are recorded with its mapping: all that have a value, old and ended ones too, since
 * they are how senders know the patient. Never a Social Security number, by its label or because another identifier
 * repeats the number. What comes twice is recorded once.
 */
export function sourceIdentifiers(patient: Patient, systems: ParticleIdSystems): SourceIdentifiers {
  const root: unknown = patient;
  const claimed = { patient_id: [] as ClaimedId[], particle_patient_id: [] as ClaimedId[] };
  const ssns = new Set<string | undefined>();
  const found: SourceIdentifier[] = [];
  (isFhirObject(root) ? readList(root, "identifier") : []).forEach((identifier, index) => {
    if (!isFhirObject(identifier) || isDataAbsent(identifier)) {
      return;
    }
    const value = readString(identifier, "value");
    if (value === undefined) {
      return;
    }
    const system = readString(identifier, "system");
    const expression = `Patient.identifier[${index}]`;
    if (system === systems.patient_id) {
      claimed.patient_id.push({ value, expression });
    } else if (system === systems.particle_patient_id) {
      claimed.particle_patient_id.push({ value, expression });
    } else if (mayBeSsnIdentifier(identifier)) {
      ssns.add(ssnDigits(value));
    } else {
      found.push(readIdentifier(identifier, value));
    }
  });
  const identifiers = found
    .filter(({ value }) => ssnDigits(value) === undefined || !ssns.has(ssnDigits(value)))
    .sort(byTelling)
    .filter(
      (identifier, index, all) => index === 0 || bySystemAndValue(identifier, all[index - 1] ?? identifier) !== 0,
    );
  return { identifiers, claimed, faults: costFaults(identifiers) };
}

function costFaults(identifiers: readonly SourceIdentifier[]): Fault[] {
  const tooMany = identifiers.length > MOST_IDENTIFIERS;
  return tooMany || encoder.encode(JSON.stringify(identifiers)).length > MOST_BYTES
    ? [
        {
          severity: "error",
          code: "too-costly",
          expression: "Patient.identifier",
          diagnostics: tooMany
            ? `At most ${MOST_IDENTIFIERS} different identifiers of a patient are recorded: send fewer.`
            : `The identifiers of a patient may take ${MOST_BYTES} bytes: send fewer or shorter ones.`,
        },
      ]
    : [];
}
