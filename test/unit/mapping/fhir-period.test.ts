import { describe, expect, it } from "vitest";
import { periodStanding, periodStart } from "../../../shared/mapping/fhir-period.ts";
import { DATA_ABSENT, TODAY } from "./made-up-patients.ts";

describe("a period", () => {
  it.each([
    [undefined, "current"],
    [{}, "current"],
    [{ start: "2026-11-22" }, "current"],
    [{ start: "2026-11" }, "current"],
    [{ start: "2026" }, "current"],
    [{ start: "2026-11-22T23:59:59Z" }, "current"],
    [{ end: "2026-11-22" }, "current"],
    [{ end: "2026-11" }, "current"],
    [{ end: "2026" }, "current"],
    [{ end: "2026-11-22T00:00:00Z" }, "current"],
    [{ end: "2026-11-21T23:30:00-05:00" }, "current"],
    [{ end: "9999-12-31T23:59:59-05:00" }, "current"],
    [{ end: "2016-12-31T23:59:60Z" }, "ended"],
    [{ end: "2026-11-21" }, "ended"],
    [{ end: "2026-10" }, "ended"],
    [{ end: "2025" }, "ended"],
    [{ end: "2026-11-21T23:59:59.999Z" }, "ended"],
    [{ end: "2026-11-22T01:00:00+02:00" }, "ended"],
    [{ start: "2026-11-23" }, "not-begun"],
    [{ start: "2026-12" }, "not-begun"],
    [{ start: "2027" }, "not-begun"],
    [{ start: "2026-11-22T23:30:00-05:00" }, "not-begun"],
    [{ start: "2027", end: "2025" }, "ended"],
  ])("%j is %s on the day", (period, standing) => {
    expect(periodStanding({ period }, TODAY)).toBe(standing);
  });

  it("counts as none where it is marked as absent or unreadable", () => {
    expect(periodStanding({ period: { end: "2020", ...DATA_ABSENT } }, TODAY)).toBe("current");
    expect(periodStanding({ period: { end: "2020", _end: DATA_ABSENT } }, TODAY)).toBe("current");
    expect(periodStanding({ period: { end: "last year" } }, TODAY)).toBe("current");
    expect(periodStanding({ period: ["2020"] }, TODAY)).toBe("current");
    expect(periodStart({ period: { start: "2020-13-45" } })).toBeUndefined();
  });

  it("starts at the first instant that its start covers", () => {
    const starts = ["2020", "2020-01", "2020-01-01", "2020-01-01T00:00:00Z", "2019-12-31T19:00:00-05:00"];
    expect(new Set(starts.map((start) => periodStart({ period: { start } })))).toEqual(new Set([Date.UTC(2020, 0, 1)]));
    expect(periodStart({ period: { end: "2020" } })).toBeUndefined();
  });
});
