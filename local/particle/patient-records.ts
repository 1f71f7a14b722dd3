import { randomUUID } from "node:crypto";
import { join } from "node:path";
import * as v from "valibot";
import { type Journal, noJournal, readJournal, startJournal } from "./journal.ts";
import { OrderedIds } from "./ordered-ids.ts";
import { patientSchema, type SubmittedPatient } from "./patient-fields.ts";
import { newSigningKey } from "./tokens.ts";

const recordSchema = v.object({
  ...patientSchema.entries,
  particle_patient_id: v.string(),
  /** Rank in the list; given at creation, kept by updates, never given twice. */
  order: v.number(),
  /** Epoch milliseconds of the last POST. */
  written_at: v.number(),
});

/** What the simulator holds about a patient. The telephone is kept as it was sent. */
export type PatientRecord = v.InferOutput<typeof recordSchema>;

const entrySchema = v.union([
  v.strictObject({ put: recordSchema }),
  v.strictObject({ delete: v.string() }),
  v.strictObject({ signingKey: v.string() }),
  v.strictObject({ lastOrder: v.number() }),
]);
type Entry = v.InferOutput<typeof entrySchema>;

/** The other side's memory: the patients and the key of the tokens; on disk too where a folder is given. */
export class PatientRecords {
  readonly #records = new Map<string, PatientRecord>();
  readonly #ids = new OrderedIds();
  readonly #clock: () => number;
  #lastOrder = 0;
  #signingKey = newSigningKey();
  #journal: Journal<Entry> = noJournal;

  private constructor(clock: () => number) {
    this.#clock = clock;
  }

  /**
   * @param dataDir folder that keeps the records over a restart; without one they live as long as the process
   * @param clock epoch milliseconds
   */
  static async open(dataDir: string | undefined, clock: () => number): Promise<PatientRecords> {
    const records = new PatientRecords(clock);
    if (dataDir === undefined) return records;
    const file = join(dataDir, "particle-patients.ndjson");
    for (const entry of await readJournal(file, entrySchema)) records.#replay(entry);
    records.#journal = await startJournal<Entry>(file, records.#entries());
    return records;
  }

  #replay(entry: Entry): void {
    if ("put" in entry) this.#store(entry.put);
    else if ("delete" in entry) this.#drop(entry.delete);
    else if ("signingKey" in entry) this.#signingKey = entry.signingKey;
    else this.#lastOrder = entry.lastOrder;
  }

  *#entries(): Generator<Entry> {
    yield { signingKey: this.#signingKey };
    for (const record of this.all()) yield { put: record };
    yield { lastOrder: this.#lastOrder };
  }

  #store(record: PatientRecord): void {
    if (!this.#records.has(record.patient_id)) this.#ids.append(record.order, record.patient_id);
    this.#records.set(record.patient_id, record);
    this.#lastOrder = Math.max(this.#lastOrder, record.order);
  }

  #drop(patient_id: string): void {
    const record = this.#records.get(patient_id);
    if (!record) return;
    this.#ids.remove(record.order);
    this.#records.delete(patient_id);
  }

  get(patient_id: string): PatientRecord | undefined {
    return this.#records.get(patient_id);
  }

  /** Creates the patient, or replaces the whole record and keeps its particle_patient_id. */
  put(patient: SubmittedPatient): PatientRecord {
    const before = this.#records.get(patient.patient_id);
    const record = {
      ...patient,
      particle_patient_id: before?.particle_patient_id ?? randomUUID(),
      order: before?.order ?? this.#lastOrder + 1,
      written_at: this.#clock(),
    };
    this.#journal.append({ put: record });
    this.#store(record);
    return record;
  }

  /** Forgets the patient for good; false when there is none. */
  delete(patient_id: string): boolean {
    if (!this.#records.has(patient_id)) return false;
    this.#journal.append({ delete: patient_id });
    this.#drop(patient_id);
    return true;
  }

  /** In the order of creation, from the first whose `order` is at least the given one. */
  *from(order: number): Generator<PatientRecord> {
    for (const id of this.#ids.from(order)) {
      const record = this.#records.get(id);
      if (record) yield record;
    }
  }

  all(): readonly PatientRecord[] {
    return [...this.from(0)];
  }

  get signingKey(): string {
    return this.#signingKey;
  }

  changeSigningKey(): string {
    this.#signingKey = newSigningKey();
    this.#journal.append({ signingKey: this.#signingKey });
    return this.#signingKey;
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}
