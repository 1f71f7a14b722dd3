import * as v from "valibot";
import { type AwsCall, AwsError, type JsonObject, startAwsJsonEndpoint } from "../aws-json/endpoint.ts";

/** What was put into a log group. */
export type StoredLogEvent = {
  readonly group: string;
  readonly stream: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
};

export type EmbeddedCloudWatchLogs = {
  readonly url: string;
  /** In the order in which they were put there, at most the latest 10,000. */
  events(): readonly StoredLogEvent[];
  /** Whether every call is answered ServiceUnavailableException from now on. */
  refuse(isRefusing: boolean): void;
  close(): Promise<void>;
};

const KEPT = 10_000;

const streamSchema = v.object({ logGroupName: v.string(), logStreamName: v.string() });
const eventsSchema = v.object({
  ...streamSchema.entries,
  logEvents: v.pipe(
    v.array(v.object({ timestamp: v.number(), message: v.pipe(v.string(), v.minLength(1)) })),
    v.minLength(1),
    v.check((events) => events.every(({ timestamp }, at) => timestamp >= (events[at - 1]?.timestamp ?? 0))),
  ),
});

/**
 * A CloudWatch Logs on loopback for the two calls that the functions make: CreateLogStream and PutLogEvents, with the
 * service's errors.
 *
 * @param groups names of the log groups that there are.
 * @param onCall told of every call, before it is served.
 */
export async function startEmbeddedCloudWatchLogs(
  groups: readonly string[],
  onCall?: (call: AwsCall) => void,
): Promise<EmbeddedCloudWatchLogs> {
  const streams = new Set<string>();
  let stored: StoredLogEvent[] = [];
  let isRefusing = false;

  function parsed<Schema extends v.GenericSchema>(schema: Schema, input: JsonObject): v.InferOutput<Schema> {
    const result = v.safeParse(schema, input);
    if (!result.success) {
      throw new AwsError("InvalidParameterException", "A parameter is not valid.");
    }
    return result.output;
  }

  function streamNamed(input: v.InferOutput<typeof streamSchema>): string {
    if (!groups.includes(input.logGroupName)) {
      throw new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
    }
    return JSON.stringify([input.logGroupName, input.logStreamName]);
  }

  const operations: Readonly<Record<string, (input: JsonObject) => JsonObject>> = {
    CreateLogStream(input) {
      const stream = streamNamed(parsed(streamSchema, input));
      if (streams.has(stream)) {
        throw new AwsError("ResourceAlreadyExistsException", "The specified log stream already exists");
      }
      streams.add(stream);
      return {};
    },
    PutLogEvents(input) {
      const { logEvents, ...names } = parsed(eventsSchema, input);
      if (!streams.has(streamNamed(names))) {
        throw new AwsError("ResourceNotFoundException", "The specified log stream does not exist.");
      }
      const { logGroupName: group, logStreamName: stream } = names;
      stored = [...stored, ...logEvents.map((event) => ({ group, stream, ...event }))].slice(-KEPT);
      return {};
    },
  };

  const endpoint = await startAwsJsonEndpoint({
    port: 0,
    protocol: "1.1",
    target: "Logs_20140328",
    onCall,
    serve: async (operation, input) => {
      if (isRefusing) {
        throw new AwsError("ServiceUnavailableException", "The service cannot complete the request.", { status: 503 });
      }
      const run = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
      if (run === undefined) {
        throw new AwsError("UnknownOperationException", "No such operation.");
      }
      return run(input);
    },
    controls: {},
  });
  return {
    url: endpoint.url,
    events: () => stored,
    refuse: (value) => {
      isRefusing = value;
    },
    close: () => endpoint.close(),
  };
}
