import fc from "fast-check";
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
    [{ end: `2026-11-21T23:59:59.${"9".repeat(25)}Z` }, "ended"],
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

describe("a moment with any fraction of a second", () => {
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: 1, maxLength: 60, size: "max" });
  const zones = fc.constantFrom("Z", "+00:00", "-05:00");

  it("lies in its second", () => {
    fc.assert(
      fc.property(digits, zones, (fraction, zone) => {
        const start = `2020-01-01T00:00:00.${fraction}${zone}`;
        const second = Date.parse(`2020-01-01T00:00:00${zone}`);
        expect(Math.floor((periodStart({ period: { start } }) ?? 0) / 1000) * 1000).toBe(second);
        expect(periodStanding({ period: { end: start } }, TODAY)).toBe("ended");
      }),
    );
  });
});

describe("a period on any day", () => {
  const days = fc.date({ min: new Date("1970-01-01"), max: new Date("2099-12-31"), noInvalidDate: true });
  const dayOf = (date: Date) => date.toISOString().slice(0, 10);
  const later = (day: string, count: number) => dayOf(new Date(Date.parse(day) + count * 86_400_000));
  const onlyEnds = (end: string, today: string) => periodStanding({ period: { end } }, today);
  const onlyStarts = (start: string, today: string) => periodStanding({ period: { start } }, today);

  it("includes the whole day on which it starts and the whole day on which it ends", () => {
    fc.assert(
      fc.property(days.map(dayOf), (day) => {
        expect([-1, 0, 1].map((shift) => onlyEnds(day, later(day, shift)))).toEqual(["current", "current", "ended"]);
        expect([-1, 0, 1].map((shift) => onlyStarts(day, later(day, shift)))).toEqual([
          "not-begun",
          "current",
          "current",
        ]);
      }),
    );
  });

  it("includes the whole of the month and of the year that it names", () => {
    fc.assert(
      fc.property(days.map(dayOf), fc.constantFrom(4, 7), (day, length) => {
        const part = day.slice(0, length);
        const first = `${part}-01-01`.slice(0, 10);
        const next = new Date(first);
        next.setUTCMonth(next.getUTCMonth() + (length === 4 ? 12 : 1));
        const last = later(dayOf(next), -1);
        expect([last, dayOf(next)].map((today) => onlyEnds(part, today))).toEqual(["current", "ended"]);
        expect([later(first, -1), first].map((today) => onlyStarts(part, today))).toEqual(["not-begun", "current"]);
      }),
    );
  });

  it("takes a time for the UTC day in which it falls, whatever zone it is written in", () => {
    const minutes = fc.integer({ min: -12 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(days, minutes, (instant, offset) => {
        const local = new Date(instant.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const two = (number: number) => String(Math.trunc(number)).padStart(2, "0");
        const zone = `${offset < 0 ? "-" : "+"}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`;
        const day = dayOf(instant);
        for (const time of [`${local}${zone}`, instant.toISOString()]) {
          expect([0, 1].map((shift) => onlyEnds(time, later(day, shift)))).toEqual(["current", "ended"]);
          expect([-1, 0].map((shift) => onlyStarts(time, later(day, shift)))).toEqual(["not-begun", "current"]);
        }
      }),
    );
  });
});
