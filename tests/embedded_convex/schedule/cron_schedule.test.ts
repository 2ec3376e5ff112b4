import { describe, expect, test } from "vitest";
import { nextTick } from "../../../embedded_convex/schedule/cron_schedule.ts";

const at = (text: string) => Date.parse(`${text}Z`);
const next = (cron: string, after: string) => new Date(nextTick("c", { type: "cron", cron }, at(after))).toISOString().slice(0, 16);

describe("cron expressions, in UTC", () => {
  test.each([
    ["* * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01"],
    ["*/15 * * * *", "2026-01-01T00:16:30", "2026-01-01T00:30"],
    ["5,10 3-4 * * *", "2026-01-01T03:10:00", "2026-01-01T04:05"],
    ["0 0 1 * *", "2026-01-31T10:00:00", "2026-02-01T00:00"],
    ["0 9 * * mon-fri", "2026-01-03T00:00:00", "2026-01-05T09:00"],
    ["0 0 * * 7", "2026-01-01T00:00:00", "2026-01-04T00:00"],
    ["0 0 29 feb *", "2026-01-01T00:00:00", "2028-02-29T00:00"],
    ["59 23 31 12 *", "2026-12-31T23:59:00", "2027-12-31T23:59"],
    ["0 0 13 * fri", "2026-01-01T00:00:00", "2026-01-02T00:00"],
  ])("%s after %s is %s", (cron, after, expected) => {
    expect(next(cron, after)).toBe(expected);
  });

  test.each(["", "* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "a * * * *", "0 0 31 feb *"])(
    "%j is refused",
    (cron) => {
      expect(() => next(cron, "2026-01-01T00:00:00")).toThrow(/cron "c"/);
    },
  );
});

test("Convex's own schedules", () => {
  const after = at("2026-01-01T12:30:00"); // a Thursday
  const iso = (schedule: Record<string, string | number>) => new Date(nextTick("c", schedule, after)).toISOString().slice(0, 16);
  expect(iso({ type: "interval", minutes: 5 })).toBe("2026-01-01T12:35");
  expect(iso({ type: "hourly", minuteUTC: 10 })).toBe("2026-01-01T13:10");
  expect(iso({ type: "daily", hourUTC: 3, minuteUTC: 0 })).toBe("2026-01-02T03:00");
  expect(iso({ type: "weekly", dayOfWeek: "thursday", hourUTC: 12, minuteUTC: 30 })).toBe("2026-01-08T12:30");
  expect(iso({ type: "monthly", day: 31, hourUTC: 0, minuteUTC: 0 })).toBe("2026-01-31T00:00");
});

test("a schedule without a minute keeps the one that its name gives", () => {
  const minute = (name: string) => new Date(nextTick(name, { type: "hourly" }, at("2026-01-01T00:00:00"))).getUTCMinutes();
  expect(minute("sweep")).toBe(minute("sweep"));
  expect(new Set(["a", "b", "c", "d"].map(minute)).size).toBeGreaterThan(1);
});
