import { describe, expect, it } from "vitest";
import { retryAfterMs } from "../../../shared/particle/retry-after.ts";

describe("retryAfterMs", () => {
  const now = Date.parse("2026-01-15T10:00:00Z");

  it.each([
    { header: "0", ms: 0 },
    { header: "30", ms: 30_000 },
    { header: " 7 ", ms: 7_000 },
    { header: "Thu, 15 Jan 2026 10:00:45 GMT", ms: 45_000 },
    { header: "Thu, 15 Jan 2026 09:00:00 GMT", ms: 0 },
    { header: undefined, ms: undefined },
    { header: "", ms: undefined },
    { header: "-5", ms: undefined },
    { header: "1.5", ms: undefined },
    { header: "soon", ms: undefined },
    { header: "2026-01-15T10:00:45Z", ms: undefined },
  ])("reads $header as $ms", ({ header, ms }) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});
