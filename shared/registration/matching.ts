import type { Mapping } from "../store/mapping-store.ts";
import { VISIBILITY } from "./states.ts";

/** Whether readers see a patient. */
export const isPresent = ({ state }: Mapping): boolean => VISIBILITY[state] === "present";

/** Whether one of the index keys leads to the patient by right. */
export const leadsTo = (keys: readonly string[], { indexKeys }: Mapping): boolean =>
  keys.some((key) => indexKeys.includes(key));
