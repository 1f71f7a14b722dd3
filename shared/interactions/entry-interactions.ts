import type { Respond } from "../http/request.ts";
import type { Registration } from "../registration/registration.ts";
import { createInteraction } from "./create-patient.ts";
import { deleteInteraction } from "./delete-patient.ts";
import type { EntryInteraction } from "./entry-request.ts";
import { patchInteraction } from "./patch-patient.ts";
import { readInteraction } from "./read-patient.ts";
import { searchInteraction } from "./search-patients.ts";
import { updateInteraction } from "./update-patient.ts";

/** What runs an entry: the same as a request of its own. */
export const entryInteractions = (registration: Registration): Readonly<Record<EntryInteraction, Respond>> => ({
  create: createInteraction(registration),
  read: readInteraction(registration),
  vread: readInteraction(registration),
  "search-type": searchInteraction(registration),
  update: updateInteraction(registration),
  patch: patchInteraction(registration),
  delete: deleteInteraction(registration),
});

export const READS: readonly EntryInteraction[] = ["read", "vread", "search-type"];
