import { Sha256 } from "@smithy/core/checksum";
import { SignatureV4 } from "@smithy/signature-v4";
import { createHttpExchange, type HttpAnswer, NoAnswer } from "../particle/http-exchange.ts";
import { defaultProvider } from "./lambda-credentials.ts";

export type LogEvent = {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
};

/**
 * Puts events, oldest first and at most 1 MB of them, into one stream of a log group.
 *
 * @param withinMs time for all of it.
 * @throws Error that names what CloudWatch Logs answered and nothing of the events.
 */
export type WriteToLogGroup = (events: readonly LogEvent[], withinMs: number) => Promise<void>;

export type LogGroupSettings = {
  readonly region: string;
  /** Such as `https://logs.us-east-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly group: string;
  /** Made when it is first written to. */
  readonly stream: string;
};

const ATTEMPTS = 3;
const ATTEMPT_TIMEOUT_MS = 1_000;

const TARGET = "Logs_20140328";

/**
 * The two calls of CloudWatch Logs that an audit needs, signed by the SDK's signer, over kept-alive connections: all
 * that a cold start has to load for them is there already.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
 */
export function createLogGroupWriter({ region, endpoint, group, stream }: LogGroupSettings): WriteToLogGroup {
  const { hostname, host, protocol } = new URL(endpoint);
  const exchange = createHttpExchange(endpoint);
  const signer = new SignatureV4({ service: "logs", region, credentials: defaultProvider(), sha256: Sha256 });
  const names = { logGroupName: group, logStreamName: stream };
  let creating: Promise<void> | undefined;

  async function attempt(operation: string, body: string, left: number): Promise<HttpAnswer> {
    const unsigned = {
      method: "POST",
      protocol,
      hostname,
      path: "/",
      headers: { host, "content-type": "application/x-amz-json-1.1", "x-amz-target": `${TARGET}.${operation}` },
      body,
    };
    const { headers } = await signer.sign(unsigned);
    return exchange({ method: "POST", path: "/", headers, body }, Math.min(left, ATTEMPT_TIMEOUT_MS));
  }

  /** @param until epoch milliseconds after which nothing is sent any more. */
  async function call(operation: string, input: object, until: number): Promise<HttpAnswer> {
    const body = JSON.stringify(input);
    for (let attempts = 1; ; attempts += 1) {
      const isLast = attempts === ATTEMPTS;
      const left = until - Date.now();
      if (left <= 0) {
        throw new NoAnswer("time is over", attempts > 1, true);
      }
      const answer = await attempt(operation, body, left).catch((error: unknown) => {
        if (!(error instanceof NoAnswer) || isLast) {
          throw error;
        }
      });
      if (answer && (isLast || !isWorthRepeating(answer))) {
        return answer;
      }
    }
  }

  async function create(until: number): Promise<void> {
    const answer = await call("CreateLogStream", names, until);
    if (answer.status !== 200 && typeOf(answer) !== "ResourceAlreadyExistsException") {
      throw refused("CreateLogStream", answer);
    }
  }

  return async (events, withinMs) => {
    const until = Date.now() + withinMs;
    creating ??= create(until).catch((error: unknown) => {
      creating = undefined;
      throw error;
    });
    await creating;
    const answer = await call("PutLogEvents", { ...names, logEvents: events }, until);
    if (answer.status !== 200) {
      throw refused("PutLogEvents", answer);
    }
  };
}

const isWorthRepeating = (answer: HttpAnswer): boolean =>
  answer.status >= 500 || answer.status === 429 || typeOf(answer) === "ThrottlingException";

/** Name of the exception, without its namespace. */
function typeOf({ body }: HttpAnswer): string {
  const [, type = "unknown"] = /"__type"\s*:\s*"(?:[^"#]*#)?(\w+)"/.exec(body) ?? [];
  return type;
}

const refused = (operation: string, answer: HttpAnswer): Error =>
  new Error(`${operation} was answered ${answer.status} (${typeOf(answer)}).`);
