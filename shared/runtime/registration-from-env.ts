import { randomUUID } from "node:crypto";
import type { ParticleIdSystems } from "../mapping/source-identifiers.ts";
import { createParticleGateway } from "../particle/http-particle-gateway.ts";
import { type ObserveAttempt, realEffects } from "../particle/send-to-particle.ts";
import { createTokenSource } from "../particle/token-source.ts";
import type { Foreseeing } from "../registration/foresee-update.ts";
import { createKeyedHash, type KeyedHash } from "../registration/keyed-hash.ts";
import type { Reading, Registration } from "../registration/registration.ts";
import type { Searching } from "../registration/search-patients.ts";
import { createMappingStore } from "../store/dynamodb-mapping-store.ts";
import { readEnv } from "./env.ts";
import { hashKeysOf } from "./hash-keys.ts";
import { createSecrets, type Secrets } from "./secrets.ts";

const IDENTIFIER_SYSTEMS = ["patientIdIdentifierSystem", "particlePatientIdIdentifierSystem"] as const;

type Env = Readonly<Record<string, string | undefined>>;

/**
 * What reading needs, from the environment of a function that only reads.
 *
 * @param observe told of every attempt at Particle.
 */
export const readingFromEnv = (env: Env, observe: ObserveAttempt): Reading => reading(env, createSecrets(), observe);

/** What searching needs: the same, and the keys of the identifier index. */
export function searchingFromEnv(env: Env, observe: ObserveAttempt): Searching {
  const secrets = createSecrets();
  return { ...reading(env, secrets, observe), keyedHash: keyedHash(env, secrets) };
}

/** What foreseeing needs: nothing of Particle's. */
export function foreseeingFromEnv(env: Env): Foreseeing {
  const settings = readEnv(env, ["tableName", "patientIdSystem", ...IDENTIFIER_SYSTEMS]);
  const { tableName, patientIdSystem } = settings;
  return {
    store: createMappingStore(tableName),
    keyedHash: keyedHash(env, createSecrets()),
    now: Date.now,
    settings: { systems: systemsOf(settings), ...(patientIdSystem !== undefined && { patientIdSystem }) },
  };
}

/** What writing needs, and whom it tells. */
export function registrationFromEnv(
  env: Env,
  { attempted, decided }: { readonly attempted: ObserveAttempt } & Pick<Registration, "decided">,
): Registration {
  const secrets = createSecrets();
  const { settleSeconds, retryWindowSeconds, uniqueIdentifierSystems, patientIdSystem, replacedPatients } = readEnv(
    env,
    ["settleSeconds", "retryWindowSeconds", "uniqueIdentifierSystems", "patientIdSystem", "replacedPatients"],
  );
  const base = reading(env, secrets, attempted);
  return {
    ...base,
    keyedHash: keyedHash(env, secrets),
    newId: randomUUID,
    decided,
    settings: {
      ...base.settings,
      settleMs: settleSeconds * 1_000,
      retryWindowMs: retryWindowSeconds * 1_000,
      uniqueIdentifierSystems,
      replacedPatients,
      ...(patientIdSystem !== undefined && { patientIdSystem }),
    },
  };
}

function reading(env: Env, secrets: Secrets, observe: ObserveAttempt): Reading {
  const settings = readEnv(env, [
    "tableName",
    "tokenSecret",
    "particleBaseUrl",
    "particleApiVersion",
    "particleAuthorizationPrefix",
    "particleAttemptTimeoutMs",
    ...IDENTIFIER_SYSTEMS,
  ]);
  const particle = createParticleGateway(
    {
      baseUrl: settings.particleBaseUrl,
      apiVersion: settings.particleApiVersion,
      authorizationPrefix: settings.particleAuthorizationPrefix,
      attemptTimeoutMs: settings.particleAttemptTimeoutMs,
    },
    createTokenSource(() => secrets.read(settings.tokenSecret)),
    realEffects,
    observe,
  );
  return {
    store: createMappingStore(settings.tableName),
    particle,
    now: Date.now,
    settings: { systems: systemsOf(settings) },
  };
}

const systemsOf = (settings: Readonly<Record<(typeof IDENTIFIER_SYSTEMS)[number], string>>): ParticleIdSystems => ({
  patient_id: settings.patientIdIdentifierSystem,
  particle_patient_id: settings.particlePatientIdIdentifierSystem,
});

/** Reads the keys once, when they are first needed; a failed read is tried again by the next request. */
function keyedHash(env: Env, secrets: Secrets): () => Promise<KeyedHash> {
  const { digestKeySecret } = readEnv(env, ["digestKeySecret"]);
  let loading: Promise<KeyedHash> | undefined;
  const load = async (): Promise<KeyedHash> => createKeyedHash(hashKeysOf(await secrets.read(digestKeySecret)));
  return () => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
}
