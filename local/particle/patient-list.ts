import type { PatientRecord, PatientRecords } from "./patient-records.ts";
import type { Switches } from "./switches.ts";

const pageSize = 200;

/** Where a page begins: the row `row` (from 0) of the first patient whose order is at least `order`. */
type Position = { readonly order: number; readonly row: number };

const start: Position = { order: 0, row: 0 };

// In base64 these bytes are "++++", so that a caller who puts the token into a query without encoding it finds out.
const tokenMark = Buffer.from([0xfb, 0xef, 0xbe]);

const writeToken = ({ order, row }: Position): string =>
  Buffer.concat([tokenMark, Buffer.from(`${order}/${row}`)]).toString("base64");

/** Answers undefined for a token that is none of ours. */
function readToken(token: string): Position | undefined {
  const bytes = Buffer.from(token, "base64");
  const [, order, row] = /^(\d+)\/(\d+)$/.exec(bytes.subarray(tokenMark.length).toString()) ?? [];
  if (order === undefined || row === undefined) return undefined;
  const position = { order: Number(order), row: Number(row) };
  return writeToken(position) === token ? position : undefined;
}

/** The row of the list in its object form. The record holds no queries, so their columns are empty. */
const objectRow = (record: PatientRecord) => ({
  external_patient_id: record.patient_id,
  particle_patient_id: record.particle_patient_id,
  given_name: record.given_name,
  family_name: record.family_name,
  date_of_birth: record.date_of_birth,
  gender: record.gender,
  query_id: "",
  query_date: "",
  query_status: "",
  file_count: 0,
});

const lastTokens = {
  absent: {},
  empty: { continuation_token: "" },
  null: { continuation_token: null },
} as const satisfies Record<Switches["lastToken"], unknown>;

/**
 * A page of the list: `{continuation_token?, patients}`, the token only when more rows remain. Patients stand in the
 * order of their creation and a token names a place in that order, so that one who is there throughout is met once per
 * round, whoever comes and goes meanwhile.
 * @returns undefined when the token is none of ours
 */
export function listPage(records: PatientRecords, token: string | undefined, switches: Switches) {
  const begin = token === undefined ? start : readToken(token);
  if (!begin) return undefined;

  const patients: unknown[] = [];
  let next: Position | undefined;
  for (const record of records.from(begin.order)) {
    const firstRow = record.order === begin.order ? begin.row : 0;
    const rows = Math.min(Math.max(0, switches.listRowsPerPatient - firstRow), pageSize - patients.length);
    for (let row = 0; row < rows; row += 1) {
      patients.push(switches.listItems === "strings" ? record.patient_id : objectRow(record));
    }
    if (firstRow + rows < switches.listRowsPerPatient) {
      next = { order: record.order, row: firstRow + rows };
      break;
    }
  }

  return {
    ...(next ? { continuation_token: writeToken(next) } : lastTokens[switches.lastToken]),
    patients: patients.length === 0 && switches.emptyList === "null" ? null : patients,
  };
}
