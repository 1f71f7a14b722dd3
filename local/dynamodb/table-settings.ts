import type { Store, Table } from "dynalite/db/index.js";
import { isJsonObject, type JsonObject } from "../aws-json/endpoint.ts";
import { asAwsError, carryOut, checkRequest } from "./dynalite-operations.ts";
import { validationError } from "./errors.ts";

/**
 * What DynamoDB knows of a table and dynalite does not: these settings are kept with the table and shown again. Deletion
 * protection protects; the others have no effect here (nothing expires, nothing is encrypted, there is no stream).
 */
type TableSettings = {
  readonly deletionProtection: boolean;
  readonly pointInTimeRecovery: boolean;
  readonly timeToLive?: { readonly AttributeName: string };
  readonly stream?: JsonObject;
  readonly encryption?: JsonObject;
};

const DEFAULTS: TableSettings = { deletionProtection: false, pointInTimeRecovery: false };
/** The member of a stored table that holds them. */
const MEMBER = "settings";

type Operation = (input: JsonObject) => Promise<JsonObject>;

/** The operations on tables as a whole. Everything is checked by dynalite first, with its errors. */
export function tableOperations(store: Store): Readonly<Record<string, Operation>> {
  return {
    CreateTable: async (input) => {
      const settings = { ...DEFAULTS, ...settingsIn(input) };
      const tags = Array.isArray(input["Tags"]) ? input["Tags"] : [];
      const request = checkRequest(store, "CreateTable", input);
      request.data[MEMBER] = settings;
      await carryOut(store, request);
      const table = await whenActive(store, String(request.data["TableName"]));
      if (tags.length > 0) {
        const tagging = { ResourceArn: table["TableArn"], Tags: tags };
        await carryOut(store, checkRequest(store, "TagResource", tagging));
      }
      return { TableDescription: description(table) };
    },

    DescribeTable: async (input) => ({ Table: description(await existingTable(store, input)) }),

    UpdateTable: async (input) => {
      const settings = settingsIn(input);
      const { DeletionProtectionEnabled, StreamSpecification, SSESpecification, ...rest } = input;
      const name = (await existingTable(store, input)).TableName;
      if (Object.keys(settings).length > 0) {
        await changeSettings(store, name, () => settings);
      }
      if (Object.keys(settings).length === 0 || Object.keys(rest).some((member) => UPDATED_BY_DYNALITE.has(member))) {
        await carryOut(store, checkRequest(store, "UpdateTable", rest));
      }
      return { TableDescription: description(await whenActive(store, name)) };
    },

    DeleteTable: async (input) => {
      const table = await existingTable(store, input);
      if (settingsOf(table).deletionProtection) {
        throw validationError(
          "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        );
      }
      const result = await carryOut(store, checkRequest(store, "DeleteTable", input));
      await whenGone(store, table.TableName);
      return { TableDescription: description(result["TableDescription"] as Table) };
    },

    UpdateTimeToLive: async (input) => {
      const table = await existingTable(store, input);
      const { AttributeName, Enabled } = specification(input, "TimeToLiveSpecification");
      if (typeof AttributeName !== "string" || typeof Enabled !== "boolean") {
        throw validationError("TimeToLiveSpecification must have an AttributeName and Enabled");
      }
      await changeSettings(store, table.TableName, (settings) => {
        if (Enabled === (settings.timeToLive !== undefined)) {
          throw validationError(`TimeToLive is already ${Enabled ? "enabled" : "disabled"}`);
        }
        return { timeToLive: Enabled ? { AttributeName } : undefined };
      });
      return { TimeToLiveSpecification: { AttributeName, Enabled } };
    },

    DescribeTimeToLive: async (input) => {
      const { timeToLive } = settingsOf(await existingTable(store, input));
      return {
        TimeToLiveDescription: { TimeToLiveStatus: timeToLive ? "ENABLED" : "DISABLED", ...timeToLive },
      };
    },

    UpdateContinuousBackups: async (input) => {
      const table = await existingTable(store, input);
      const { PointInTimeRecoveryEnabled: enabled } = specification(input, "PointInTimeRecoverySpecification");
      if (typeof enabled !== "boolean") {
        throw validationError("PointInTimeRecoverySpecification must have PointInTimeRecoveryEnabled");
      }
      await changeSettings(store, table.TableName, () => ({ pointInTimeRecovery: enabled }));
      return { ContinuousBackupsDescription: backupsDescription(enabled) };
    },

    DescribeContinuousBackups: async (input) => {
      const { pointInTimeRecovery } = settingsOf(await existingTable(store, input));
      return { ContinuousBackupsDescription: backupsDescription(pointInTimeRecovery) };
    },
  };
}

const UPDATED_BY_DYNALITE = new Set(["BillingMode", "ProvisionedThroughput", "GlobalSecondaryIndexUpdates"]);

/** The settings that a CreateTable or an UpdateTable names. */
function settingsIn(input: JsonObject): Partial<TableSettings> {
  const { DeletionProtectionEnabled: protection, StreamSpecification: stream, SSESpecification: encryption } = input;
  return {
    ...(typeof protection === "boolean" && { deletionProtection: protection }),
    ...(isJsonObject(stream) && { stream: stream["StreamEnabled"] === false ? undefined : stream }),
    ...(isJsonObject(encryption) && { encryption: encryption["Enabled"] === false ? undefined : encryption }),
  };
}

function settingsOf(table: Table): TableSettings {
  return { ...DEFAULTS, ...(table[MEMBER] as Partial<TableSettings> | undefined) };
}

/** The table as DescribeTable shows it. */
function description(table: Table): JsonObject {
  const { deletionProtection, stream, encryption } = settingsOf(table);
  const { [MEMBER]: _, ...shown } = table;
  return {
    ...shown,
    DeletionProtectionEnabled: deletionProtection,
    ...(stream && { StreamSpecification: stream }),
    ...(encryption && {
      SSEDescription: {
        Status: "ENABLED",
        SSEType: encryption["SSEType"] ?? "KMS",
        KMSMasterKeyArn: encryption["KMSMasterKeyId"],
      },
    }),
  };
}

function backupsDescription(pointInTimeRecovery: boolean): JsonObject {
  return {
    ContinuousBackupsStatus: "ENABLED",
    PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: pointInTimeRecovery ? "ENABLED" : "DISABLED" },
  };
}

