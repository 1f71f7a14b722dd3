import { randomUUID } from "node:crypto";
import * as v from "valibot";
import {
  type AwsCall,
  AwsError,
  ConnectionReset,
  type JsonObject,
  startAwsJsonEndpoint,
} from "../aws-json/endpoint.ts";
import { chanceSchema, Faults, seedSchema } from "../aws-json/faults.ts";
import { RequestLog } from "../aws-json/request-log.ts";
import { DataFile } from "./data-file.ts";
import { OPERATIONS } from "./operations.ts";
import { putVersion, SecretVault } from "./secret-vault.ts";

const chance = v.optional(chanceSchema);

/**
 * What goes wrong, and when; the faults strike in this order:
 *
 * - `throttling`: ThrottlingException.
 * - `internalError`: InternalServiceError with status 500.
 * - `resetBefore`, `resetAfter`: the connection is reset before or after the operation was carried out.
 */
const switchesSchema = v.strictObject({
  seed: seedSchema,
  throttling: chance,
  internalError: chance,
  resetBefore: chance,
  resetAfter: chance,
});
export type SecretsManagerSwitches = v.InferInput<typeof switchesSchema>;
type FaultName = Exclude<keyof SecretsManagerSwitches, "seed">;

/** One request as the log keeps it, without any value. */
export type SecretsManagerRequest = {
  readonly operation: string;
  /** Name or ARN, as the caller put it. */
  readonly secretId?: string;
  /** Name of the exception that it was answered with. */
  error?: string;
  /** The switch that struck it. */
  fault?: FaultName;
};

/** A secret to begin with: with `name` alone it gets an ARN, with `arn` alone what follows `:secret:` is its name. */
type InitialSecret = { readonly value: string } & (
  | { readonly name: string; readonly arn?: string }
  | { readonly name?: string; readonly arn: string }
);

export type EmbeddedSecretsManager = {
  readonly url: string;
  readonly port: number;
  /** Creates a secret unless it is there; one that is there, from a data file say, keeps its value. Returns its ARN. */
  createSecret(secret: InitialSecret): Promise<string>;
  /** Sets all switches anew: what is not named is off, and counting starts again. */
  configure(switches: SecretsManagerSwitches): void;
  /** The latest requests, at least 10,000, in their order of arrival. */
  requests(): SecretsManagerRequest[];
  /** Cuts all connections; what was answered is saved. */
  close(): Promise<void>;
};

type EmbeddedSecretsManagerOptions = {
  /** 0 = any free port. */
  readonly port: number;
  /** Keeps the secrets over restarts, in clear and readable only by its owner; without it they end with the process. */
  readonly dataFile?: string;
  /** Told of every call, before it is served. */
  readonly onCall?: ((call: AwsCall) => void) | undefined;
};

/** Operations that change nothing, and so need not be saved. */
const READS = new Set(["GetSecretValue", "DescribeSecret", "ListSecrets"]);

/**
 * A Secrets Manager on loopback for the calls that the functions make, with staging labels and the service's errors.
 * The switches are also at `PUT /_secrets-manager`, the log at `GET /_secrets-manager`.
 *
 * @throws when the port is taken or the data file cannot be read
 */
export async function startEmbeddedSecretsManager(
  options: EmbeddedSecretsManagerOptions,
): Promise<EmbeddedSecretsManager> {
  const { dataFile } = options;
  const vault = new SecretVault(dataFile === undefined ? [] : await DataFile.load(dataFile));
  const file = dataFile === undefined ? undefined : new DataFile(dataFile, () => vault.all());
  const log = new RequestLog<SecretsManagerRequest>();
  let faults = new Faults<FaultName>({});

  const configure = (input: unknown) => {
    const parsed = v.safeParse(switchesSchema, input);
    if (!parsed.success) {
      const paths = parsed.issues.map((issue) => v.getDotPath(issue) ?? "the body");
      throw new AwsError("ValidationException", `Not valid switches: ${paths.join(", ")}`);
    }
    const { seed, ...chances } = parsed.output;
    faults = new Faults<FaultName>(chances, seed);
  };

  const strikes = (fault: FaultName, request: SecretsManagerRequest): boolean => {
    const struck = faults.strikes(fault, request.operation);
    if (struck) {
      request.fault = fault;
    }
    return struck;
  };

  const respond = async (request: SecretsManagerRequest, input: JsonObject): Promise<JsonObject> => {
    const run = Object.hasOwn(OPERATIONS, request.operation) ? OPERATIONS[request.operation] : undefined;
    if (run === undefined) {
      throw new AwsError("UnknownOperationException", "No such operation.");
    }
    if (strikes("throttling", request)) {
      throw new AwsError("ThrottlingException", "Rate exceeded");
    }
    if (strikes("internalError", request)) {
      throw new AwsError("InternalServiceError", "An error occurred on the server side.", { status: 500 });
    }
    if (strikes("resetBefore", request)) {
      throw new ConnectionReset();
    }
    const response = run(vault, input);
    if (!READS.has(request.operation)) {
      await file?.save();
    }
    if (strikes("resetAfter", request)) {
      throw new ConnectionReset();
    }
    return response;
  };

  const endpoint = await startAwsJsonEndpoint({
    port: options.port,
    protocol: "1.1",
    target: "secretsmanager",
    onCall: options.onCall,
    serve: async (operation, input) => {
      const secretId = input["SecretId"] ?? input["Name"];
      const request = log.add({ operation, ...(typeof secretId === "string" && { secretId }) });
      try {
        return await respond(request, input);
      } catch (error) {
        if (error instanceof AwsError) {
          request.error = error.code;
        }
        throw error;
      }
    },
    controls: {
      "PUT /_secrets-manager": configure,
      "GET /_secrets-manager": () => ({ requests: log.entries() }),
    },
  });

  return {
    url: endpoint.url,
    port: endpoint.port,
    async createSecret({ value, name, arn }) {
      const existing = vault.find(arn ?? name ?? "");
      if (existing !== undefined) {
        return existing.arn;
      }
      const secret = vault.create({ name: name ?? nameIn(arn), arn });
      putVersion(secret, randomUUID(), { SecretString: value });
      await file?.save();
      return secret.arn;
    },
    configure,
    requests: () => log.entries(),
    close: () => endpoint.close(),
  };
}

function nameIn(arn = ""): string {
  return arn.slice(arn.indexOf(":secret:") + ":secret:".length);
}
