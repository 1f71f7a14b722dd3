import * as v from "valibot";
import { faultRuleSchema } from "./fault-rules.ts";

const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(2 ** 31 - 1));

const switchesSchema = v.strictObject({
  /** What `GET /auth` accepts. */
  clientId: v.optional(v.string(), "local-client"),
  clientSecret: v.optional(v.string(), "local-secret"),
  /** Lifetime of the tokens that are issued from now on; the vendor's is an hour. */
  tokenTtlSeconds: v.optional(v.pipe(v.number(), v.minValue(1)), 3600),
  /** `GET /auth` without a `scope` header is answered 400. */
  scopeRequired: v.optional(v.boolean(), false),
  /** `Authorization: Bearer <jwt>` and `Authorization: <jwt>`: the vendor has documented both. */
  authorizationForms: v.optional(v.pipe(v.array(v.picklist(["bearer", "raw"])), v.minLength(1)), ["bearer", "raw"]),

  /** Added to every request before it is carried out; it is carried out also when the caller has gone by then. */
  delayMs: v.optional(milliseconds, 0),
  /** For this long after a write, GET does not find the patient. */
  notFoundAfterWriteMs: v.optional(milliseconds, 0),

  /** The vendor's older pages show an echo without these two fields. */
  echoParticlePatientId: v.optional(v.boolean(), true),
  echoConsent: v.optional(v.boolean(), true),
  /** `(234) 567-8910`, as the vendor's samples show, or the telephone as it was sent. */
  echoTelephoneNormalised: v.optional(v.boolean(), true),
  /** Optional fields without a value: `""` (`[]` for address_lines), `null`, or left out. */
  absentOptionals: v.optional(v.picklist(["empty", "null", "omitted"]), "empty"),
  /** `"delete successful"` as a JSON string, the same as bare text, or `{"message": "delete successful"}`. */
  deleteBody: v.optional(v.picklist(["string", "text", "object"]), "string"),

  /** Ids, or rows `{external_patient_id, particle_patient_id, …}`. */
  listItems: v.optional(v.picklist(["strings", "objects"]), "strings"),
  /** Each patient is listed this often (one row per query); a page holds 200 rows, so it may end between two. */
  listRowsPerPatient: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100)), 1),
  /** What stands for "no further page". */
  lastToken: v.optional(v.picklist(["absent", "empty", "null"]), "absent"),
  /** What stands for "no patients". */
  emptyList: v.optional(v.picklist(["array", "null"]), "array"),

  /** The vendor publishes the text of the overlay error but not its status. */
  overlayStatus: v.optional(v.picklist([400, 409, 422]), 400),
  /**
   * How many of given_name, family_name, date_of_birth, gender and ssn must change at once for an overlay; 0 = never.
   * That it is a count is our assumption: the vendor allows updates and does not say how different is too different.
   */
  overlayThreshold: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(5)), 2),
  /** Status of a body that is not valid. */
  validationStatus: v.optional(v.picklist([400, 422]), 400),
  errorBody: v.optional(v.picklist(["json", "text"]), "json"),

  /** Replaced as a whole, which also starts their counts and random numbers anew. */
  faults: v.optional(v.array(faultRuleSchema), []),
});

/** How the simulator behaves where the vendor's documents are silent or contradict each other, and what goes wrong. */
export type Switches = v.InferOutput<typeof switchesSchema>;

/** New values for some of the switches. `expireTokens` is no switch but an act: all tokens issued so far are void. */
export type SwitchChanges = Partial<v.InferInput<typeof switchesSchema>> & { readonly expireTokens?: boolean };

const changesSchema = v.strictObject({
  ...v.partial(switchesSchema).entries,
  expireTokens: v.optional(v.boolean()),
});

export const defaultSwitches: Switches = v.parse(switchesSchema, {});

/**
 * The switches after `changes`, which may come from outside.
 * @throws ValiError on an unknown name or a value that is not allowed
 */
export function changeSwitches(current: Switches, changes: unknown) {
  const { expireTokens = false, ...values } = v.parse(changesSchema, changes);
  const switches = v.parse(switchesSchema, { ...current, ...values });
  return { switches, expireTokens, newFaults: values.faults !== undefined };
}