function specification(input: JsonObject, member: string): JsonObject {
  const value = input[member];
  return isJsonObject(value) ? value : {};
}

async function existingTable(store: Store, input: JsonObject): Promise<Table> {
  const { data } = checkRequest(store, "DescribeTable", { TableName: input["TableName"] });
  return storedTable(store, String(data["TableName"]));
}

function storedTable(store: Store, name: string): Promise<Table> {
  return new Promise((resolve, reject) => {
    store.getTable(name, false, (error, table) => {
      if (error || table === undefined) {
        reject(asAwsError(error));
      } else {
        resolve(table);
      }
    });
  });
}

function changeSettings(
  store: Store,
  name: string,
  change: (settings: TableSettings) => { [Name in keyof TableSettings]?: TableSettings[Name] | undefined },
): Promise<void> {
  return new Promise((resolve, reject) => {
    store.tableDb.lock(name, (release) => {
      const finish = release((error: unknown) => (error ? reject(error) : resolve()));
      storedTable(store, name)
        .then((table) => {
          const settings = settingsOf(table);
          store.tableDb.put(name, { ...table, [MEMBER]: { ...settings, ...change(settings) } }, finish);
        })
        .catch(finish);
    });
  });
}

/** Dynalite changes the status of a table a moment after its answer; whoever waits here can use the table at once. */
async function whenActive(store: Store, name: string): Promise<Table> {
  for (;;) {
    const table = await storedTable(store, name);
    if (table.TableStatus === "ACTIVE") {
      return table;
    }
    await nextMoment();
  }
}

async function whenGone(store: Store, name: string): Promise<void> {
  for (;;) {
    try {
      await storedTable(store, name);
    } catch {
      return;
    }
    await nextMoment();
  }
}

function nextMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
