import { describe, expect, it } from "vitest";
import { meaningOfStatus } from "../../../shared/particle/meanings.ts";

describe("meaningOfStatus", () => {
  it.each([
    { statuses: [200, 201, 202, 204, 299], meaning: undefined },
    { statuses: [300, 301, 303, 308, 199], meaning: "unintelligible" },
    { statuses: [400, 422, 402, 409, 413, 415, 451, 499], meaning: "rejected" },
    { statuses: [401], meaning: "tokenRefused" },
    { statuses: [403], meaning: "forbidden" },
    { statuses: [404, 410], meaning: "absent" },
    { statuses: [405, 406], meaning: "misaddressed" },
    { statuses: [412], meaning: "busy" },
    { statuses: [429], meaning: "throttled" },
    { statuses: [408, 500, 501, 502, 503, 504, 599], meaning: "interrupted" },
  ])("takes $statuses for $meaning", ({ statuses, meaning }) => {
    for (const status of statuses) {
      expect([status, meaningOfStatus(status)]).toEqual([status, meaning]);
    }
  });
});
