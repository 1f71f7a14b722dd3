import { validateHeaderName, validateHeaderValue } from "node:http";
import * as v from "valibot";
import type { RestApi } from "../template/rest-api.ts";
import type { HttpAnswer } from "./gateway-responses.ts";
import { isBinary } from "./proxy-event.ts";

const scalar = v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String));

/**
 * What a function must answer; any other member makes it a malformed answer:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html#api-gateway-simple-proxy-for-lambda-output-format
 */
const proxyResultSchema = v.strictObject({
  statusCode: v.pipe(
    v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{3}$/), v.transform(Number))]),
    v.integer(),
    v.minValue(200),
    v.maxValue(599),
  ),
  headers: v.nullish(v.record(v.string(), scalar)),
  multiValueHeaders: v.nullish(v.record(v.string(), v.array(scalar))),
  body: v.nullish(v.string()),
  isBase64Encoded: v.nullish(v.boolean()),
});

/** Headers that API Gateway keeps to itself: what a function sets arrives as `x-amzn-remapped-…`. */
const REMAPPED: ReadonlySet<string> = new Set(["connection", "content-length", "date", "server", "www-authenticate"]);

/** RFC 9110, section 7.6.1. */
const DROPPED: ReadonlySet<string> = new Set([
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * What a function answered, as API Gateway passes it on.
 *
 * @param payload JSON
 * @param accept the Accept header of the request, which decides whether a base64 body is decoded
 * @returns undefined for a malformed answer
 */
export function proxyResponse(api: RestApi, payload: string, accept: string): HttpAnswer | undefined {
  const parsed = v.safeParse(proxyResultSchema, JSON.parse(payload));
  if (!parsed.success) {
    return undefined;
  }
  const { statusCode, headers, multiValueHeaders, body, isBase64Encoded } = parsed.output;
  const merged = mergeHeaders(headers ?? {}, multiValueHeaders ?? {});
  if (merged === undefined) {
    return undefined;
  }
  const decode = isBase64Encoded === true && isBinary(api, accept);
  return { statusCode, headers: merged, body: Buffer.from(body ?? "", decode ? "base64" : "utf8") };
}

/** A pair that stands in both is sent once; header names differ in case only by chance. */
function mergeHeaders(
  headers: Readonly<Record<string, string>>,
  multiValueHeaders: Readonly<Record<string, readonly string[]>>,
): ReadonlyMap<string, readonly string[]> | undefined {
  const merged = new Map<string, string[]>([["content-type", []]]);
  const add = (name: string, value: string, onlyNew: boolean) => {
    const lowerCase = name.toLowerCase();
    if (DROPPED.has(lowerCase)) {
      return;
    }
    const sent = REMAPPED.has(lowerCase) ? `x-amzn-remapped-${lowerCase}` : lowerCase;
    const values = merged.get(sent) ?? [];
    if (!onlyNew || !values.includes(value)) {
      validateHeaderName(sent);
      validateHeaderValue(sent, value);
      values.push(value);
    }
    merged.set(sent, values);
  };
  try {
    for (const [name, values] of Object.entries(multiValueHeaders)) {
      for (const value of values) {
        add(name, value, false);
      }
    }
    for (const [name, value] of Object.entries(headers)) {
      add(name, value, true);
    }
  } catch {
    return undefined;
  }
  if (merged.get("content-type")?.length === 0) {
    merged.set("content-type", ["application/json"]);
  }
  return merged;
}
