import { allowedOriginsFrom } from "../../shared/http/cors.ts";
import { fhirHandler } from "../../shared/http/fhir-handler.ts";
import { operationInteraction } from "../../shared/interactions/patient-operation.ts";
import { readEnv } from "../../shared/runtime/env.ts";
import { createLog } from "../../shared/runtime/log.ts";

const { patientIdIdentifierSystem, particlePatientIdIdentifierSystem, patientIdSystem } = readEnv(process.env, [
  "patientIdIdentifierSystem",
  "particlePatientIdIdentifierSystem",
  "patientIdSystem",
]);

export const handler = fhirHandler(
  createLog(),
  operationInteraction({
    now: Date.now,
    settings: {
      systems: { patient_id: patientIdIdentifierSystem, particle_patient_id: particlePatientIdIdentifierSystem },
      ...(patientIdSystem !== undefined && { patientIdSystem }),
    },
  }),
  allowedOriginsFrom(process.env),
);
