import { ENV } from "../runtime/env-names.ts";

/** The origins that a deployment lets read the answers; none by default. `*` is any. */
export const allowedOriginsFrom = (env: Readonly<Record<string, string | undefined>>): readonly string[] =>
  (env[ENV.corsAllowedOrigins] ?? "").split(" ").filter((origin) => origin !== "");

/** Headers of answers that a page may read beside those that it always may. */
const EXPOSED = ["Allow", "ETag", "Last-Modified", "Location", "Retry-After", "X-Request-Id"];

/** Headers of requests that a page may send: those that this API reads, and those of a signature. */
const ACCEPTED = [
  "Accept",
  "Authorization",
  "Cache-Control",
  "Content-Type",
  "Idempotency-Key",
  "If-Match",
  "If-Modified-Since",
  "If-None-Exist",
  "If-None-Match",
  "Overlay-Reason",
  "Prefer",
  "X-Amz-Content-Sha256",
  "X-Amz-Date",
  "X-Amz-Security-Token",
];

const PREFLIGHT_SECONDS = 600;

/** Of every answer: https://fetch.spec.whatwg.org/#http-cors-protocol. Credentials of browsers are never allowed. */
export function corsHeaders(allowedOrigins: readonly string[], origin: string | undefined): Record<string, string> {
  if (allowedOrigins.length === 0) {
    return {};
  }
  const allowed = allowedOrigins.includes("*") ? "*" : allowedOrigins.find((known) => known === origin);
  return {
    Vary: "Origin",
    ...(allowed !== undefined && {
      "Access-Control-Allow-Origin": allowed,
      "Access-Control-Expose-Headers": EXPOSED.join(", "),
    }),
  };
}

/** Of the answer to a preflight request. */
export const preflightHeaders = (methods: readonly string[]): Record<string, string> => ({
  Allow: methods.join(", "),
  "Access-Control-Allow-Methods": methods.join(", "),
  "Access-Control-Allow-Headers": ACCEPTED.join(", "),
  "Access-Control-Max-Age": String(PREFLIGHT_SECONDS),
});
